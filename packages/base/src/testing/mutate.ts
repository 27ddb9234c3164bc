import { concat, viewOf } from "../bytes.ts";
import type { Prng } from "../prng.ts";

/** A sample after one to four changes of the kinds that parsers get wrong. */
export function mutate(prng: Prng, samples: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = (prng.pick(samples) ?? new Uint8Array()).slice();
  const changes = prng.between(1, 4);
  for (let change = 0; change < changes; change += 1) {
    const mutation = prng.pick(mutations) ?? flipBit;
    bytes = mutation(prng, bytes, samples);
  }
  return bytes;
}

type Mutation = (prng: Prng, bytes: Uint8Array, samples: readonly Uint8Array[]) => Uint8Array;

function flipBit(prng: Prng, bytes: Uint8Array): Uint8Array {
  const index = prng.below(bytes.length);
  if (bytes.length > 0) bytes[index] = (bytes[index] ?? 0) ^ (1 << prng.below(8));
  return bytes;
}

const sharpBytes: readonly number[] = [0x00, 0x01, 0x7f, 0x80, 0xff, ...Array.from("-0:19deil/.", charCode)];

function setByte(prng: Prng, bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0) bytes[prng.below(bytes.length)] = prng.pick(sharpBytes) ?? 0;
  return bytes;
}

function cutTail(prng: Prng, bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, prng.below(bytes.length + 1));
}

function removeRange(prng: Prng, bytes: Uint8Array): Uint8Array {
  const { from, to } = range(prng, bytes);
  return concat([bytes.subarray(0, from), bytes.subarray(to)]);
}

function repeatRange(prng: Prng, bytes: Uint8Array): Uint8Array {
  const { from, to } = range(prng, bytes);
  return concat([bytes.subarray(0, to), bytes.subarray(from)]);
}

function insertBytes(prng: Prng, bytes: Uint8Array): Uint8Array {
  const at = prng.below(bytes.length + 1);
  const inserted = prng.chance(0.5)
    ? prng.bytes(prng.between(1, 8))
    : Uint8Array.of(prng.pick(sharpBytes) ?? 0);
  return concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}

function splice(prng: Prng, bytes: Uint8Array, samples: readonly Uint8Array[]): Uint8Array {
  const other = prng.pick(samples) ?? bytes;
  return concat([cutTail(prng, bytes), other.subarray(prng.below(other.length + 1))]);
}

/** A length or count of 1, 2 or 4 bytes somewhere becomes one at the edge of what it can say. */
function editBinaryLength(prng: Prng, bytes: Uint8Array): Uint8Array {
  const width = prng.pick([1, 2, 4]) ?? 1;
  if (bytes.length < width) return bytes;
  const at = prng.below(bytes.length - width + 1);
  const top = 2 ** (width * 8);
  const value =
    prng.pick([0, 1, top - 1, top / 2, top / 2 - 1, bytes.length, bytes.length - at - width]) ?? 0;
  const view = viewOf(bytes);
  if (width === 1) view.setUint8(at, value);
  else if (width === 2) view.setUint16(at, value);
  else view.setUint32(at, value);
  return bytes;
}

const sharpNumbers = [
  "0",
  "-0",
  "-1",
  "01",
  "4294967295",
  "9007199254740991",
  "9007199254740992",
  "9".repeat(40),
];

/** A run of decimal digits becomes another number: one more, one less, or one at an edge. */
function editDecimal(prng: Prng, bytes: Uint8Array): Uint8Array {
  const start = prng.below(bytes.length + 1);
  const from = bytes.findIndex((byte, index) => index >= start && isDigit(byte));
  if (from < 0) return bytes;
  let to = from;
  while (to < bytes.length && isDigit(bytes[to] ?? 0)) to += 1;
  const number = Number(Array.from(bytes.subarray(from, to), (byte) => byte - 0x30).join(""));
  const text = prng.pick([String(number + 1), String(number - 1), ...sharpNumbers]) ?? "0";
  return concat([bytes.subarray(0, from), Uint8Array.from(text, charCode), bytes.subarray(to)]);
}

const mutations: readonly Mutation[] = [
  flipBit,
  setByte,
  cutTail,
  removeRange,
  repeatRange,
  insertBytes,
  splice,
  editBinaryLength,
  editDecimal,
];

// Mostly short, sometimes up to everything.
function range(prng: Prng, bytes: Uint8Array): { readonly from: number; readonly to: number } {
  const from = prng.below(bytes.length + 1);
  const longest = prng.chance(0.7) ? 8 : bytes.length;
  return { from, to: Math.min(bytes.length, from + prng.below(longest + 1)) };
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function charCode(text: string): number {
  return text.charCodeAt(0);
}
