import type { DhtKey } from "../krpc/index.ts";
import { Candidate } from "./candidate.ts";
import { Candidates } from "./candidates.ts";
import { CompactNode } from "./compact-node.ts";
import { isCrowded } from "./crowding.ts";
import type { Defences } from "./defences.ts";
import { distanceShare, equalKeys } from "./distance.ts";
import type { SizeEstimate } from "./size-estimate.ts";

/** α: queries of a lookup in flight on the way to the target. Each that becomes slow opens the place of another. */
export const outstandingMax = 4;
/** And once k have answered: the rest is no matter of direction, only of completeness. */
const outstandingThenMax = 10;
/** k of BEP 5: so many of the closest must have answered. */
const closestCount = 8;
/** With the region searched: so many nodes are expected in it, and so many have to answer. */
export const regionCount = 20;
/** Nodes taken from one answer: 8 by BEP 5, 20 where k is 20. */
const namedMax = 20;
/** Separate ways from our table into the network. */
const pathsCount = 3;
/** Queries of one lookup: a crowd of liars shall not keep us busy for ever. */
const queriesMax = 400;
/** A node of those needed that was slow is asked once more. */
const attemptsMax = 2;
/** How many more answers are sought beyond the region for the sake of other parts of the network. */
const widenedMax = 2 * regionCount;
/** Of the usual number of address groups, so much is enough. */
const groupsShare = 0.8;

export interface LookupOptions {
  readonly target: DhtKey;
  readonly ownId: DhtKey;
  readonly defences: Defences;
  /** Local addresses are held to the rules for others. */
  readonly countLocal: boolean;
  readonly isSecure: (node: CompactNode) => boolean;
  /** Read anew at each step: what began at a cold start ends with what was learnt meanwhile. */
  readonly size: SizeEstimate;
}

interface Plan {
  /** Those of the needed that nobody asked yet, closest first. */
  readonly unasked: Candidate[];
  /** Those that were slow once. */
  readonly again: Candidate[];
  /** Whether answers are awaited that matter. */
  readonly waiting: boolean;
  /** Of the needed, those that answered. */
  readonly alive: number;
}

/**
 * Whom to ask next, and when to stop.
 *
 * Needed are, from the target outward: as many nodes as have to answer; all within the region where the k-th is
 * expected; and those after it until enough parts of the network are among them. The lookup is over when each needed
 * node has answered or kept silent. Of a subnet one node is asked at a time, and none after one that answered.
 */
export class Lookup {
  readonly #options: LookupOptions;
  readonly #candidates: Candidates;
  readonly #subnets = new Map<string, number>(); // bounded by the candidates
  readonly #count: number;
  #outstanding = 0;
  #queries = 0;
  #turn = 0;

  constructor(options: LookupOptions) {
    this.#options = options;
    this.#candidates = new Candidates(options.target);
    this.#count = options.defences.region ? regionCount : closestCount;
  }

  get target(): DhtKey {
    return this.#options.target;
  }

  /** So many of the closest have to answer. */
  get count(): number {
    return this.#count;
  }

  get queries(): number {
    return this.#queries;
  }

  /** Nodes of our own table, or of a lookup before: they begin the paths. */
  begin(nodes: readonly CompactNode[]): void {
    for (const [index, node] of nodes.entries()) this.#hear(node, { path: index % pathsCount, hops: 1 });
  }

  /** A node that has answered already, and whom it named. */
  met(node: CompactNode, named: Uint8Array): void {
    const candidate = this.#hear(node, { path: this.#turn % pathsCount, hops: 1 });
    if (candidate?.state !== "heard") return;
    this.asked(candidate);
    this.answered(candidate, named);
  }

  /** A node to be asked wherever it lies. */
  want(node: CompactNode): void {
    const candidate = this.#hear(node, { path: 0, hops: 1 });
    if (candidate !== undefined) candidate.wanted = true;
  }

  /** Whom to ask now, perhaps again; or that answers are awaited; or the end. */
  next(): Candidate | "wait" | "done" {
    const plan = this.#plan();
    const chosen = this.#queries < queriesMax ? (this.#chooseOf(plan.unasked) ?? plan.again[0]) : undefined;
    if (chosen === undefined) return plan.waiting ? "wait" : "done";
    const max = plan.alive < closestCount ? outstandingMax : outstandingThenMax;
    return this.#outstanding < max ? chosen : "wait";
  }

  asked(candidate: Candidate): void {
    this.#turn += 1;
    this.#queries += 1;
    this.#outstanding += 1;
    candidate.state = "asked";
    candidate.attempts += 1;
    candidate.waiting += 1;
    this.#occupy(candidate, 1);
  }

  /** `named`: the compact nodes of its answer. */
  answered(candidate: Candidate, named: Uint8Array): void {
    if (candidate.state === "answered") return; // to both of two attempts
    if (candidate.state === "asked") this.#outstanding -= 1;
    else this.#occupy(candidate, 1);
    if (candidate.state !== "silent") candidate.creditNamers(true);
    candidate.state = "answered";
    this.#hearFrom(candidate, named);
  }

  slow(candidate: Candidate): void {
    if (candidate.state !== "asked") return;
    candidate.state = "slow";
    this.#outstanding -= 1;
    this.#occupy(candidate, -1);
  }

  /** One of its attempts will not be answered any more. */
  silent(candidate: Candidate): void {
    candidate.waiting -= 1;
    if (candidate.waiting > 0 || candidate.state === "answered" || candidate.state === "silent") return;
    if (candidate.state === "asked") this.slow(candidate);
    candidate.state = "silent";
    candidate.creditNamers(false);
  }

  /** Those that answered, closest first; of each subnet the closest. */
  alive(): Candidate[] {
    const seen = new Set<string>();
    return this.#candidates.sorted.filter((candidate) => {
      if (candidate.state !== "answered" || seen.has(candidate.subnet ?? "")) return false;
      if (candidate.subnet !== undefined) seen.add(candidate.subnet);
      return true;
    });
  }

  /** Those to store at: all of the region, and at least as many as have to answer. */
  keepers(): Candidate[] {
    const alive = this.alive();
    const reach = this.reach;
    return alive.filter((candidate, index) => index < this.#count || candidate.share <= reach);
  }

  /** Whether the nodes around the target lie as chance would not have it. */
  get crowded(): boolean {
    const reach = this.reach;
    return reach > 0 && isCrowded(this.alive().map((candidate) => candidate.share / reach));
  }

  /** Named nodes that did not have to be asked, closest first: good to know for the table. */
  unasked(count: number): CompactNode[] {
    const heard = this.#candidates.sorted.filter((candidate) => candidate.state === "heard");
    return heard.slice(0, count).map((candidate) => candidate.node);
  }

  /** The share of the space around the target in which as many nodes are expected as have to answer; 0: not known. */
  get reach(): number {
    return this.#options.defences.region ? (this.#options.size.shareOf(regionCount) ?? 0) : 0;
  }

  #plan(): Plan {
    const { defences, size } = this.#options;
    const reach = this.reach;
    const groupsNeeded = defences.diversity && defences.region ? Math.floor(size.groups * groupsShare) : 0;
    const groups = new Set<number>();
    const unasked: Candidate[] = [];
    const again: Candidate[] = [];
    let waiting = false;
    let alive = 0;
    let widened = 0;
    for (const candidate of this.#candidates.sorted) {
      const inside = alive < this.#count || candidate.share <= reach;
      const needed = inside || (groups.size < groupsNeeded && widened < widenedMax);
      if (!needed && !candidate.wanted) continue;
      switch (candidate.state) {
        case "answered":
          // BEP 42: ids that fit no address do not end a lookup. By themselves: two of them weigh as much as one.
          alive += candidate.secure || defences.secureIds === "off" ? 1 : 0.5;
          groups.add(candidate.node.group);
          if (!inside) widened += 1;
          break;
        case "asked":
          waiting = true;
          break;
        case "slow":
          if (candidate.attempts < attemptsMax && !this.#isTaken(candidate)) again.push(candidate);
          break;
        case "heard":
          if (!this.#isTaken(candidate) && !(defences.distrust && candidate.disowned))
            unasked.push(candidate);
          break;
        case "silent":
          break;
      }
    }
    return { unasked, again, waiting, alive };
  }

  // The closest of the path whose turn it is, so that who owns one path has but its share of our questions.
  #chooseOf(unasked: readonly Candidate[]): Candidate | undefined {
    if (!this.#options.defences.disjointPaths) return unasked[0];
    const path = this.#turn % pathsCount;
    return unasked.find((candidate) => candidate.path === path) ?? unasked[0];
  }

  #isTaken(candidate: Candidate): boolean {
    return candidate.subnet !== undefined && (this.#subnets.get(candidate.subnet) ?? 0) > 0;
  }

  #occupy(candidate: Candidate, change: 1 | -1): void {
    if (candidate.subnet === undefined) return;
    this.#subnets.set(candidate.subnet, (this.#subnets.get(candidate.subnet) ?? 0) + change);
  }

  #hearFrom(candidate: Candidate, named: Uint8Array): void {
    const size = candidate.node.compact.length;
    const from = { path: candidate.path, hops: candidate.hops + 1, namer: candidate };
    const end = Math.min(named.length, namedMax * size);
    for (let at = 0; at + size <= end; at += size) {
      // A copy (`slice` of a Node buffer would be a view): the datagram's memory is used again.
      this.#hear(new CompactNode(new Uint8Array(named.subarray(at, at + size))), from);
    }
  }

  #hear(
    node: CompactNode,
    from: { readonly path: number; readonly hops: number; readonly namer?: Candidate },
  ): Candidate | undefined {
    const known = this.#candidates.find(node);
    if (known !== undefined) {
      if (from.namer !== undefined) known.namedAgain(from.namer);
      return known;
    }
    const { defences, countLocal, isSecure, ownId, target } = this.#options;
    const reach = node.reach;
    if (reach === "impossible" || equalKeys(node.compact, ownId)) return undefined;
    // A node out in the world cannot know who is in our network, nor need we ask those for it (bogons as an attack).
    if (reach === "local" && from.namer?.node.reach === "global") return undefined;
    const secure = isSecure(node);
    if (!secure && defences.secureIds === "enforce") return undefined;
    const limited = defences.subnetLimits && (countLocal || reach === "global");
    const share = distanceShare(target, node.compact);
    const { path, hops, namer } = from;
    const candidate = new Candidate({ node, share, secure, limited, path, hops, namer });
    return this.#candidates.add(candidate) ? candidate : undefined;
  }
}
