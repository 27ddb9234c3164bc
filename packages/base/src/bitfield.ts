import { assert } from "./assert.ts";

/** One bit per piece, first piece in the high bit of the first byte (BEP 3, "bitfield"). Spare bits are zero. */
export class Bitfield {
  readonly length: number;
  readonly #bytes: Uint8Array;
  #count: number;

  constructor(length: number) {
    this.length = length;
    this.#bytes = new Uint8Array(Math.ceil(length / 8));
    this.#count = 0;
  }

  /** From wire or disk; undefined when the size is wrong or a spare bit is set. The bytes are copied. */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield | undefined {
    if (bytes.length !== Math.ceil(length / 8)) return undefined;
    const spare = bytes.length * 8 - length;
    if (spare > 0 && ((bytes[bytes.length - 1] ?? 0) & ((1 << spare) - 1)) !== 0) return undefined;
    const field = new Bitfield(length);
    field.#bytes.set(bytes);
    for (const byte of bytes) field.#count += popcount(byte);
    return field;
  }

  static full(length: number): Bitfield {
    const field = new Bitfield(length);
    field.fill();
    return field;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  get all(): boolean {
    return this.#count === this.length;
  }

  get none(): boolean {
    return this.#count === 0;
  }

  has(index: number): boolean {
    return ((this.#bytes[index >>> 3] ?? 0) & (0x80 >>> (index & 7))) !== 0;
  }

  /** True when the bit was not set before. */
  set(index: number): boolean {
    assert(index >= 0 && index < this.length, "bit inside the field");
    if (this.has(index)) return false;
    this.#bytes[index >>> 3] = (this.#bytes[index >>> 3] ?? 0) | (0x80 >>> (index & 7));
    this.#count += 1;
    return true;
  }

  /** True when the bit was set before. */
  clear(index: number): boolean {
    if (!this.has(index)) return false;
    this.#bytes[index >>> 3] = (this.#bytes[index >>> 3] ?? 0) & ~(0x80 >>> (index & 7));
    this.#count -= 1;
    return true;
  }

  fill(): void {
    this.#bytes.fill(0xff);
    const spare = this.#bytes.length * 8 - this.length;
    if (spare > 0) this.#bytes[this.#bytes.length - 1] = (0xff << spare) & 0xff;
    this.#count = this.length;
  }

  /** A copy of the bytes, as the wire and the database hold them. */
  toBytes(): Uint8Array {
    return this.#bytes.slice();
  }

  copy(): Bitfield {
    const field = new Bitfield(this.length);
    field.#bytes.set(this.#bytes);
    field.#count = this.#count;
    return field;
  }

  /** Indices of set bits, ascending. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let byte = 0; byte < this.#bytes.length; byte += 1) {
      const bits = this.#bytes[byte] ?? 0;
      if (bits === 0) continue;
      for (let bit = 0; bit < 8; bit += 1) if ((bits & (0x80 >>> bit)) !== 0) yield byte * 8 + bit;
    }
  }
}

function popcount(byte: number): number {
  let bits = byte - ((byte >>> 1) & 0x55);
  bits = (bits & 0x33) + ((bits >>> 2) & 0x33);
  return (bits + (bits >>> 4)) & 0x0f;
}
