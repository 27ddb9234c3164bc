import { assert } from "@dure/base";
import type { DhtKey } from "@dure/protocol";

interface Ranked<One> {
  /** The first 48 bits of the id. */
  readonly prefix: number;
  readonly one: One;
}

/** Nodes sorted by id, so that those closest to a key are found without looking at all. */
export class Neighbours<One extends { readonly id: DhtKey }> {
  readonly #sorted: Ranked<One>[] = []; // by prefix; bounded by the scenario

  constructor(all: readonly One[] = []) {
    this.add(all);
  }

  get size(): number {
    return this.#sorted.length;
  }

  add(all: readonly One[]): void {
    for (const one of all) this.#sorted.push({ prefix: distanceTo(zeroKey, one.id), one });
    this.#sorted.sort((a, b) => a.prefix - b.prefix);
  }

  /** Closest first. */
  closest(key: DhtKey, count: number): One[] {
    const near = this.#around(key, count).map(({ one }) => ({ one, distance: distanceTo(key, one.id) }));
    near.sort((a, b) => a.distance - b.distance);
    return near.slice(0, count).map(({ one }) => one);
  }

  // Who shares a prefix with the key lies together: the smallest such neighbourhood that is large enough.
  #around(key: DhtKey, count: number): Ranked<One>[] {
    const wanted = distanceTo(zeroKey, key);
    for (let bits = 47; bits > 0; bits -= 1) {
      const width = 2 ** (48 - bits);
      const low = Math.floor(wanted / width) * width;
      const from = this.#placeOf(low);
      const to = this.#placeOf(low + width);
      if (to - from >= count) return this.#sorted.slice(from, to);
    }
    return this.#sorted;
  }

  #placeOf(prefix: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#sorted[middle];
      assert(there !== undefined, "the middle lies inside");
      if (there.prefix < prefix) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The first 48 bits of the distance: of ten thousand random ids, no two are told apart by later ones. */
export function distanceTo(key: DhtKey, id: DhtKey): number {
  let distance = 0;
  for (let index = 0; index < 6; index += 1)
    distance = distance * 256 + ((key[index] ?? 0) ^ (id[index] ?? 0));
  return distance;
}

const zeroKey = new Uint8Array(20);
