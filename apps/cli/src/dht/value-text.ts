import { fromUtf8Strict, hex, utf8 } from "@dure/base";
import { encodeBencode, krpcLimits } from "@dure/protocol";
import { usageError } from "../errors.ts";

/** Text as an item holds it: one bencoded string of at most 1,000 bytes (BEP 44). */
export function valueOfText(text: string): Uint8Array {
  const value = encodeBencode(text);
  const max = krpcLimits.valueBytesMax;
  if (value.length > max) throw usageError("dht.text-too-long", { bytes: utf8(text).length, max: max - 4 });
  return value;
}

/** A value as people and programs read it: the text of a bencoded string in UTF-8, else the bencoded bytes in hex. */
export function textOfValue(value: Uint8Array): { readonly text: string } | { readonly hex: string } {
  const text = stringOf(value);
  return text === undefined ? { hex: hex(value) } : { text };
}

function stringOf(value: Uint8Array): string | undefined {
  const colon = value.indexOf(0x3a);
  const length = fromUtf8Strict(value.subarray(0, Math.max(0, colon))) ?? "";
  if (!/^\d{1,4}$/.test(length) || Number(length) !== value.length - colon - 1) return undefined;
  return fromUtf8Strict(value.subarray(colon + 1));
}
