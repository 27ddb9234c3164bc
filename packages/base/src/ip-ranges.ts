import { parseIp } from "./address.ts";
import { assert } from "./assert.ts";
import { viewOf } from "./bytes.ts";

/**
 * The memory of an `IpRanges`, so that it can cross to another thread: sorted, disjoint, first and last of each range;
 * a word an IPv4 address, four an IPv6 address, the greatest first.
 */
export interface IpRangesWords {
  readonly four: Uint32Array<ArrayBuffer>;
  readonly six: Uint32Array<ArrayBuffer>;
}

/** A set of IP addresses, kept as ranges of both families. Never changes: a list read anew is a new one. */
export class IpRanges {
  readonly words: IpRangesWords;

  /** Of words that `IpRangesBuilder` has made. */
  constructor(words: IpRangesWords = { four: new Uint32Array(0), six: new Uint32Array(0) }) {
    assert(
      words.four.length % 2 === 0 && words.six.length % 8 === 0,
      "a range has a first and a last address",
    );
    this.words = words;
  }

  /** Ranges that touch or overlap are one. */
  get count(): number {
    return this.words.four.length / 2 + this.words.six.length / 8;
  }

  /** False for what is not an IP literal. */
  has(ip: string): boolean {
    if (this.count === 0) return false;
    const bytes = parseIp(ip);
    if (bytes === undefined) return false;
    const view = viewOf(bytes);
    if (bytes.length === 4) return this.#has4(view.getUint32(0));
    return isMapped(view) ? this.#has4(view.getUint32(12)) : this.#has6(view);
  }

  #has4(address: number): boolean {
    const { four } = this.words;
    let low = 0; // ranges before it begin at or below the address
    let high = four.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (wordAt(four, middle * 2) <= address) low = middle + 1;
      else high = middle;
    }
    return low > 0 && address <= wordAt(four, low * 2 - 1);
  }

  #has6(address: DataView): boolean {
    const { six } = this.words;
    const own = Uint32Array.of(...wordOffsets.map((offset) => address.getUint32(offset)));
    let low = 0;
    let high = six.length / 8;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare6(six, middle * 8, own, 0) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && compare6(own, 0, six, low * 8 - 4) <= 0;
  }
}

/** Gathers ranges in any order, overlapping or not. */
export class IpRangesBuilder {
  readonly #rangesMax: number;
  #four = new Uint32Array(1024); // low word, high word of a 64-bit number: last, first
  #fours = 0;
  #six = new Uint32Array(64);
  #sixes = 0;

  constructor(rangesMax: number) {
    this.#rangesMax = rangesMax;
  }

  /** Ranges that were added. */
  get added(): number {
    return this.#fours + this.#sixes;
  }

  /** False at the ceiling. */
  add4(first: number, last: number): boolean {
    assert(first <= last, "a range begins before it ends");
    if (this.added >= this.#rangesMax) return false;
    if (this.#fours * 2 === this.#four.length) this.#four = doubled(this.#four);
    this.#four[this.#fours * 2 + lowWord] = last;
    this.#four[this.#fours * 2 + 1 - lowWord] = first;
    this.#fours += 1;
    return true;
  }

  /** 4 or 16 bytes each, both the same; IPv4-mapped addresses are IPv4. False at the ceiling. */
  add(first: Uint8Array, last: Uint8Array): boolean {
    assert(first.length === last.length, "a range is of one family");
    const [from, to] = [viewOf(first), viewOf(last)];
    if (first.length === 4) return this.add4(from.getUint32(0), to.getUint32(0));
    if (isMapped(from) && isMapped(to)) return this.add4(from.getUint32(12), to.getUint32(12));
    if (this.added >= this.#rangesMax) return false;
    if (this.#sixes * 8 === this.#six.length) this.#six = doubled(this.#six);
    for (const [index, offset] of wordOffsets.entries()) {
      this.#six[this.#sixes * 8 + index] = from.getUint32(offset);
      this.#six[this.#sixes * 8 + 4 + index] = to.getUint32(offset);
    }
    this.#sixes += 1;
    return true;
  }

  build(): IpRanges {
    return new IpRanges({ four: this.#build4(), six: this.#build6() });
  }

  #build4(): Uint32Array<ArrayBuffer> {
    const pairs = this.#four.slice(0, this.#fours * 2);
    new BigUint64Array(pairs.buffer).sort(); // a sort of numbers takes a tenth of the time of one that calls back
    let length = 0;
    for (let at = 0; at < pairs.length; at += 2) {
      const last = wordAt(pairs, at + lowWord);
      const first = wordAt(pairs, at + 1 - lowWord);
      // Written where it was read already, or before.
      if (length > 0 && first <= wordAt(pairs, length - 1) + 1) {
        if (last > wordAt(pairs, length - 1)) pairs[length - 1] = last;
      } else {
        pairs[length] = first;
        pairs[length + 1] = last;
        length += 2;
      }
    }
    return pairs.slice(0, length);
  }

  #build6(): Uint32Array<ArrayBuffer> {
    const all = this.#six;
    const order = Uint32Array.from({ length: this.#sixes }, (_, index) => index * 8);
    order.sort((a, b) => compare6(all, a, all, b) || compare6(all, a + 4, all, b + 4) || a - b);
    const merged = new Uint32Array(this.#sixes * 8);
    let length = 0;
    for (const at of order) {
      if (length > 0 && compare6(all, at, merged, length - 4) <= 0) {
        if (compare6(all, at + 4, merged, length - 4) > 0)
          merged.set(all.subarray(at + 4, at + 8), length - 4);
      } else {
        merged.set(all.subarray(at, at + 8), length);
        length += 8;
      }
    }
    return merged.slice(0, length);
  }
}

const wordOffsets = [0, 4, 8, 12];
/** Where the low half of a 64-bit number lies among its two words: first on nearly every machine. */
const lowWord = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;

function isMapped(address: DataView): boolean {
  return address.getUint32(0) === 0 && address.getUint32(4) === 0 && address.getUint32(8) === 0xffff;
}

function compare6(a: Uint32Array, at: number, b: Uint32Array, from: number): number {
  for (let index = 0; index < 4; index += 1) {
    const difference = wordAt(a, at + index) - wordAt(b, from + index);
    if (difference !== 0) return difference;
  }
  return 0;
}

function wordAt(words: Uint32Array, index: number): number {
  return words[index] ?? 0; // callers stay inside
}

function doubled(words: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(words.length * 2);
  larger.set(words);
  return larger;
}
