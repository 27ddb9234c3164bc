import { assert, utf8 } from "@dure/base";
import { bencodeLimits } from "./limits.ts";

/** Bytes that are bencode already and are written as they stand: an info dictionary, a signed value. */
export class RawBencode {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/**
 * What can be written. Text becomes UTF-8; keys are raw bytes spelled as latin1, in an object as in a map. An
 * object's undefined entries are left out.
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
  const writer = new Writer();
  write(writer, value, 0);
  return writer.finish();
}

// Recursion is fine here: the value is ours, and its depth is what our own decoder accepts.
function write(writer: Writer, value: BencodeInput, depth: number): void {
  assert(depth <= bencodeLimits.depth, "a value of ours that our decoder accepts");
  if (typeof value === "number") {
    assert(Number.isSafeInteger(value), "bencode has integers only");
    writer.latin1(`i${value}e`);
  } else if (typeof value === "string") writeBytes(writer, utf8(value));
  else if (value instanceof Uint8Array) writeBytes(writer, value);
  else if (value instanceof RawBencode) writer.bytes(value.bytes);
  else if (isList(value)) {
    writer.latin1("l");
    for (const item of value) write(writer, item, depth + 1);
    writer.latin1("e");
  } else writeDict(writer, entriesOf(value), depth);
}

function writeBytes(writer: Writer, bytes: Uint8Array): void {
  writer.latin1(`${bytes.length}:`);
  writer.bytes(bytes);
}

function writeDict(writer: Writer, entries: [string, BencodeInput][], depth: number): void {
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); // latin1 text compares as its bytes
  writer.latin1("d");
  for (const [key, value] of entries) {
    writer.latin1(`${key.length}:${key}`);
    write(writer, value, depth + 1);
  }
  writer.latin1("e");
}

function entriesOf(value: ReadonlyMap<string, BencodeInput> | BencodeFields): [string, BencodeInput][] {
  if (isMap(value)) return [...value];
  const entries: [string, BencodeInput][] = [];
  for (const key of Object.keys(value)) {
    const field = value[key];
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

/** A buffer that doubles. Bounded by our own value. */
class Writer {
  #buffer = new Uint8Array(256);
  #length = 0;

  latin1(text: string): void {
    this.#reserve(text.length);
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      assert(code <= 0xff, "a key spells one byte a character");
      this.#buffer[this.#length + index] = code;
    }
    this.#length += text.length;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#buffer.slice(0, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#buffer.length, this.#length + bytes));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
