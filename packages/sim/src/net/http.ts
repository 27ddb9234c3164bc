import { canonicalIp, formatAddress, ipScope } from "@dure/base";
import type { HttpFailure, NetEffect, NetEvent, UrlTrust } from "@dure/carrier";
import type { Host } from "./host.ts";
import type { Network } from "./network.ts";

/** Answers the target of a GET (`/announce?…`) from an address. */
export type HttpService = (
  target: string,
  remoteIp: string,
) => { readonly status: number; readonly body: Uint8Array };

type HttpGet = Extract<NetEffect, { type: "http-get" }>;

/** GETs of one process: a handshake and a question, two round trips, and no bytes on the line's account. */
export class HttpClient {
  readonly #network: Network;
  readonly #host: Host;
  readonly #tell: (event: NetEvent) => void;
  readonly #pending = new Set<number>(); // bounded by who asks

  constructor(network: Network, host: Host, tell: (event: NetEvent) => void) {
    this.#network = network;
    this.#host = host;
    this.#tell = tell;
  }

  get(effect: HttpGet): void {
    const { request, url, timeout } = effect;
    this.#pending.add(request);
    this.#network.clock.after(timeout, () => this.#fail(request, "timeout"));
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || parsed.protocol !== "http:") return this.#failSoon(request, "bad-reply");
    const found = resolve(this.#network, parsed.hostname, effect.family);
    const ip = found[0];
    if (ip === undefined) return this.#failSoon(request, "name-not-found");
    if (!mayReach(ip, effect.trust, parsed.pathname)) return this.#failSoon(request, "local-address");
    this.#ask(effect, ip, parsed);
  }

  cancel(request: number): void {
    this.#pending.delete(request);
  }

  close(): void {
    this.#pending.clear();
  }

  #ask(effect: HttpGet, ip: string, url: URL): void {
    const { request, bytesMax } = effect;
    const server = this.#network.find(ip);
    if (server === undefined) return this.#failSoon(request, "unreachable");
    const { clock } = this.#network;
    const delay = this.#network.delay(this.#host, server);
    const service = () => this.#network.httpServices.get(formatAddress({ ip, port: Number(url.port || 80) }));
    clock.after(delay * 2, () => {
      if (!this.#network.reaches(this.#host, server)) return; // lost: the timeout will tell
      if (service() === undefined) return this.#fail(request, "refused");
      clock.after(delay, () => {
        if (!this.#pending.has(request) || !this.#network.reaches(this.#host, server)) return;
        const reply = service()?.(url.pathname + url.search, this.#host.ip);
        if (reply === undefined) return;
        clock.after(delay, () => {
          if (!this.#network.reaches(server, this.#host)) return;
          if (reply.body.length > bytesMax) return this.#fail(request, "too-long");
          if (!this.#pending.delete(request)) return;
          this.#tell({ type: "http-reply", request, status: reply.status, body: reply.body.slice(), ip });
        });
      });
    });
  }

  #failSoon(request: number, reason: HttpFailure): void {
    this.#network.clock.after(0, () => this.#fail(request, reason));
  }

  #fail(request: number, reason: HttpFailure): void {
    if (this.#pending.delete(request))
      this.#tell({ type: "http-failed", request, reason, detail: `simulated ${reason}` });
  }
}

/** Addresses of a name or a literal in one family. */
export function resolve(network: Network, name: string, family: 4 | 6): readonly string[] {
  const literal = canonicalIp(name.replace(/^\[|\]$/g, ""));
  const ips = literal === undefined ? (network.names.get(name) ?? []) : [literal];
  return ips.filter((ip) => ip.includes(":") === (family === 6));
}

/** CONTRACT.md, "Local URLs". */
export function mayReach(ip: string, trust: UrlTrust, path: string | undefined): boolean {
  if (trust === "any" || ipScope(ip) === "global") return true;
  if (trust === "stranger") return false;
  return path === undefined || /\/(announce|scrape)$/.test(path);
}
