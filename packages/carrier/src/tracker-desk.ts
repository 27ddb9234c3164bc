import { type Address, canonicalIp, familyOf, formatAddress, type Ms, type Prng } from "@dure/base";
import type { AnnounceFailure, AnnouncerOutput } from "@dure/engine";
import {
  announceUrl,
  ConnectionIds,
  decodeHttpAnnounce,
  decodeHttpScrape,
  httpReplyBytesMax,
  scrapeUrl,
  type TrackerAnswer,
  UdpExchange,
  type UdpQuestion,
} from "@dure/protocol";
import type { CarriedTorrent } from "./carried-torrent.ts";
import type { Desk } from "./desk.ts";
import type { HttpFailure, NetEvent, UrlTrust } from "./ports/index.ts";

type Question = Extract<AnnouncerOutput, { type: "announce" | "scrape" }>;

interface Pending {
  readonly torrent: CarriedTorrent;
  readonly question: Question;
}

const httpTimeout = 30_000;

/** Carries announces and scrapes: HTTP through the host, UDP by exchanges of our own (BEP 15) on the host's datagrams. */
export class TrackerDesk {
  readonly #desk: Desk;
  readonly #prng: Prng;
  readonly #allowLocal: boolean;
  readonly #connectionIds = new ConnectionIds();
  /** Bounded by the announcers: one announce an endpoint, one scrape a tracker. */
  readonly #http = new Map<number, Pending>();
  readonly #resolving = new Map<number, Pending & { readonly port: number }>();
  readonly #exchanges = new Map<
    number,
    Pending & { readonly exchange: UdpExchange; readonly endpoint: Address }
  >();
  #requests = 0;

  constructor(desk: Desk, prng: Prng, allowLocal: boolean) {
    this.#desk = desk;
    this.#prng = prng;
    this.#allowLocal = allowLocal;
  }

  ask(now: Ms, torrent: CarriedTorrent, question: Question): void {
    if (question.type === "announce") this.#forgetOlder(torrent, question);
    this.#requests += 1;
    const request = this.#requests;
    if (question.url.startsWith("udp:")) return this.#askUdp(now, request, { torrent, question });
    const url =
      question.type === "announce"
        ? announceUrl(question.url, question)
        : scrapeUrl(question.url, [torrent.key.infoHash]);
    if (url === undefined) return this.#failed(now, { torrent, question }, "bad-reply");
    this.#http.set(request, { torrent, question });
    const limits = { bytesMax: httpReplyBytesMax, timeout: httpTimeout };
    this.#desk.emit({
      type: "http-get",
      request,
      url,
      family: question.family,
      trust: this.#trust(),
      ...limits,
    });
  }

  handle(now: Ms, event: NetEvent): void {
    switch (event.type) {
      case "http-reply":
        return this.#httpReply(now, event.request, event.status, event.body);
      case "http-failed":
        return this.#httpFailed(now, event.request, event.reason, event.detail);
      case "resolved":
        return this.#resolved(now, event.request, event.ips);
      case "resolve-failed": {
        const pending = this.#resolving.get(event.request);
        this.#resolving.delete(event.request);
        if (pending !== undefined) this.#failed(now, pending, failureOf(event.reason));
        return;
      }
      case "udp-data":
        return this.#datagram(now, event.from, event.bytes);
      default:
        return;
    }
  }

  deadline(): Ms | undefined {
    let at: Ms | undefined;
    for (const { exchange } of this.#exchanges.values()) {
      const due = exchange.deadline();
      if (due !== undefined && (at === undefined || due < at)) at = due;
    }
    return at;
  }

  wake(now: Ms): void {
    for (const [request, { exchange }] of [...this.#exchanges]) {
      const due = exchange.deadline();
      if (due === undefined || due > now) continue;
      exchange.handle(now, { type: "wake" });
      this.#drain(now, request);
    }
  }

  /** Our address changed: ids bound to the old one are of no use. */
  networkChanged(): void {
    this.#connectionIds.clear();
  }

  forget(torrent: CarriedTorrent): void {
    for (const pending of [this.#http, this.#resolving, this.#exchanges]) {
      for (const [request, entry] of [...pending]) if (entry.torrent === torrent) pending.delete(request);
    }
  }

  #askUdp(now: Ms, request: number, pending: Pending): void {
    const url = URL.canParse(pending.question.url) ? new URL(pending.question.url) : undefined;
    const port = Number(url?.port ?? 0);
    if (url === undefined || port === 0) return this.#failed(now, pending, "unresolved");
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const ip = canonicalIp(host);
    if (ip === undefined) {
      this.#resolving.set(request, { ...pending, port });
      this.#desk.emit({
        type: "resolve",
        request,
        host,
        family: pending.question.family,
        trust: this.#trust(),
      });
    } else if (familyOf(ip) !== pending.question.family) this.#failed(now, pending, "no-address");
    else this.#exchange(now, request, pending, { ip, port });
  }

  #resolved(now: Ms, request: number, ips: readonly string[]): void {
    const pending = this.#resolving.get(request);
    if (pending === undefined) return;
    this.#resolving.delete(request);
    const ip = ips[0];
    if (ip === undefined) this.#failed(now, pending, "no-address");
    else this.#exchange(now, request, pending, { ip, port: pending.port });
  }

  #exchange(now: Ms, request: number, pending: Pending, endpoint: Address): void {
    const { question, torrent } = pending;
    const ask: UdpQuestion =
      question.type === "announce"
        ? { type: "announce", announce: question, urlData: urlDataOf(question.url) }
        : { type: "scrape", infoHashes: [torrent.key.infoHash] };
    const options = { endpoint, question: ask, connectionIds: this.#connectionIds, prng: this.#prng };
    const exchange = new UdpExchange(options);
    this.#exchanges.set(request, { ...pending, exchange, endpoint });
    exchange.handle(now, { type: "start" });
    this.#drain(now, request);
  }

  #datagram(now: Ms, from: Address, bytes: Uint8Array): void {
    const sender = formatAddress(from);
    for (const [request, { exchange, endpoint }] of [...this.#exchanges]) {
      if (formatAddress(endpoint) !== sender) continue;
      exchange.handle(now, { type: "datagram", bytes });
      this.#drain(now, request);
    }
  }

  #drain(now: Ms, request: number): void {
    const pending = this.#exchanges.get(request);
    if (pending === undefined) return;
    for (let output = pending.exchange.poll(); output !== undefined; output = pending.exchange.poll()) {
      if (output.type === "send") {
        this.#desk.emit({ type: "udp-send", to: pending.endpoint, bytes: output.bytes });
        continue;
      }
      this.#exchanges.delete(request);
      if (output.type === "gave-up") this.#failed(now, pending, "no-answer");
      else this.#answered(now, pending, output);
    }
  }

  #httpReply(now: Ms, request: number, status: number, body: Uint8Array): void {
    const pending = this.#http.get(request);
    if (pending === undefined) return;
    this.#http.delete(request);
    const decoded =
      pending.question.type === "announce"
        ? decodeHttpAnnounce(body)
        : decodeHttpScrape(body, [pending.torrent.key.infoHash]);
    // Some trackers explain themselves in bencode under an error status.
    if (decoded.ok && (status < 400 || decoded.value.type === "refused"))
      this.#answered(now, pending, decoded.value);
    else this.#failed(now, pending, "bad-reply", status >= 400 ? `HTTP ${status}` : undefined);
  }

  #httpFailed(now: Ms, request: number, reason: HttpFailure, detail: string): void {
    const pending = this.#http.get(request);
    if (pending === undefined) return;
    this.#http.delete(request);
    this.#failed(now, pending, failureOf(reason), detail);
  }

  #answered(now: Ms, { torrent, question }: Pending, reply: TrackerAnswer): void {
    torrent.input(now, { type: "tracker", input: { type: "reply", request: question.request, reply } });
  }

  #failed(now: Ms, { torrent, question }: Pending, reason: AnnounceFailure, detail?: string): void {
    torrent.input(now, {
      type: "tracker",
      input: { type: "failed", request: question.request, reason, detail },
    });
  }

  /** An announce takes the place of an earlier one to the same tracker over the same family. */
  #forgetOlder(torrent: CarriedTorrent, question: Question): void {
    const same = (entry: Pending) =>
      entry.torrent === torrent &&
      entry.question.type === question.type &&
      entry.question.url === question.url &&
      entry.question.family === question.family;
    for (const [request, entry] of [...this.#http]) {
      if (!same(entry)) continue;
      this.#http.delete(request);
      this.#desk.emit({ type: "http-cancel", request });
    }
    for (const pending of [this.#resolving, this.#exchanges]) {
      for (const [request, entry] of [...pending]) if (same(entry)) pending.delete(request);
    }
  }

  #trust(): UrlTrust {
    return this.#allowLocal ? "any" : "named-tracker";
  }
}

/** BEP 41: path and query of the tracker's URL. */
function urlDataOf(text: string): string {
  const url = new URL(text);
  return url.pathname === "/" && url.search === "" ? "" : url.pathname + url.search;
}

function failureOf(reason: HttpFailure): AnnounceFailure {
  switch (reason) {
    case "no-address":
      return "no-address";
    case "name-not-found":
      return "unresolved";
    case "local-address":
      return "forbidden";
    case "timeout":
      return "no-answer";
    case "too-long":
    case "redirects":
    case "bad-reply":
      return "bad-reply";
    default:
      return "unreachable";
  }
}
