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

  constructor(bytes: Uint8Array, at: number, names: Names) {
    const starts = names.zeros();
    this.datagram = bytes;
    this.end = scanDict(bytes, at, names, starts);
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
    const at = this.#start(index);
    if (!isDigit(this.datagram[at] ?? 0)) return undefined;
    const start = stringStart(this.datagram, at);
    const end = skipString(this.datagram, at);
    return end - start < least || end - start > most ? undefined : this.datagram.subarray(start, end);
  }

  /** A byte string of whole entries, each of `entryBytes`: a view. */
  entries(index: number, entryBytes: number): Uint8Array | undefined {
    const bytes = this.bytes(index, 0, this.datagram.length);
    return bytes === undefined || bytes.length % entryBytes !== 0 ? undefined : bytes;
  }

  /** An integer of `least` to `most`, which lie within what a number holds exactly. */
  integer(index: number, least: number, most: number): number | undefined {
    const at = this.#start(index);
    const value = readInteger(this.datagram, at);
    return value === undefined || value < least || value > most ? undefined : value;
  }

  /** BEP 33 and 43 write a flag as the integer 1; any other value is no flag. */
  flag(index: number): boolean {
    return this.integer(index, 1, 1) === 1;
  }

  /** The value as it stands in the datagram, whatever its type: a view. */
  raw(index: number): Uint8Array | undefined {
    const at = this.#start(index);
    return at === 0 ? undefined : this.datagram.subarray(at, skipValue(this.datagram, at));
  }

  /**
   * Where each element of a list begins and, after them, where the last one ends; nothing when there is no list. A
   * byte string that stands where a list should is a list of one.
   */
  elements(index: number): readonly number[] {
    const at = this.#start(index);
    const byte = this.datagram[at] ?? 0;
    if (isDigit(byte)) return [at, skipString(this.datagram, at)];
    const bounds: number[] = []; // bounded by the datagram
    if (byte !== listByte) return bounds;
    let cursor = at + 1;
    bounds.push(cursor);
    while (this.datagram[cursor] !== endByte) {
      cursor = skipValue(this.datagram, cursor);
      bounds.push(cursor);
    }
    return bounds;
  }

  /** The byte strings among the elements: views. */
  strings(index: number): readonly Uint8Array[] {
    return this.elements(index)
      .slice(0, -1)
      .map((at) => readString(this.datagram, at))
      .filter((text) => text !== undefined);
  }

  /** The first integer among the elements that a number holds exactly. */
  firstInteger(index: number): number | undefined {
    return this.elements(index)
      .slice(0, -1)
      .map((at) => readInteger(this.datagram, at))
      .find((integer) => integer !== undefined);
  }

  // Nothing wanted begins at 0, where the datagram has its "d": what is absent is of no type that is read.
  #start(index: number): number {
    return this.#starts[index] ?? 0;
  }
}

/** The integer at `at`, which has been walked over; undefined when it is none or is past what a number holds exactly. */
function readInteger(bytes: Uint8Array, at: number): number | undefined {
  if (bytes[at] !== integerByte) return undefined;
  const negative = bytes[at + 1] === minusByte;
  let magnitude = 0;
  for (let cursor = negative ? at + 2 : at + 1; bytes[cursor] !== endByte; cursor += 1) {
    magnitude = magnitude * 10 + ((bytes[cursor] ?? 0) - zeroByte);
    if (magnitude > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return negative ? -magnitude : magnitude;
}

/** The content of the byte string at `at`, which has been walked over: a view. Undefined when it is none. */
function readString(bytes: Uint8Array, at: number): Uint8Array | undefined {
  return isDigit(bytes[at] ?? 0) ? bytes.subarray(stringStart(bytes, at), skipString(bytes, at)) : undefined;
}
