import { assert, byteAt, must, parseIp } from "@dure/base";
import { sha1 } from "@noble/hashes/legacy.js";
import { bloomBytes } from "./limits.ts";

/*
 * BEP 33: 2,048 bits, two of them set for an address, at the first two little-endian 16-bit numbers of sha1(ip)
 * modulo 2,048. Bit n is bit n % 8 of byte n / 8.
 */

const bits = bloomBytes * 8;
const hashes = 2;

/** A set of addresses that can be counted roughly and joined exactly. It can only grow. */
export class BloomFilter {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array = new Uint8Array(bloomBytes)) {
    assert(bytes.length === bloomBytes, "a bloom filter has 256 bytes");
    this.#bytes = new Uint8Array(bytes); // a copy; `slice` of a Node buffer would be a view
  }

  /** Without the port: one address counts once, however many peers listen there. */
  insert(ip: string): void {
    for (const bit of bitsOf(ip)) this.#bytes[bit >>> 3] = byteAt(this.#bytes, bit >>> 3) | (1 << (bit & 7));
  }

  /** False for certain, or probably true. */
  has(ip: string): boolean {
    return bitsOf(ip).every((bit) => (byteAt(this.#bytes, bit >>> 3) & (1 << (bit & 7))) !== 0);
  }

  /** Everything that is in the other is then in this one too. */
  merge(other: BloomFilter): void {
    for (const [index, byte] of other.#bytes.entries())
      this.#bytes[index] = byteAt(this.#bytes, index) | byte;
  }

  /** About how many addresses are inside. Past 6,000 it says little (BEP 33, whose formula has 0.5 for an empty one). */
  estimate(): number {
    let zeros = 0;
    for (const byte of this.#bytes) zeros += 8 - popcount(byte);
    if (zeros === bits) return 0;
    return Math.log(Math.max(1, zeros) / bits) / (hashes * Math.log(1 - 1 / bits));
  }

  /** A copy of the 256 bytes, as the wire has them. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }
}

function bitsOf(ip: string): readonly number[] {
  const hash = sha1(must(parseIp(ip), "an IP literal"));
  return [
    (byteAt(hash, 0) | (byteAt(hash, 1) << 8)) % bits,
    (byteAt(hash, 2) | (byteAt(hash, 3) << 8)) % bits,
  ];
}

function popcount(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
