import type { DhtKey } from "../krpc/index.ts";

/** Bytes of a node id, an info-hash or a target. */
export const keyBytes = 20;
export const keyBits = 160;

// All of these read the first 20 bytes only, so that they work on compact node info as well (BEP 5: the id comes first).

/** The first 32 bits, unsigned: what most comparisons are decided by. */
export function prefixOf(key: Uint8Array): number {
  return ((byte(key, 0) << 24) | (byte(key, 1) << 16) | (byte(key, 2) << 8) | byte(key, 3)) >>> 0;
}

/** How many leading bits two keys share: 0 to 160. */
export function sharedBits(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < keyBytes; index += 1) {
    const difference = byte(a, index) ^ byte(b, index);
    if (difference !== 0) return index * 8 + Math.clz32(difference) - 24;
  }
  return keyBits;
}

export function equalKeys(a: Uint8Array, b: Uint8Array): boolean {
  return sharedBits(a, b) === keyBits;
}

/** Negative when `a` is closer to the target than `b`; zero only for equal keys (Kademlia: distance is XOR, as a number). */
export function compareDistance(target: DhtKey, a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < keyBytes; index += 1) {
    const wanted = byte(target, index);
    const difference = (byte(a, index) ^ wanted) - (byte(b, index) ^ wanted);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The distance as a share of the whole space, in [0, 1]: 52 bits of it, which tells apart what sizes are estimated from. */
export function distanceShare(target: DhtKey, key: Uint8Array): number {
  let share = 0;
  let weight = 1 / 256;
  for (let index = 0; index < 13; index += 1) {
    share += (byte(target, index) ^ byte(key, index)) * weight;
    weight /= 256;
  }
  return share;
}

/** The key with the first `shared` bits of `key`, the next one other, and what follows from `filler`. */
export function keyBeside(key: DhtKey, shared: number, filler: Uint8Array): Uint8Array<ArrayBuffer> {
  const beside = Uint8Array.from(filler.subarray(0, keyBytes));
  const whole = shared >>> 3;
  beside.set(key.subarray(0, whole));
  if (whole === keyBytes) return beside;
  const kept = shared & 7;
  const mask = (0xff00 >>> kept) & 0xff; // the bits of this byte that stay
  const flipped = 0x80 >>> kept;
  beside[whole] =
    (byte(key, whole) & mask) | (~byte(key, whole) & flipped) | (byte(beside, whole) & (flipped - 1));
  return beside;
}

function byte(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0; // inside the bounds for every key; the types cannot say so
}
