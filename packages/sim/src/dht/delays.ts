import type { Prng } from "@dure/base";

/** Delays kept for pairs to be dealt: enough for one in a thousand to be drawn from among sixty. */
const tableSize = 1 << 16;
/** Of a pair's delay, so much is added at most to a single datagram: what a busy line does. */
const jitterShare = 0.2;

export interface DelayOptions {
  /** Of one way, in milliseconds. */
  readonly median: number;
  /** Standard deviation of the logarithm. With 0.8, one pair in twenty is 3.7 times as far apart, one in a thousand 12 times. */
  readonly sigma: number;
}

/** How long a datagram is under way. Each pair has its distance, the same both ways, which follows from the seed alone. */
export class Delays {
  readonly #table = new Float64Array(tableSize);
  readonly #prng: Prng;

  constructor(prng: Prng, { median, sigma }: DelayOptions) {
    this.#prng = prng;
    for (let index = 0; index < tableSize; index += 1) {
      this.#table[index] = median * Math.exp(sigma * normal(prng));
    }
  }

  /** The two hosts' numbers. */
  draw(a: number, b: number): number {
    const pair = this.#table[mix(Math.min(a, b), Math.max(a, b)) % tableSize] ?? 0;
    return pair * (1 + jitterShare * this.#prng.float());
  }
}

// Box and Muller.
function normal(prng: Prng): number {
  return Math.sqrt(-2 * Math.log(1 - prng.float())) * Math.cos(2 * Math.PI * prng.float());
}

// The finalizer of MurmurHash3 over both numbers.
function mix(low: number, high: number): number {
  let hash = Math.imul(low, 0x9e37_79b1) ^ Math.imul(high + 1, 0x85eb_ca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
