import { fail, latin1, ok, type Result } from "@dure/base";
import { type BencodeLimits, bencodeKeyBytesMax, bencodeLimits } from "./limits.ts";
import type { Bencode, BencodeDict } from "./value.ts";

/*
 * BEP 3, "bencoding":
 *
 *   integer      i -?digits e          no leading zero, no -0
 *   byte string  digits : bytes        no leading zero
 *   list         l value* e
 *   dictionary   d (string value)* e   keys sorted and unique
 *
 * The decoder holds its own stack: nesting costs a stranger's bytes, never our call stack.
 */

export type BencodeReason =
  | "truncated"
  | "trailing-bytes"
  | "bad-token"
  | "bad-integer"
  | "integer-range"
  | "bad-string-length"
  | "too-deep"
  | "too-many-tokens"
  | "key-not-string"
  | "key-too-long"
  | "key-without-value"
  | "duplicate-key"
  | "not-a-dictionary";

/** One value that fills `bytes`. */
export function decodeBencode(
  bytes: Uint8Array,
  limits: BencodeLimits = bencodeLimits,
): Result<Bencode, BencodeReason> {
  const result = decodeBencodePrefix(bytes, 0, limits);
  if (!result.ok) return result;
  return result.value.end === bytes.length ? ok(result.value.value) : fail("trailing-bytes");
}

/** One value that starts at `offset`; `end` is where the rest begins (ut_metadata appends raw data, BEP 9). */
export function decodeBencodePrefix(
  bytes: Uint8Array,
  offset = 0,
  limits: BencodeLimits = bencodeLimits,
): Result<{ readonly value: Bencode; readonly end: number }, BencodeReason> {
  const decoder = new Decoder(bytes, offset, limits, undefined);
  const value = decoder.run();
  return value === undefined ? fail(decoder.reason) : ok({ value, end: decoder.end });
}

/** A dictionary that fills `bytes`, and the bytes of each of its values as they stand: hashes and signatures need them. */
export function decodeBencodeDict(
  bytes: Uint8Array,
  limits: BencodeLimits = bencodeLimits,
): Result<{ readonly dict: BencodeDict; readonly raw: ReadonlyMap<string, Uint8Array> }, BencodeReason> {
  const raw = new Map<string, Uint8Array>(); // bounded by the token limit
  const decoder = new Decoder(bytes, 0, limits, raw);
  const dict = decoder.run();
  if (dict === undefined) return fail(decoder.reason);
  if (decoder.end !== bytes.length) return fail("trailing-bytes");
  return dict instanceof Map ? ok({ dict, raw }) : fail("not-a-dictionary");
}

type Frame =
  | { readonly type: "list"; readonly items: Bencode[] }
  | { readonly type: "dict"; readonly entries: Map<string, Bencode>; key: string | undefined };

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #limits: BencodeLimits;
  readonly #raw: Map<string, Uint8Array> | undefined;
  readonly #stack: Frame[] = []; // bounded by limits.depth
  #at: number;
  #tokens = 0;
  #valueStart = 0; // where the top dictionary's current value begins
  #reason: BencodeReason = "truncated";

  constructor(
    bytes: Uint8Array,
    offset: number,
    limits: BencodeLimits,
    raw: Map<string, Uint8Array> | undefined,
  ) {
    this.#bytes = bytes;
    this.#at = offset;
    this.#limits = limits;
    this.#raw = raw;
  }

  /** Why `run` gave nothing. */
  get reason(): BencodeReason {
    return this.#reason;
  }

  /** Where the value that `run` gave ends. */
  get end(): number {
    return this.#at;
  }

  run(): Bencode | undefined {
    for (;;) {
      const top = this.#stack[this.#stack.length - 1];
      const value = this.#step(top);
      if (value === undefined) return undefined;
      if (value === opened) continue;
      const parent = this.#stack[this.#stack.length - 1];
      if (parent === undefined) return value;
      this.#attach(parent, value);
    }
  }

  /** A finished value, or `opened` when a container or a key was begun, or nothing when the bytes are wrong. */
  #step(top: Frame | undefined): Bencode | typeof opened | undefined {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return this.#refuse("truncated");
    if (byte === endByte) return this.#close(top);
    this.#tokens += 1;
    if (this.#tokens > this.#limits.tokens) return this.#refuse("too-many-tokens");
    if (top?.type === "dict" && top.key === undefined) return this.#key(top, byte);
    if (byte === dictByte) return this.#open({ type: "dict", entries: new Map(), key: undefined });
    if (byte === listByte) return this.#open({ type: "list", items: [] });
    if (byte === integerByte) return this.#integer();
    return isDigit(byte) ? this.#string() : this.#refuse("bad-token");
  }

  #open(frame: Frame): typeof opened | undefined {
    if (this.#stack.length >= this.#limits.depth) return this.#refuse("too-deep");
    this.#stack.push(frame);
    this.#at += 1;
    return opened;
  }

  #close(top: Frame | undefined): Bencode | undefined {
    if (top === undefined) return this.#refuse("bad-token");
    if (top.type === "dict" && top.key !== undefined) return this.#refuse("key-without-value");
    this.#stack.pop();
    this.#at += 1;
    return top.type === "dict" ? top.entries : top.items;
  }

  #attach(parent: Frame, value: Bencode): void {
    if (parent.type === "list") {
      parent.items.push(value);
      return;
    }
    if (parent.key === undefined) return; // a dictionary's value always follows its key
    parent.entries.set(parent.key, value);
    if (this.#raw !== undefined && this.#stack.length === 1) {
      this.#raw.set(parent.key, this.#bytes.subarray(this.#valueStart, this.#at));
    }
    parent.key = undefined;
  }

  // Deployed torrents have unsorted keys, so order is not checked; a key that stands twice would mean two
  // things to two readers, so it is refused.
  #key(top: Frame & { type: "dict" }, byte: number): typeof opened | undefined {
    if (!isDigit(byte)) return this.#refuse("key-not-string");
    const bytes = this.#string();
    if (bytes === undefined) return undefined;
    if (bytes.length > bencodeKeyBytesMax) return this.#refuse("key-too-long");
    const key = latin1(bytes);
    if (top.entries.has(key)) return this.#refuse("duplicate-key");
    top.key = key;
    if (this.#stack.length === 1) this.#valueStart = this.#at;
    return opened;
  }

  #string(): Uint8Array | undefined {
    const start = this.#at;
    let length = 0;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return this.#refuse("truncated");
      this.#at += 1;
      if (byte === colonByte) break;
      // Ten digits are more than any buffer holds.
      if (!isDigit(byte) || this.#at - start > 10) return this.#refuse("bad-string-length");
      length = length * 10 + (byte - zeroByte);
    }
    if (this.#at - start > 2 && this.#bytes[start] === zeroByte) return this.#refuse("bad-string-length");
    const end = this.#at + length;
    if (end > this.#bytes.length) return this.#refuse("truncated");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  #integer(): number | undefined {
    this.#at += 1;
    const negative = this.#bytes[this.#at] === minusByte;
    if (negative) this.#at += 1;
    const start = this.#at;
    let magnitude = 0;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return this.#refuse("truncated");
      this.#at += 1;
      if (byte === endByte) break;
      if (!isDigit(byte)) return this.#refuse("bad-integer");
      // The parentheses matter: the largest number plus a digit's code would be rounded.
      magnitude = magnitude * 10 + (byte - zeroByte);
      if (magnitude > Number.MAX_SAFE_INTEGER) return this.#refuse("integer-range");
    }
    const digits = this.#at - 1 - start;
    const leadingZero = this.#bytes[start] === zeroByte && (digits > 1 || negative);
    if (digits === 0 || leadingZero) return this.#refuse("bad-integer");
    return negative ? -magnitude : magnitude;
  }

  #refuse(reason: BencodeReason): undefined {
    this.#reason = reason;
    return undefined;
  }
}

/** Not a value: says that the step began something which later bytes finish. */
const opened = Symbol("opened");

const endByte = 0x65; // e
const dictByte = 0x64; // d
const listByte = 0x6c; // l
const integerByte = 0x69; // i
const minusByte = 0x2d;
const colonByte = 0x3a;
const zeroByte = 0x30;

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
