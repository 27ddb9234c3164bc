import { fromUtf8Strict } from "@dure/base";

/**
 * A decoded value. Byte strings are views into the decoded buffer: copy what must outlive it.
 * Dictionary keys are raw bytes spelled as latin1, one character a byte, so that they compare as the wire does.
 */
export type Bencode = number | Uint8Array | readonly Bencode[] | BencodeDict;
export type BencodeDict = ReadonlyMap<string, Bencode>;

/** The value under `key` when `value` is a dictionary that has it. */
export function dictGet(value: Bencode | undefined, key: string): Bencode | undefined {
  return value instanceof Map ? value.get(key) : undefined;
}

export function asInt(value: Bencode | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export function asBytes(value: Bencode | undefined): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}

/** Undefined also when the bytes are not UTF-8; where they need not be, take `asBytes`. */
export function asText(value: Bencode | undefined): string | undefined {
  return value instanceof Uint8Array ? fromUtf8Strict(value) : undefined;
}

export function asList(value: Bencode | undefined): readonly Bencode[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

export function asDict(value: Bencode | undefined): BencodeDict | undefined {
  return value instanceof Map ? value : undefined;
}
