import { assert, byteAt } from "@dure/base";

/*
 * Bencode (BEP 3) walked over without building values: a datagram is small, most of its fields are wanted as the
 * bytes they are, and a tree of maps costs several times the walk.
 *
 * Positions are offsets into the datagram. A walk that fails gives a negative number instead of an end.
 */

export type ScanReason = "truncated" | "bad-bencode" | "too-deep" | "duplicate-key";

const truncated = -1;
const badBencode = -2;
const tooDeep = -3;
const duplicateKey = -4;

/** Why a walk gave `end`, which is negative. */
export function scanReason(end: number): ScanReason {
  switch (end) {
    case truncated:
      return "truncated";
    case tooDeep:
      return "too-deep";
    case duplicateKey:
      return "duplicate-key";
    default:
      return "bad-bencode";
  }
}

/**
 * Lists and dictionaries open at once within one field. More than an item's value may have (`isItemValue`), so that
 * who sends one too deep can be told.
 */
const levelsMax = 40;

export const endByte = 0x65; // e
export const dictByte = 0x64; // d
export const listByte = 0x6c; // l
export const integerByte = 0x69; // i
export const minusByte = 0x2d;
const colonByte = 0x3a;
export const zeroByte = 0x30;

/**
 * Where the value at `at` ends. `sorted` asks for the one encoding a value has, keys in ascending order, which BEP 44
 * demands of what is hashed and signed. Recursion is bounded by `levels`.
 */
export function skipValue(bytes: Uint8Array, at: number, levels = levelsMax, sorted = false): number {
  const byte = bytes[at];
  if (byte === undefined) return truncated;
  if (isDigit(byte)) return skipString(bytes, at);
  if (byte === integerByte) return skipInteger(bytes, at);
  if (byte !== listByte && byte !== dictByte) return badBencode;
  if (levels === 0) return tooDeep;
  return byte === listByte
    ? skipList(bytes, at, levels - 1, sorted)
    : skipDict(bytes, at, levels - 1, sorted);
}

/** Where the byte string at `at` ends. */
export function skipString(bytes: Uint8Array, at: number): number {
  const first = byteAt(bytes, at) - zeroByte;
  let length = first;
  let cursor = at + 1;
  for (;;) {
    const byte = bytes[cursor];
    if (byte === undefined) return truncated;
    cursor += 1;
    if (byte === colonByte) break;
    // Six digits are more than any datagram holds; a zero in front of others would be a second spelling.
    if (!isDigit(byte) || cursor - at > 6 || first === 0) return badBencode;
    length = length * 10 + (byte - zeroByte);
  }
  const end = cursor + length;
  return end > bytes.length ? truncated : end;
}

/** Where the content of the byte string at `at` begins; the string has been walked over before. */
export function stringStart(bytes: Uint8Array, at: number): number {
  let cursor = at + 1;
  while (bytes[cursor] !== colonByte) cursor += 1;
  return cursor + 1;
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function skipInteger(bytes: Uint8Array, at: number): number {
  const negative = bytes[at + 1] === minusByte;
  const start = negative ? at + 2 : at + 1;
  let cursor = start;
  while (isDigit(bytes[cursor])) cursor += 1;
  if (cursor >= bytes.length) return truncated;
  const digits = cursor - start;
  const leadingZero = bytes[start] === zeroByte && (digits > 1 || negative);
  return bytes[cursor] !== endByte || digits === 0 || leadingZero ? badBencode : cursor + 1;
}

function skipList(bytes: Uint8Array, at: number, levels: number, sorted: boolean): number {
  let cursor = at + 1;
  while (bytes[cursor] !== endByte) {
    cursor = skipValue(bytes, cursor, levels, sorted);
    if (cursor < 0) return cursor;
  }
  return cursor + 1;
}

function skipDict(bytes: Uint8Array, at: number, levels: number, sorted: boolean): number {
  let cursor = at + 1;
  let previousKey = -1;
  while (bytes[cursor] !== endByte) {
    const key = cursor;
    const keyEnd = skipKey(bytes, key);
    if (keyEnd < 0) return keyEnd;
    if (sorted && previousKey >= 0 && compareStrings(bytes, previousKey, key) >= 0) return badBencode;
    previousKey = key;
    cursor = skipValue(bytes, keyEnd, levels, sorted);
    if (cursor < 0) return cursor;
  }
  return cursor + 1;
}

function skipKey(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length) return truncated;
  return isDigit(bytes[at]) ? skipString(bytes, at) : badBencode;
}

// As memcmp does; a shorter prefix comes first. Both have been walked over.
function compareStrings(bytes: Uint8Array, a: number, b: number): number {
  const aStart = stringStart(bytes, a);
  const bStart = stringStart(bytes, b);
  const aLength = skipString(bytes, a) - aStart;
  const bLength = skipString(bytes, b) - bStart;
  const common = Math.min(aLength, bLength);
  for (let index = 0; index < common; index += 1) {
    const difference = byteAt(bytes, aStart + index) - byteAt(bytes, bStart + index);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/**
 * Walks over the dictionary at `at` and notes where the values of the keys in `names` begin: `starts[i]` for the i-th
 * name. Nothing begins at 0, so 0 says absent. Keys may come in any order, as bencode's decoder of ours has it; a
 * wanted key that stands twice is refused. Other keys are walked over.
 */
export function scanDict(bytes: Uint8Array, at: number, names: Names, starts: number[]): number {
  let cursor = at + 1;
  while (bytes[cursor] !== endByte) {
    const keyEnd = skipKey(bytes, cursor);
    if (keyEnd < 0) return keyEnd;
    const index = names.find(bytes, stringStart(bytes, cursor), keyEnd);
    if (index >= 0) {
      if (starts[index] !== 0) return duplicateKey;
      starts[index] = keyEnd;
    }
    cursor = skipValue(bytes, keyEnd);
    if (cursor < 0) return cursor;
  }
  return cursor + 1;
}

/** A fixed set of short names, found by their length and two of their bytes, then compared whole. */
export class Names {
  readonly #byEnds = new Map<number, { readonly index: number; readonly name: string }>();
  readonly #zeros: readonly number[];

  constructor(names: readonly string[]) {
    for (const [index, name] of names.entries()) {
      const key = endsOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
      assert(!this.#byEnds.has(key), "two names differ in length, first or last byte");
      this.#byEnds.set(key, { index, name });
    }
    this.#zeros = names.map(() => 0);
  }

  /** A zero for each name: where `scanDict` notes what it finds. */
  zeros(): number[] {
    return this.#zeros.slice();
  }

  /** The index of the name that stands in `bytes` from `start` to `end`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return -1;
    const found = this.#byEnds.get(endsOf(length, byteAt(bytes, start), byteAt(bytes, end - 1)));
    if (found === undefined) return -1;
    for (let index = 1; index < length - 1; index += 1) {
      if (bytes[start + index] !== found.name.charCodeAt(index)) return -1;
    }
    return found.index;
  }
}

function endsOf(length: number, first: number, last: number): number {
  return (length << 16) | (first << 8) | last;
}
