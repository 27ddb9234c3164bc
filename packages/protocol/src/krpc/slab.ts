import { assert } from "@dure/base";

/**
 * Memory that many small messages share: a buffer of its own costs a message a microsecond, a piece of a larger one a
 * twentieth of that. A slab that is used up is left to its readers and a new one begun, so a piece is never written to
 * again. Who keeps a piece for long copies it, as it holds on to the whole slab.
 */
export class Slab {
  readonly #slabBytes: number;
  #bytes = new Uint8Array();
  #used = 0;

  constructor(slabBytes = 16 * 1024) {
    this.#slabBytes = slabBytes;
  }

  /** A buffer with room for so many bytes from `used` on. What is written there is kept by `commit`. */
  reserve(bytes: number): Uint8Array<ArrayBuffer> {
    if (this.#used + bytes > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.max(bytes, this.#slabBytes));
      this.#used = 0;
    }
    return this.#bytes;
  }

  get used(): number {
    return this.#used;
  }

  /** The piece from `used` to `end`. */
  commit(end: number): Uint8Array<ArrayBuffer> {
    assert(end >= this.#used && end <= this.#bytes.length, "a piece lies within what was reserved");
    const piece = this.#bytes.subarray(this.#used, end);
    this.#used = end;
    return piece;
  }
}
