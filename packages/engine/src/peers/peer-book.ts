import {
  type Address,
  BoundedMap,
  BoundedSet,
  earliest,
  type Family,
  familyOf,
  formatAddress,
  type Ms,
  minutes,
  ms,
  type Prng,
} from "@dure/base";
import { isDialable, isLocal, subscriberOf } from "./address-key.ts";
import { BanList } from "./ban-list.ts";
import { canonicalPriority } from "./canonical-priority.ts";
import {
  byMerit,
  byWorthlessness,
  isHearsay,
  type KnownPeer,
  namedByUser,
  type PeerHints,
  type PeerSource,
  standing,
} from "./known-peer.ts";
import { peerLimits, retryWait } from "./limits.ts";
import { type PeerBookStats, tallyPeers } from "./peer-stats.ts";
import { VictimGuard } from "./victim-guard.ts";

export type DialFailure =
  | "refused"
  | "unreachable" // may be our own network: never the reason to give a peer up
  | "timeout"
  | "reset"
  | "end"
  | "handshake"
  | "wrong-torrent" // it is there and does not have this torrent: given up at once
  | "other";

export type AddOutcome =
  | "added"
  | "known" // its sources and hints were noted
  | "full"
  | "banned"
  | "filtered"
  | "own"
  | "not-dialable"
  | "privileged-port"
  | "too-many-ports";

export interface PeerBookOptions {
  readonly prng: Prng;
  readonly knownMax?: number;
  /** Limits per IP count loopback and private addresses too: for tests. */
  readonly countLocal?: boolean;
  /** IPs that the user wants nothing to do with, local ones too. What it says may change: then call `refilter`. */
  readonly filtered?: (ip: string) => boolean;
}

/**
 * The addresses of one torrent's peers, and which to connect to next. It opens nothing: the owner asks `next`
 * while it has room for connections, and says what came of each.
 *
 * Addresses are where peers listen. Of an incoming connection only the IP is known until its handshake names a
 * port (BEP 10, `p`); a method given an address that is not in the book does nothing.
 */
export class PeerBook {
  readonly #known: BoundedMap<string, KnownPeer>;
  readonly #bans: BanList;
  readonly #victims: VictimGuard;
  readonly #own = new BoundedSet<string>({ max: peerLimits.ownMax, full: "drop-oldest" });
  readonly #ownByFamily = new Map<Family, Address>(); // two entries
  readonly #prng: Prng;
  readonly #countLocal: boolean;
  readonly #filtered: (ip: string) => boolean;
  #seeding = false;
  #deadline: { readonly at: Ms | undefined } | undefined; // undefined: to be computed

  constructor(options: PeerBookOptions) {
    this.#prng = options.prng;
    this.#countLocal = options.countLocal ?? false;
    this.#filtered = options.filtered ?? (() => false);
    this.#known = new BoundedMap({ max: options.knownMax ?? peerLimits.knownMax, full: "refuse" });
    this.#bans = new BanList(this.#countLocal);
    this.#victims = new VictimGuard();
  }

  add(now: Ms, address: Address, source: PeerSource, hints?: PeerHints): AddOutcome {
    const key = formatAddress(address);
    const peer = this.#known.get(key);
    if (peer !== undefined) return this.#hearAgain(now, peer, source, hints);
    const refusal = this.#refusal(address, key, source);
    if (refusal !== undefined) return refusal;
    const counts = this.#countLocal || !isLocal(address.ip);
    const lot = this.#prng.uint32();
    const added: KnownPeer = {
      key,
      address,
      subscriber: counts ? subscriberOf(address.ip) : undefined,
      sources: new Set([source]),
      state: { name: "idle", due: now },
      failures: 0,
      seed: hints?.seed ?? false,
      seedObserved: false,
      hints: hints ?? {},
      heardAt: now,
      usefulAt: undefined,
      priority: this.#priority(address) ?? lot,
      lot,
    };
    if (source !== "user" && this.#victims.ports(added) >= peerLimits.portsPerIpMax) return "too-many-ports";
    if (this.#known.full && !this.#makeRoom(added)) return "full";
    this.#known.set(key, added);
    this.#victims.added(added);
    this.#deadline = undefined;
    return "added";
  }

  /** The best address to connect to now. It stays the answer until `connecting` is called with it. */
  next(now: Ms): Address | undefined {
    const deadline = this.deadline(now);
    if (deadline === undefined || deadline > now) return undefined;
    let best: KnownPeer | undefined;
    for (const peer of this.#known.values()) {
      if (peer.state.name !== "idle" || peer.state.due > now || !this.#wanted(now, peer)) continue;
      if (best === undefined || byMerit(peer, best) < 0) best = peer;
    }
    return best?.address;
  }

  /** When `next` has an answer; at or before `now` when it has one already. */
  deadline(now: Ms): Ms | undefined {
    if (this.#deadline === undefined) {
      let at: Ms | undefined;
      for (const peer of this.#known.values()) {
        if (peer.state.name === "idle" && this.#wanted(now, peer)) at = earliest(at, peer.state.due);
      }
      this.#deadline = { at };
    }
    return this.#deadline.at;
  }

  connecting(now: Ms, address: Address): void {
    this.#change(address, (peer) => {
      peer.state = { name: "connecting" };
      this.#victims.tried(now, peer);
    });
  }

  /** The handshake is done, whoever began. */
  connected(now: Ms, address: Address): void {
    this.#change(address, (peer) => {
      peer.state = { name: "connected" };
      peer.heardAt = now;
      this.#victims.succeeded(peer);
    });
  }

  /** A try that reached no handshake. */
  failed(now: Ms, address: Address, reason: DialFailure): void {
    this.#change(address, (peer) => this.#rest(now, peer, reason));
  }

  /** A connection has ended. `useful`: it gave or took payload, or would have. */
  closed(now: Ms, address: Address, outcome: { readonly useful: boolean }): void {
    this.#change(address, (peer) => {
      if (outcome.useful) {
        peer.failures = 0;
        peer.usefulAt = now;
        peer.state = { name: "idle", due: ms(now + this.#wait(peer, 1)) };
      } else this.#rest(now, peer, "other");
    });
  }

  /** The peer itself showed that it has everything or wants nothing, or that it does not. */
  observeSeed(address: Address, seed: boolean): void {
    this.#change(address, (peer) => {
      peer.seed = seed;
      peer.seedObserved = true;
    });
  }

  /** Seeds have nothing for one another. */
  setSeeding(seeding: boolean): void {
    if (this.#seeding === seeding) return;
    this.#seeding = seeding;
    this.#deadline = undefined;
  }

  /** Where others see us, one address a family: from then on peers are ordered by BEP 40. */
  setOwn(own: Address): void {
    const before = this.#ownByFamily.get(familyOf(own.ip));
    if (before !== undefined && formatAddress(before) === formatAddress(own)) return;
    this.#ownByFamily.set(familyOf(own.ip), own);
    this.addOwn(own);
    for (const peer of this.#known.values()) peer.priority = this.#priority(peer.address) ?? peer.lot;
  }

  /** An address at which we reach ourselves: never dialled again. */
  addOwn(own: Address): void {
    this.#own.add(formatAddress(own));
    this.#forget(own);
  }

  /** For the life of this book. Give the port it listens on where that is known, else the one it came from. */
  ban(address: Address, reason: string): void {
    this.#bans.ban(address, reason);
    for (const peer of [...this.#known.values()]) {
      if (this.#bans.has(peer.address)) this.#forget(peer.address);
    }
  }

  /** Something that showed itself of a peer: it outweighs what was said before. */
  hint(address: Address, hints: PeerHints): void {
    this.#change(address, (peer) => {
      peer.hints = { ...peer.hints, ...hints };
    });
  }

  /** What was said of a peer, for whoever dials it. */
  hints(address: Address): PeerHints | undefined {
    return this.#known.get(formatAddress(address))?.hints;
  }

  /** The torrent is private (BEP 27): what gossip named is forgotten. Those among it that are connected are returned. */
  forgetHearsay(): Address[] {
    const connected: Address[] = [];
    for (const peer of [...this.#known.values()]) {
      if (!isHearsay(peer)) continue;
      if (peer.state.name === "connected") connected.push(peer.address);
      this.#forget(peer.address);
    }
    return connected;
  }

  isFiltered(address: Address): boolean {
    return this.#filtered(address.ip);
  }

  /** Forgets who is filtered by now. */
  refilter(): void {
    for (const { address } of [...this.#known.values()])
      if (this.#filtered(address.ip)) this.#forget(address);
  }

  isBanned(address: Address): boolean {
    return this.#bans.has(address);
  }

  banReason(address: Address): string | undefined {
    return this.#bans.reason(address);
  }

  /** After sleep or with a new address of ours: what failed may have been our fault, so everyone is due now. */
  resume(now: Ms): void {
    this.#victims.forgive();
    for (const peer of this.#known.values()) {
      if (peer.state.name === "connecting" || peer.state.name === "connected") continue;
      peer.failures = 0;
      peer.state = { name: "idle", due: now };
    }
    this.#deadline = undefined;
  }

  /** Addresses to keep for the next start: connected ones first, then those that were of use, latest first. */
  best(count: number): Address[] {
    const rank = (peer: KnownPeer) =>
      peer.state.name === "connected" ? Number.POSITIVE_INFINITY : (peer.usefulAt ?? -1);
    const good = [...this.#known.values()].filter((peer) => rank(peer) >= 0);
    good.sort((a, b) => (rank(a) === rank(b) ? byMerit(a, b) : rank(b) - rank(a)));
    return good.slice(0, count).map((peer) => peer.address);
  }

  stats(): PeerBookStats {
    return tallyPeers(this.#known.values(), this.#bans.size);
  }

  #hearAgain(now: Ms, peer: KnownPeer, source: PeerSource, hints: PeerHints | undefined): AddOutcome {
    peer.heardAt = now;
    peer.sources.add(source);
    if (hints !== undefined) peer.hints = { ...peer.hints, ...hints };
    if (hints?.seed !== undefined && !peer.seedObserved) peer.seed = hints.seed;
    const rested = peer.state.name === "given-up" && now - peer.state.since >= givenUpRest;
    if (peer.state.name === "given-up" && (rested || source === "user")) {
      peer.failures = peerLimits.failuresMax - 1; // one more try
      peer.state = { name: "idle", due: now };
    }
    this.#deadline = undefined;
    return "known";
  }

  #refusal(address: Address, key: string, source: PeerSource): AddOutcome | undefined {
    if (address.port < 1 || address.port > 65_535 || !isDialable(address.ip)) return "not-dialable";
    if (this.#own.has(key)) return "own";
    if (this.#bans.has(address)) return "banned";
    if (this.#filtered(address.ip)) return "filtered";
    const mayBePrivileged = source === "user" || source === "tracker";
    return address.port <= peerLimits.privilegedPortMax && !mayBePrivileged ? "privileged-port" : undefined;
  }

  #makeRoom(newcomer: KnownPeer): boolean {
    let worst: KnownPeer | undefined;
    for (const peer of this.#known.values()) {
      if (standing(peer) >= 0 && (worst === undefined || byWorthlessness(peer, worst) < 0)) worst = peer;
    }
    if (worst === undefined || standing(worst) <= standing(newcomer)) return false;
    this.#forget(worst.address);
    return true;
  }

  #forget(address: Address): void {
    const peer = this.#known.get(formatAddress(address));
    if (peer === undefined) return;
    this.#known.delete(peer.key);
    this.#victims.removed(peer);
    this.#deadline = undefined;
  }

  #wanted(now: Ms, peer: KnownPeer): boolean {
    if (this.#seeding && peer.seed) return false;
    return namedByUser(peer) || !this.#victims.suspects(now, peer);
  }

  #rest(now: Ms, peer: KnownPeer, reason: DialFailure): void {
    const most = peerLimits.failuresMax;
    const harmless = reason === "unreachable" || namedByUser(peer);
    peer.failures = reason === "wrong-torrent" ? most : peer.failures + 1;
    if (harmless) peer.failures = Math.min(peer.failures, most - 1);
    peer.state =
      peer.failures >= most
        ? { name: "given-up", since: now }
        : { name: "idle", due: ms(now + this.#wait(peer, peer.failures)) };
  }

  #wait(peer: KnownPeer, failures: number): Ms {
    return retryWait(failures, namedByUser(peer), this.#prng.float());
  }

  #priority(address: Address): number | undefined {
    const own = this.#ownByFamily.get(familyOf(address.ip));
    return own === undefined ? undefined : canonicalPriority(own, address);
  }

  #change(address: Address, change: (peer: KnownPeer) => void): void {
    const peer = this.#known.get(formatAddress(address));
    if (peer === undefined) return;
    change(peer);
    this.#deadline = undefined;
  }
}

const givenUpRest = minutes(60);
