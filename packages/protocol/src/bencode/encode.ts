import { assert, concat, fromLatin1, utf8 } from "@dure/base";
import { bencodeLimits } from "./limits.ts";

/** Bytes that are bencode already and are written as they stand: an info dictionary, a signed value. */
export class RawBencode {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/**
 * What can be written. Text becomes UTF-8. A map's keys are raw bytes spelled as latin1; an object's keys are
 * ASCII words of a format, and its undefined entries are left out.
 */
export type BencodeInput =
  | number
  | string
  | Uint8Array
  | RawBencode
  | readonly BencodeInput[]
  | ReadonlyMap<string, BencodeInput>
  | BencodeFields;
export interface BencodeFields {
  readonly [key: string]: BencodeInput | undefined;
}

/** Keys are sorted by their raw bytes (BEP 3). */
export function encodeBencode(value: BencodeInput): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = []; // bounded by our own value
  write(parts, value, 0);
  return concat(parts);
}

// Recursion is fine here: the value is ours, and its depth is what our own decoder accepts.
function write(parts: Uint8Array[], value: BencodeInput, depth: number): void {
  assert(depth <= bencodeLimits.depth, "a value of ours that our decoder accepts");
  if (typeof value === "number") {
    assert(Number.isSafeInteger(value), "bencode has integers only");
    parts.push(utf8(`i${value}e`));
  } else if (typeof value === "string") writeBytes(parts, utf8(value));
  else if (value instanceof Uint8Array) writeBytes(parts, value);
  else if (value instanceof RawBencode) parts.push(value.bytes);
  else if (isList(value)) {
    parts.push(listStart);
    for (const item of value) write(parts, item, depth + 1);
    parts.push(end);
  } else writeDict(parts, entriesOf(value), depth);
}

function writeBytes(parts: Uint8Array[], bytes: Uint8Array): void {
  parts.push(utf8(`${bytes.length}:`), bytes);
}

function writeDict(parts: Uint8Array[], entries: [string, BencodeInput][], depth: number): void {
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); // latin1 text compares as its bytes
  parts.push(dictStart);
  for (const [key, value] of entries) {
    writeBytes(parts, fromLatin1(key));
    write(parts, value, depth + 1);
  }
  parts.push(end);
}

function entriesOf(value: ReadonlyMap<string, BencodeInput> | BencodeFields): [string, BencodeInput][] {
  if (isMap(value)) return [...value];
  const entries: [string, BencodeInput][] = [];
  for (const [key, field] of Object.entries(value)) {
    assert(/^[\x20-\x7e]+$/.test(key), "an object's keys are ASCII words");
    if (field !== undefined) entries.push([key, field]);
  }
  return entries;
}

function isList(value: BencodeInput): value is readonly BencodeInput[] {
  return Array.isArray(value);
}

function isMap(
  value: ReadonlyMap<string, BencodeInput> | BencodeFields,
): value is ReadonlyMap<string, BencodeInput> {
  return value instanceof Map;
}

const listStart = utf8("l");
const dictStart = utf8("d");
const end = utf8("e");
