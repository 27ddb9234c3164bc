import { compareBytes } from "@dure/base";
import type { DhtKey } from "../krpc/index.ts";
import type { Candidate } from "./candidate.ts";
import type { CompactNode } from "./compact-node.ts";
import { compareDistance } from "./distance.ts";

/** Nodes a lookup remembers. At the top the farthest that was not asked makes room, or the newcomer is dropped. */
const candidatesMax = 600;

/** A lookup's nodes, closest first. Two addresses under one id are two candidates: either may be the lie. */
export class Candidates {
  readonly #target: DhtKey;
  readonly #sorted: Candidate[] = []; // bounded by candidatesMax

  constructor(target: DhtKey) {
    this.#target = target;
  }

  get sorted(): readonly Candidate[] {
    return this.#sorted;
  }

  find(node: CompactNode): Candidate | undefined {
    const found = this.#sorted[this.#placeOf(node)];
    return found !== undefined && this.#compare(found.node, node) === 0 ? found : undefined;
  }

  /** The caller knows it to be new. False when it is too far away to be remembered. */
  add(candidate: Candidate): boolean {
    if (this.#sorted.length >= candidatesMax && !this.#makeRoom(candidate)) return false;
    this.#sorted.splice(this.#placeOf(candidate.node), 0, candidate);
    return true;
  }

  #makeRoom(candidate: Candidate): boolean {
    const farthest = this.#sorted.findLastIndex((other) => other.state === "heard");
    const other = this.#sorted[farthest];
    if (other === undefined || this.#compare(candidate.node, other.node) > 0) return false;
    this.#sorted.splice(farthest, 1);
    return true;
  }

  /** Where the node is, or would be put. */
  #placeOf(node: CompactNode): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#sorted[middle];
      if (other !== undefined && this.#compare(other.node, node) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Equal ids are equally far: their addresses, which follow in the compact bytes, break the tie.
  #compare(a: CompactNode, b: CompactNode): number {
    return compareDistance(this.#target, a.compact, b.compact) || compareBytes(a.compact, b.compact);
  }
}
