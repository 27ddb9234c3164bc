import { at, byteAt } from "@dure/base";
import {
  dictByte,
  endByte,
  integerByte,
  isDigit,
  listByte,
  minusByte,
  type Names,
  scanDict,
  skipString,
  skipValue,
  stringStart,
  zeroByte,
} from "./scan.ts";

/** The wanted values of one dictionary of a datagram, read when asked for. What is of another type reads as absent. */
export class Fields {
  /** Where the dictionary ends, or why it does not: negative, see `scanReason`. */
  readonly end: number;
  readonly datagram: Uint8Array;
  readonly #starts: readonly number[];

  constructor(bytes: Uint8Array, offset: number, names: Names) {
    const starts = names.zeros();
    this.datagram = bytes;
    this.end = scanDict(bytes, offset, names, starts);
    this.#starts = starts;
  }

  has(index: number): boolean {
    return this.#start(index) !== 0;
  }

  /** Where the dictionary under this name begins; 0 when it is none. */
  dict(index: number): number {
    const start = this.#start(index);
    return this.datagram[start] === dictByte && start !== 0 ? start : 0;
  }

  /** A byte string of `least` to `most` bytes: a view. */
  bytes(index: number, least: number, most: number): Uint8Array | undefined {
    const offset = this.#start(index);
    if (!isDigit(this.datagram[offset])) return undefined;
    const start = stringStart(this.datagram, offset);
    const end = skipString(this.datagram, offset);
    return end - start < least || end - start > most ? undefined : this.datagram.subarray(start, end);
  }

  /** A byte string of whole entries, each of `entryBytes`: a view. */
  entries(index: number, entryBytes: number): Uint8Array | undefined {
    const bytes = this.bytes(index, 0, this.datagram.length);
    return bytes === undefined || bytes.length % entryBytes !== 0 ? undefined : bytes;
  }

  /** An integer of `least` to `most`, which lie within what a number holds exactly. */
  integer(index: number, least: number, most: number): number | undefined {
    const offset = this.#start(index);
    const value = readInteger(this.datagram, offset);
    return value === undefined || value < least || value > most ? undefined : value;
  }

  /** BEP 33 and 43 write a flag as the integer 1; any other value is no flag. */
  flag(index: number): boolean {
    return this.integer(index, 1, 1) === 1;
  }

  /** The value as it stands in the datagram, whatever its type: a view. */
  raw(index: number): Uint8Array | undefined {
    const offset = this.#start(index);
    return offset === 0 ? undefined : this.datagram.subarray(offset, skipValue(this.datagram, offset));
  }

  /**
   * Where each element of a list begins and, after them, where the last one ends; nothing when there is no list. A
   * byte string that stands where a list should is a list of one.
   */
  elements(index: number): readonly number[] {
    const offset = this.#start(index);
    const byte = this.datagram[offset];
    if (isDigit(byte)) return [offset, skipString(this.datagram, offset)];
    const bounds: number[] = []; // bounded by the datagram
    if (byte !== listByte) return bounds;
    let cursor = offset + 1;
    bounds.push(cursor);
    while (this.datagram[cursor] !== endByte) {
      cursor = skipValue(this.datagram, cursor);
      bounds.push(cursor);
    }
    return bounds;
  }

  /** Which of the names stand among the elements: bit i for the i-th. */
  mask(index: number, names: Names): number {
    const bounds = this.elements(index);
    let mask = 0;
    for (let element = 1; element < bounds.length; element += 1) {
      const offset = at(bounds, element - 1);
      if (!isDigit(this.datagram[offset])) continue;
      const name = names.find(this.datagram, stringStart(this.datagram, offset), at(bounds, element));
      if (name >= 0) mask |= 1 << name;
    }
    return mask;
  }

  /** The byte strings among the elements: views. */
  strings(index: number): readonly Uint8Array[] {
    return this.elements(index)
      .slice(0, -1)
      .map((offset) => readString(this.datagram, offset))
      .filter((text) => text !== undefined);
  }

  /** The first integer among the elements that a number holds exactly. */
  firstInteger(index: number): number | undefined {
    return this.elements(index)
      .slice(0, -1)
      .map((offset) => readInteger(this.datagram, offset))
      .find((integer) => integer !== undefined);
  }

  // Nothing wanted begins at 0, where the datagram has its "d": what is absent is of no type that is read.
  #start(index: number): number {
    return at(this.#starts, index);
  }
}

/** The integer at `offset`, which has been walked over; undefined when it is none or is past what a number holds exactly. */
function readInteger(bytes: Uint8Array, offset: number): number | undefined {
  if (bytes[offset] !== integerByte) return undefined;
  const negative = bytes[offset + 1] === minusByte;
  let magnitude = 0;
  for (let cursor = negative ? offset + 2 : offset + 1; bytes[cursor] !== endByte; cursor += 1) {
    magnitude = magnitude * 10 + (byteAt(bytes, cursor) - zeroByte);
    if (magnitude > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return negative ? -magnitude : magnitude;
}

/** The content of the byte string at `offset`, which has been walked over: a view. Undefined when it is none. */
function readString(bytes: Uint8Array, offset: number): Uint8Array | undefined {
  return isDigit(bytes[offset])
    ? bytes.subarray(stringStart(bytes, offset), skipString(bytes, offset))
    : undefined;
}
