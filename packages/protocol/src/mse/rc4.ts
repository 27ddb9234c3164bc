import { assert, byteAt } from "@dure/base";

// A word of keystream is gathered low byte first, as it lies in memory here; elsewhere bytes are taken one by one.
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
/** The protocol throws the first, biased bytes of the keystream away. */
const discardBytes = 1024;

/**
 * RC4 as MSE uses it: ciphers bytes where they lie, and goes on where it stopped. Invariant: 0 ≤ i, j < 256, and so is every
 * value of the state: the casts say so.
 */
export class Rc4 {
  /** A permutation of 0 to 255. Words are a third faster than bytes: 610 MB/s against 410, measured with Node 24. */
  readonly #state = new Int32Array(256);
  #i = 0;
  #j = 0;

  constructor(key: Uint8Array) {
    assert(key.length > 0 && key.length <= 256, "a key of RC4 has 1 to 256 bytes");
    const state = this.#state;
    for (let index = 0; index < 256; index += 1) state[index] = index;
    for (let i = 0, j = 0; i < 256; i += 1) {
      const x = state[i] as number;
      j = (j + x + byteAt(key, i % key.length)) & 255;
      state[i] = state[j] as number;
      state[j] = x;
    }
    this.apply(new Uint8Array(discardBytes));
  }

  /** Ciphers or deciphers bytes `from` to `to` in place. */
  apply(bytes: Uint8Array, from = 0, to = bytes.length): void {
    const head = littleEndian ? Math.min(to, from + (-(bytes.byteOffset + from) & 3)) : to;
    this.#bytewise(bytes, from, head);
    const wordCount = (to - head) >> 2;
    if (wordCount > 0) this.#wordwise(new Int32Array(bytes.buffer, bytes.byteOffset + head, wordCount));
    this.#bytewise(bytes, head + wordCount * 4, to);
  }

  // Four steps are written out: a call or an inner loop for each costs a third of the speed.
  #wordwise(words: Int32Array): void {
    const state = this.#state;
    let i = this.#i;
    let j = this.#j;
    for (let at = 0; at < words.length; at += 1) {
      i = (i + 1) & 255;
      let x = state[i] as number;
      j = (j + x) & 255;
      let y = state[j] as number;
      state[i] = y;
      state[j] = x;
      let key = state[(x + y) & 255] as number;

      i = (i + 1) & 255;
      x = state[i] as number;
      j = (j + x) & 255;
      y = state[j] as number;
      state[i] = y;
      state[j] = x;
      key |= (state[(x + y) & 255] as number) << 8;

      i = (i + 1) & 255;
      x = state[i] as number;
      j = (j + x) & 255;
      y = state[j] as number;
      state[i] = y;
      state[j] = x;
      key |= (state[(x + y) & 255] as number) << 16;

      i = (i + 1) & 255;
      x = state[i] as number;
      j = (j + x) & 255;
      y = state[j] as number;
      state[i] = y;
      state[j] = x;
      words[at] = (words[at] as number) ^ (key | ((state[(x + y) & 255] as number) << 24));
    }
    this.#i = i;
    this.#j = j;
  }

  #bytewise(bytes: Uint8Array, from: number, to: number): void {
    const state = this.#state;
    let i = this.#i;
    let j = this.#j;
    for (let at = from; at < to; at += 1) {
      i = (i + 1) & 255;
      const x = state[i] as number;
      j = (j + x) & 255;
      const y = state[j] as number;
      state[i] = y;
      state[j] = x;
      bytes[at] = (bytes[at] as number) ^ (state[(x + y) & 255] as number);
    }
    this.#i = i;
    this.#j = j;
  }
}
