import type { Rc4 } from "./rc4.ts";

/** What a direction of a connection is ciphered with: RC4 for all of it, or for its first bytes only. */
export class StreamCipher {
  readonly #rc4: Rc4;
  #left: number;

  constructor(rc4: Rc4, bytesMax = Number.POSITIVE_INFINITY) {
    this.#rc4 = rc4;
    this.#left = bytesMax;
  }

  /** Everything from here on is plain. */
  get spent(): boolean {
    return this.#left === 0;
  }

  /** In place, in the order of the stream. */
  apply(bytes: Uint8Array): void {
    const count = Math.min(bytes.length, this.#left);
    this.#rc4.apply(bytes, 0, count);
    this.#left -= count;
  }
}
