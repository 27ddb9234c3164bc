import type { DhtKey } from "../krpc/index.ts";
import type { Bucket } from "./bucket.ts";
import { type Contact, failuresToReplace } from "./contact.ts";
import { compareDistance, prefixOf, sharedBits } from "./distance.ts";

export interface Wanted {
  readonly target: DhtKey;
  readonly count: number;
  /** Only nodes that may be told to others; else all but those silent twice. */
  readonly tellable: boolean;
}

/** Picks the live nodes closest to a key, which every answer needs: it looks into as few buckets as will do. */
export class Nearest {
  readonly #buckets: readonly (Bucket | undefined)[];
  #picked: Contact[] = [];
  #prefix = 0;

  constructor(buckets: readonly (Bucket | undefined)[]) {
    this.#buckets = buckets;
  }

  // Nearest group of buckets first. With b bits shared between the target and us: the nodes of bucket b share more
  // than b with the target; those of all deeper buckets exactly b; those of bucket b - 1 exactly b - 1, and so on.
  pick(ownId: DhtKey, wanted: Wanted): readonly Contact[] {
    const shared = sharedBits(ownId, wanted.target);
    this.#picked = [];
    this.#prefix = prefixOf(wanted.target);
    this.#pickFrom(this.#buckets[shared], wanted, 0);
    if (this.#picked.length < wanted.count) {
      const start = this.#picked.length;
      for (let index = shared + 1; index < this.#buckets.length; index += 1) {
        this.#pickFrom(this.#buckets[index], wanted, start);
      }
    }
    let index = Math.min(shared, this.#buckets.length) - 1;
    for (; index >= 0 && this.#picked.length < wanted.count; index -= 1) {
      this.#pickFrom(this.#buckets[index], wanted, this.#picked.length);
    }
    return this.#picked;
  }

  // Insertion sort behind `start`; the array keeps the closest and never grows past the count.
  #pickFrom(bucket: Bucket | undefined, wanted: Wanted, start: number): void {
    if (bucket === undefined) return;
    const picked = this.#picked;
    for (const contact of bucket.live) {
      if (wanted.tellable ? !contact.tellable : contact.failures >= failuresToReplace) continue;
      let place = picked.length;
      while (place > start && this.#isCloser(wanted.target, contact, picked[place - 1])) place -= 1;
      if (place >= wanted.count) continue;
      const last = picked.length < wanted.count ? picked.length : wanted.count - 1;
      for (let index = last; index > place; index -= 1) {
        picked[index] = picked[index - 1] as Contact; // all places before the last are filled
      }
      picked[place] = contact;
    }
  }

  #isCloser(target: DhtKey, a: Contact, b: Contact | undefined): boolean {
    if (b === undefined) return true;
    const distanceA = (a.prefix ^ this.#prefix) >>> 0;
    const distanceB = (b.prefix ^ this.#prefix) >>> 0;
    if (distanceA !== distanceB) return distanceA < distanceB;
    return compareDistance(target, a.node.compact, b.node.compact) < 0;
  }
}
