import { assert, viewOf } from "@dure/base";

/** 64 bits as two halves: JavaScript's bit operations know 32. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** A hash that nobody without its key can compute or steer. */
export type KeyedHash = (message: Uint8Array) => Hash64;

/** SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"), with a key of 16 bytes. */
export function sipHash(key: Uint8Array): KeyedHash {
  assert(key.length === 16, "a SipHash key has 16 bytes");
  const words = viewOf(key);
  const start = new Int32Array(8);
  const k = [0, 4, 8, 12].map((offset) => words.getInt32(offset, true));
  // v0..v3 as low and high halves; the constants are "somepseudorandomlygeneratedbytes".
  start.set([0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462]);
  for (let half = 0; half < 8; half += 1) start[half] = (start[half] ?? 0) ^ (k[half & 3] ?? 0);
  return (message) => new Rounds(start).hash(message);
}

class Rounds {
  readonly #v: Int32Array;

  constructor(start: Int32Array) {
    this.#v = start.slice();
  }

  hash(message: Uint8Array): Hash64 {
    const view = viewOf(message);
    const tail = message.length & ~7;
    for (let offset = 0; offset < tail; offset += 8) {
      this.#absorb(view.getInt32(offset, true), view.getInt32(offset + 4, true));
    }
    const last = new Uint8Array(8);
    last.set(message.subarray(tail));
    last[7] = message.length & 0xff;
    const lastView = viewOf(last);
    this.#absorb(lastView.getInt32(0, true), lastView.getInt32(4, true));
    this.#flip(4, 0xff);
    for (let round = 0; round < 4; round += 1) this.#round();
    const [l0 = 0, h0 = 0, l1 = 0, h1 = 0, l2 = 0, h2 = 0, l3 = 0, h3 = 0] = this.#v;
    return { high: (h0 ^ h1 ^ h2 ^ h3) >>> 0, low: (l0 ^ l1 ^ l2 ^ l3) >>> 0 };
  }

  #absorb(low: number, high: number): void {
    this.#flip(6, low);
    this.#flip(7, high);
    this.#round();
    this.#round();
    this.#flip(0, low);
    this.#flip(1, high);
  }

  #flip(half: number, bits: number): void {
    this.#v[half] = (this.#v[half] ?? 0) ^ bits;
  }

  /** Figure 2.1 of the paper. Each v is [low, high] at 2i, 2i + 1. */
  #round(): void {
    const v = this.#v;
    add(v, 0, 2);
    rotate(v, 2, 13);
    mix(v, 2, 0);
    swap(v, 0);
    add(v, 4, 6);
    rotate(v, 6, 16);
    mix(v, 6, 4);
    add(v, 0, 6);
    rotate(v, 6, 21);
    mix(v, 6, 0);
    add(v, 4, 2);
    rotate(v, 2, 17);
    mix(v, 2, 4);
    swap(v, 4);
  }
}

/** v[to] += v[from] */
function add(v: Int32Array, to: number, from: number): void {
  const low = ((v[to] ?? 0) >>> 0) + ((v[from] ?? 0) >>> 0);
  v[to] = low;
  v[to + 1] = (v[to + 1] ?? 0) + (v[from + 1] ?? 0) + (low > 0xffff_ffff ? 1 : 0);
}

/** v[at] <<<= bits, for bits below 32 */
function rotate(v: Int32Array, at: number, bits: number): void {
  const low = v[at] ?? 0;
  const high = v[at + 1] ?? 0;
  v[at] = (low << bits) | (high >>> (32 - bits));
  v[at + 1] = (high << bits) | (low >>> (32 - bits));
}

/** v[to] ^= v[from] */
function mix(v: Int32Array, to: number, from: number): void {
  v[to] = (v[to] ?? 0) ^ (v[from] ?? 0);
  v[to + 1] = (v[to + 1] ?? 0) ^ (v[from + 1] ?? 0);
}

/** v[at] <<<= 32 */
function swap(v: Int32Array, at: number): void {
  const low = v[at] ?? 0;
  v[at] = v[at + 1] ?? 0;
  v[at + 1] = low;
}
