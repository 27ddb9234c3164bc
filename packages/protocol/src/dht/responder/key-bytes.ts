/** 20 bytes as a string of 10 characters, two bytes each: the cheapest key of a Map there is. Not for people. */
export function keyText(key: Uint8Array): string {
  return String.fromCharCode(
    pair(key, 0),
    pair(key, 2),
    pair(key, 4),
    pair(key, 6),
    pair(key, 8),
    pair(key, 10),
    pair(key, 12),
    pair(key, 14),
    pair(key, 16),
    pair(key, 18),
  );
}

/** The first 48 bits of the XOR of two keys: exact enough to say who is closer among a few thousand. */
export function distancePrefix(a: Uint8Array, b: Uint8Array): number {
  return (
    (pair(a, 0) ^ pair(b, 0)) * 0x1_0000_0000 +
    (pair(a, 2) ^ pair(b, 2)) * 0x1_0000 +
    (pair(a, 4) ^ pair(b, 4))
  );
}

/** Memory of its own. Not `slice`: of a Node buffer that is a view. */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function pair(key: Uint8Array, at: number): number {
  return ((key[at] ?? 0) << 8) | (key[at + 1] ?? 0);
}
