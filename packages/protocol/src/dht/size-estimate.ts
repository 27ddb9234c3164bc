import type { DhtKey } from "../krpc/index.ts";
import { distanceShare, equalKeys } from "./distance.ts";

/** Lookups remembered. The oldest goes. */
const samplesMax = 8;

interface Sample {
  readonly target: DhtKey;
  readonly nodes: number;
  readonly groups: number;
}

/**
 * How many nodes the network has, from how dense they lie around the targets of lookups.
 *
 * With n nodes at random ids, the distance of the k-th closest to any target is about k / n of the space, and
 * (k - 1) / distance is an unbiased estimate of n whose standard deviation is n / sqrt(k - 2): 24 % for k = 20. The
 * median of m such estimates is 1.25 / sqrt(m) of that: 11 % for 8 lookups. The median and not the mean,
 * so that who crowds a few targets moves nothing; and one sample a target, so that asking again for a crowded one
 * does not either.
 */
export class SizeEstimate {
  readonly #samples: Sample[] = []; // bounded by samplesMax
  readonly #known: () => number;
  #median: number | undefined;
  #groups = 0;

  /** `known`: how many live nodes our table holds. The network has no fewer, whatever old lookups say. */
  constructor(known: () => number = () => 0) {
    this.#known = known;
  }

  /** Undefined before the first lookup. */
  get nodes(): number | undefined {
    return this.#median === undefined ? undefined : Math.max(this.#median, this.#known());
  }

  /** How many distinct 6-bit address groups the closest 20 usually come from. */
  get groups(): number {
    return this.#groups;
  }

  /** A lookup for the `count` closest ended: who of them answered, closest first. */
  add(
    target: DhtKey,
    closest: readonly { readonly id: DhtKey; readonly group: number }[],
    count: number,
  ): void {
    const nearest = closest.slice(0, count);
    const last = nearest.at(-1);
    if (last === undefined) return;
    const groups = new Set(nearest.map((node) => node.group)).size;
    const old = this.#samples.findIndex((sample) => equalKeys(sample.target, target));
    if (old >= 0) this.#samples.splice(old, 1);
    const nodes = nodesOf(target, nearest.length < count, nearest.length, last.id);
    this.#samples.push({ target, nodes, groups });
    if (this.#samples.length > samplesMax) this.#samples.shift();
    this.#median = median(this.#samples.map((sample) => sample.nodes));
    this.#groups = median(this.#samples.map((sample) => sample.groups));
  }

  /** The share of the space within which so many nodes are expected around any key; undefined while nothing is known. */
  shareOf(count: number): number | undefined {
    const { nodes } = this;
    return nodes === undefined ? undefined : Math.min(1, count / nodes);
  }

  forget(): void {
    this.#samples.length = 0;
    this.#median = undefined;
    this.#groups = 0;
  }
}

// Fewer than k answered: that is the whole network, and ourselves.
function nodesOf(target: DhtKey, all: boolean, count: number, farthest: DhtKey): number {
  if (all) return count + 1;
  return (count - 1) / Math.max(distanceShare(target, farthest), Number.MIN_VALUE);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
