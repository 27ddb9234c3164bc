import { type Address, assert, encodeCompact } from "@dure/base";

/** Bencode written into a buffer that is large enough. Keys are text with their length before them: `2:id`. */
export class Writer {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #used: number;

  constructor(bytes: Uint8Array<ArrayBuffer>, at: number) {
    this.#bytes = bytes;
    this.#used = at;
  }

  /** Where the next byte goes. */
  get end(): number {
    return this.#used;
  }

  /** ASCII as it stands. */
  text(text: string): void {
    const bytes = this.#bytes;
    let at = this.#used;
    for (let index = 0; index < text.length; index += 1) bytes[at++] = text.charCodeAt(index);
    this.#used = at;
  }

  /** Bytes as they stand. */
  raw(bytes: Uint8Array): void {
    if (bytes.length > 32) this.#bytes.set(bytes, this.#used);
    else this.#copy(bytes, 0, bytes.length);
    this.#used += bytes.length;
  }

  /** A byte string. */
  string(bytes: Uint8Array): void {
    this.#decimal(bytes.length);
    this.#byte(colon);
    this.raw(bytes);
  }

  integer(value: number): void {
    assert(Number.isSafeInteger(value), "bencode has integers only");
    this.text(`i${value}e`);
  }

  /** A byte string of 6 or 18 bytes (BEP 23, BEP 7). */
  address(address: Address): void {
    if (address.ip.includes(":")) return this.string(encodeCompact(address));
    // Every answer says whom it goes to (BEP 42), so the dotted form, canonical by its type, is read right here.
    this.text("6:");
    let part = 0;
    for (let index = 0; index < address.ip.length; index += 1) {
      const code = address.ip.charCodeAt(index);
      if (code !== dot) part = part * 10 + (code - zero);
      else {
        this.#byte(part);
        part = 0;
      }
    }
    this.#byte(part);
    this.#byte(address.port >>> 8);
    this.#byte(address.port & 0xff);
  }

  /** A list of strings, `stride` bytes each, that lie one after the other in `bytes`. */
  strings(bytes: Uint8Array, stride: number): void {
    assert(bytes.length % stride === 0, "whole entries");
    for (let at = 0; at < bytes.length; at += stride) {
      this.#decimal(stride);
      this.#byte(colon);
      this.#copy(bytes, at, at + stride);
      this.#used += stride;
    }
  }

  // Short runs: a loop is quicker than `set`.
  #copy(bytes: Uint8Array, start: number, end: number): void {
    const to = this.#used - start;
    for (let index = start; index < end; index += 1) this.#bytes[to + index] = bytes[index] ?? 0;
  }

  #byte(byte: number): void {
    this.#bytes[this.#used] = byte;
    this.#used += 1;
  }

  #decimal(value: number): void {
    if (value < 10) return this.#byte(zero + value);
    if (value < 100) {
      this.#byte(zero + Math.trunc(value / 10));
      return this.#byte(zero + (value % 10));
    }
    this.text(String(value));
  }
}

const colon = 0x3a;
const dot = 0x2e;
const zero = 0x30;
