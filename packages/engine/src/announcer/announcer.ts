import {
  assert,
  earliest,
  type Family,
  type InfoHash,
  type Machine,
  type Ms,
  ms,
  type PeerId,
  type Prng,
  Queue,
} from "@dure/base";
import {
  type AnnounceEvent,
  type AnnounceReply,
  replyPeersMax,
  scrapeUrl,
  type TrackerAnswer,
  type TrackerRefusal,
} from "@dure/protocol";
import type { AnnounceFailure, AnnouncerInput, AnnouncerOutput, AnnouncerTotals } from "./messages.ts";
import { forcedWait, intervalsOf, refusalWait, retryWait, slowWait, unsupportedWait } from "./timing.ts";
import { type Endpoint, type Tracker, TrackerList } from "./tracker-list.ts";
import { dueAt, nextTurn } from "./turns.ts";
import { usablePeers } from "./usable-peers.ts";

export interface AnnouncerOptions {
  /** BEP 12's announce-list, or one tier with the one `announce` URL. */
  readonly tiers: readonly (readonly string[])[];
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Where this peer listens. */
  readonly port: number;
  /** 32 random bits, the same for the life of the torrent (BEP 7). */
  readonly key: number;
  readonly prng: Prng;
  /** BEP 27: one tracker at a time. */
  readonly private: boolean;
  readonly totals: AnnouncerTotals;
  readonly numwant?: number;
  /** The first announce waits a random part of this, so that many torrents do not start in one instant. */
  readonly startStagger?: Ms;
}

const numwantUsual = 80;

type State = { readonly name: "stopped" } | { readonly name: "running"; readonly startAt: Ms };
type Pending = { readonly type: "announce" | "scrape"; readonly endpoint: Endpoint };

/**
 * All trackers of one torrent (BEP 3, 7, 12, 21, 24, 27, 31).
 *
 * - A tracker is asked over both address families; each of the two is an endpoint with a state of its own.
 * - Turns: a tracker's turn comes when all before it in its tier are down. Public torrents walk each tier by itself;
 *   private ones walk all tiers as one list and ask a single tracker at a time.
 * - `started` is said until it is heard, then never again; `stopped` only where `started` was heard.
 * - At most one announce an endpoint and one scrape a tracker wait for an answer.
 */
export class Announcer implements Machine<AnnouncerInput, AnnouncerOutput> {
  readonly #options: AnnouncerOptions;
  readonly #list: TrackerList;
  readonly #externalPorts = new Map<Family, number>(); // two
  readonly #outbox = new Queue<AnnouncerOutput>(); // bounded: a few entries an endpoint and handled input
  readonly #pending = new Map<number, Pending>(); // bounded: see the invariants
  #state: State = { name: "stopped" };
  #totals: AnnouncerTotals;
  #completed = false;
  #private: boolean;
  #requests = 0;
  #deadline: Ms | undefined;
  /** The tracker whose peers a private torrent has. */
  #current: Tracker | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#totals = options.totals;
    this.#private = options.private;
    this.#list = new TrackerList(options.tiers, options.prng);
    for (const { url, reason } of this.#list.ignored) {
      this.#outbox.push({ type: "status", url, state: "ignored", reason });
    }
  }

  /** True when no announce waits for its answer: after `stop`, that all has been said. */
  get settled(): boolean {
    for (const { type } of this.#pending.values()) if (type === "announce") return false;
    return true;
  }

  /** BEP 27, learnt late: the metadata of a magnet link said so. */
  becomePrivate(): void {
    this.#private = true;
  }

  /** What the next announces will report. */
  setTotals(totals: AnnouncerTotals): void {
    this.#totals = totals;
  }

  /** The port that trackers are told over a family. */
  portOver(family: Family): number {
    return this.#externalPorts.get(family) ?? this.#options.port;
  }

  handle(now: Ms, input: AnnouncerInput): void {
    switch (input.type) {
      case "start":
        this.#start(now);
        break;
      case "stop":
        this.#stop(now);
        break;
      case "completed":
        this.#complete(now);
        break;
      case "need-peers":
        this.#hurry(now);
        break;
      case "reannounce":
        this.#force(now);
        break;
      case "external-port": {
        const before = this.portOver(input.family);
        this.#externalPorts.set(input.family, input.port);
        if (input.port !== before) this.#force(now);
        break;
      }
      case "scrape":
        this.#scrape(now);
        break;
      case "add-tracker":
        this.#add(input.url, input.tier);
        break;
      case "reply":
        this.#hear(now, input.request, input.reply);
        break;
      case "failed":
        this.#fail(now, input.request, input.reason, input.detail);
        break;
      case "wake":
        break;
    }
    this.#advance(now);
  }

  poll(): AnnouncerOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    return this.#deadline;
  }

  // Inputs that are wishes

  #start(now: Ms): void {
    if (this.#state.name === "running") return;
    const stagger = this.#options.startStagger ?? 0;
    this.#state = { name: "running", startAt: ms(now + this.#options.prng.below(stagger + 1)) };
    for (const endpoint of this.#list.endpoints()) {
      const { state } = endpoint;
      if (state.name === "asking" && state.event === "stopped") this.#forget(endpoint);
      if (state.name === "resting") endpoint.state = { ...state, nextAt: latest(now, state.earliestAt) };
    }
  }

  #stop(now: Ms): void {
    if (this.#state.name === "stopped") return;
    this.#state = { name: "stopped" };
    for (const endpoint of this.#list.endpoints()) {
      endpoint.completedDue = false;
      endpoint.forcedAt = undefined;
      const { state } = endpoint;
      // Who asked not to be asked (BEP 31) is not told either: it will find out by our silence.
      const unwelcome = state.name === "retired" || (state.name === "resting" && now < state.earliestAt);
      if (endpoint.started && !unwelcome) this.#sayStopped(now, endpoint);
    }
  }

  #complete(now: Ms): void {
    if (this.#completed) return;
    this.#completed = true;
    if (this.#state.name === "stopped") return; // whoever hears `started` next hears of a seed
    for (const endpoint of this.#list.endpoints()) {
      const { state } = endpoint;
      // One that has yet to hear `started` will hear of a seed, which BEP 3 wants without `completed`.
      endpoint.completedDue = endpoint.started || (state.name === "asking" && state.event === "started");
      if (endpoint.started && state.name === "working") endpoint.state = { ...state, nextAt: now };
    }
  }

  #hurry(now: Ms): void {
    for (const endpoint of this.#list.endpoints()) {
      const { state } = endpoint;
      if (state.name !== "working") continue;
      const nextAt = soonest(state.nextAt, latest(now, state.earliestAt));
      endpoint.state = { ...state, nextAt };
    }
  }

  #force(now: Ms): void {
    if (this.#state.name === "stopped") return;
    for (const endpoint of this.#list.endpoints()) {
      const { state, announcedAt } = endpoint;
      if (announcedAt === undefined) continue;
      const forcedAt = latest(now, ms(announcedAt + forcedWait));
      endpoint.failures = 0;
      if (state.name === "asking") endpoint.forcedAt = forcedAt;
      if (state.name === "working") endpoint.state = { ...state, nextAt: soonest(state.nextAt, forcedAt) };
      if (state.name === "resting") {
        endpoint.state = { ...state, nextAt: soonest(state.nextAt, latest(forcedAt, state.earliestAt)) };
      }
    }
  }

  #scrape(now: Ms): void {
    const trackers = this.#private ? [this.#current ?? this.#list.tiers[0]?.[0]] : this.#fronts();
    for (const tracker of trackers) {
      if (tracker === undefined || !canScrape(tracker)) continue;
      if (tracker.scrapedAt !== undefined && now < tracker.scrapedAt + forcedWait) continue;
      const { endpoints } = tracker;
      const endpoint = endpoints.find(({ state }) => state.name === "working") ?? endpoints[0];
      if (endpoint === undefined) continue;
      for (const [request, pending] of this.#pending) {
        if (pending.type === "scrape" && pending.endpoint.tracker === tracker) this.#pending.delete(request);
      }
      tracker.scrapedAt = now;
      const request = this.#request("scrape", endpoint);
      this.#outbox.push({ type: "scrape", request, url: tracker.url, family: endpoint.family });
    }
  }

  #add(url: string, tier: number): void {
    const added = this.#list.add(url, tier);
    if (typeof added === "object" || added === "known") return;
    this.#outbox.push({ type: "status", url, state: "ignored", reason: added });
  }

  // Inputs that are answers

  #hear(now: Ms, request: number, answer: TrackerAnswer): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return; // given up meanwhile
    this.#pending.delete(request);
    const { endpoint } = pending;
    if (pending.type === "scrape") return this.#hearCounts(endpoint, answer);
    if (answer.type === "announced") return this.#hearPeers(now, endpoint, answer.reply);
    if (answer.type === "refused") return this.#hearRefusal(now, endpoint, answer);
    this.#rest(now, endpoint, "bad-reply", undefined);
  }

  #hearCounts(endpoint: Endpoint, answer: TrackerAnswer): void {
    const counts = answer.type === "scraped" ? answer.swarms[0] : undefined;
    if (counts === undefined) return; // a tracker need not scrape
    const { tracker, family } = endpoint;
    this.#outbox.push({ type: "status", url: tracker.url, state: "scraped", family, counts });
  }

  #hearPeers(now: Ms, endpoint: Endpoint, reply: AnnounceReply): void {
    const { state, tracker, family } = endpoint;
    assert(state.name === "asking", "an announce is answered while its endpoint asks");
    endpoint.failures = 0;
    tracker.trackerId = reply.trackerId ?? tracker.trackerId;
    endpoint.state = { name: "due" };
    if (state.event === "stopped") return;
    if (state.event === "started") endpoint.started = true;
    if (state.event === "completed") endpoint.completedDue = false;
    if (this.#state.name === "stopped") return this.#sayStopped(now, endpoint); // `started` was heard after all
    const nextAt = this.#work(now, endpoint, reply);
    this.#list.moveToFront(tracker);
    this.#switchTo(tracker);
    if (reply.externalIp !== undefined) this.#outbox.push({ type: "external-ip", ip: reply.externalIp });
    const addresses = usablePeers(reply.peers, replyPeersMax);
    if (addresses.length > 0) this.#outbox.push({ type: "peers", url: tracker.url, family, addresses });
    const { warning, seeders, leechers } = reply;
    const status = { type: "status", state: "working", url: tracker.url, family } as const;
    this.#outbox.push({ ...status, warning, seeders, leechers, nextAt });
  }

  #work(now: Ms, endpoint: Endpoint, reply: AnnounceReply): Ms {
    const { regular, least } = intervalsOf(reply);
    const forcedAt = endpoint.completedDue ? now : endpoint.forcedAt;
    const nextAt = soonest(ms(now + regular), forcedAt ?? ms(Number.POSITIVE_INFINITY));
    endpoint.state = { name: "working", nextAt, earliestAt: ms(now + least) };
    return nextAt;
  }

  #switchTo(tracker: Tracker): void {
    const from = this.#current;
    this.#current = tracker;
    if (!this.#private || from === undefined || from === tracker) return;
    this.#outbox.push({ type: "switch", from: from.url, to: tracker.url });
  }

  #hearRefusal(now: Ms, endpoint: Endpoint, refusal: TrackerRefusal): void {
    const { failure, retryIn } = refusal;
    if (retryIn !== "never") return this.#rest(now, endpoint, "refused", failure, retryIn);
    endpoint.state = { name: "retired" };
    const { tracker, family } = endpoint;
    this.#outbox.push({ type: "status", url: tracker.url, state: "retired", family, message: failure });
  }

  #fail(now: Ms, request: number, reason: AnnounceFailure, detail: string | undefined): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return; // given up meanwhile
    this.#pending.delete(request);
    if (pending.type === "announce") this.#rest(now, pending.endpoint, reason, detail);
  }

  #rest(
    now: Ms,
    endpoint: Endpoint,
    reason: AnnounceFailure | "refused",
    message: string | undefined,
    retryIn?: Ms,
  ): void {
    const { state, tracker, family } = endpoint;
    const earliestAt = retryIn === undefined ? now : ms(now + refusalWait(retryIn));
    // Nobody waits for the answer to `stopped`, nor for a `started` that was stopped before it was heard.
    if (this.#state.name === "stopped" || (state.name === "asking" && state.event === "stopped")) {
      endpoint.state = { name: "resting", nextAt: earliestAt, earliestAt };
      return;
    }
    const nextAt = latest(endpoint.forcedAt ?? ms(now + this.#restWait(endpoint, reason)), earliestAt);
    endpoint.state = { name: "resting", nextAt, earliestAt };
    const status = { type: "status", url: tracker.url, family, nextAt } as const;
    if (reason === "no-address") this.#outbox.push({ ...status, state: "unsupported" });
    else this.#outbox.push({ ...status, state: "failed", reason, message });
  }

  #restWait(endpoint: Endpoint, reason: AnnounceFailure | "refused"): Ms {
    if (reason === "no-address") return unsupportedWait;
    endpoint.failures += 1;
    return retryWait(endpoint.failures, this.#options.prng);
  }

  // Turns

  /** Asks whoever is due, and finds out when to look again. */
  #advance(now: Ms): void {
    this.#deadline = undefined;
    if (this.#state.name === "stopped") return;
    if (now < this.#state.startAt) return this.#lookAgain(this.#state.startAt);
    for (const trackers of this.#orders()) {
      const { due, lookAt } = nextTurn(trackers, now);
      this.#lookAgain(lookAt);
      for (const endpoint of due) this.#announce(now, endpoint, this.#eventFor(endpoint));
    }
  }

  /** Lists of trackers of which one at a time has its turn. */
  #orders(): readonly (readonly Tracker[])[] {
    if (!this.#private) return this.#list.tiers;
    const all = this.#list.tiers.flat();
    const current = this.#current;
    return [current === undefined ? all : [current, ...all.filter((tracker) => tracker !== current)]];
  }

  #eventFor(endpoint: Endpoint): AnnounceEvent {
    if (!endpoint.started) return "started";
    if (endpoint.completedDue) return "completed";
    return this.#totals.partialSeed === true ? "paused" : "none";
  }

  #lookAgain(at: Ms | undefined): void {
    this.#deadline = earliest(this.#deadline, at);
  }

  // Announcing

  #sayStopped(now: Ms, endpoint: Endpoint): void {
    endpoint.started = false;
    this.#announce(now, endpoint, "stopped");
  }

  #announce(now: Ms, endpoint: Endpoint, event: AnnounceEvent): void {
    this.#forget(endpoint);
    if (this.#private && event !== "stopped") this.#dropOthers(now, endpoint.tracker);
    const { tracker, family } = endpoint;
    const request = this.#request("announce", endpoint);
    const slowAt = ms(now + slowWait);
    endpoint.state = { name: "asking", request, event, slowAt };
    if (event !== "stopped") this.#lookAgain(slowAt);
    if (event === "started") endpoint.completedDue = false; // it will hear of what is left by now
    endpoint.announcedAt = now;
    endpoint.forcedAt = undefined;
    const { infoHash, peerId, key, numwant: wanted = numwantUsual } = this.#options;
    const port = this.portOver(family);
    const { uploaded, downloaded, left } = this.#totals;
    const numwant = event === "stopped" ? 0 : wanted;
    const { url, trackerId } = tracker;
    const totals = { uploaded, downloaded, left };
    const ids = { infoHash, peerId, port, key, trackerId };
    this.#outbox.push({ type: "announce", request, url, family, event, numwant, ...totals, ...ids });
  }

  /** BEP 27: whoever has not answered by the next tracker's turn is no longer listened to. */
  #dropOthers(now: Ms, tracker: Tracker): void {
    for (const endpoint of this.#list.endpoints()) {
      if (endpoint.tracker === tracker || endpoint.state.name !== "asking") continue;
      this.#forget(endpoint);
      endpoint.forcedAt = undefined; // else it would be due again at once, and the two would take turns for ever
      this.#rest(now, endpoint, "no-answer", undefined);
      this.#lookAgain(dueAt(endpoint, now));
    }
  }

  /** The answer to its announce, should one come, will be ignored. */
  #forget(endpoint: Endpoint): void {
    if (endpoint.state.name !== "asking") return;
    this.#pending.delete(endpoint.state.request);
    endpoint.state = { name: "due" };
  }

  #request(type: Pending["type"], endpoint: Endpoint): number {
    this.#requests += 1;
    this.#pending.set(this.#requests, { type, endpoint });
    return this.#requests;
  }

  #fronts(): (Tracker | undefined)[] {
    return this.#list.tiers.map((tier) => tier[0]);
  }
}

function canScrape(tracker: Tracker): boolean {
  return tracker.url.startsWith("udp:") || scrapeUrl(tracker.url) !== undefined;
}

function latest(a: Ms, b: Ms): Ms {
  return a > b ? a : b;
}

function soonest(a: Ms, b: Ms): Ms {
  return a < b ? a : b;
}
