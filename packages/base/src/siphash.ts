import { assert } from "./assert.ts";
import { viewOf } from "./bytes.ts";

/** 64 bits as two halves: JavaScript's bit operations know 32. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** A hash that nobody without its key can compute or steer. */
export type KeyedHash = (message: Uint8Array) => Hash64;

/** SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"), with a key of 16 bytes. */
export function sipHash(key: Uint8Array): KeyedHash {
  assert(key.length === 16, "a SipHash key has 16 bytes");
  const words = viewOf(key);
  const k0Low = words.getInt32(0, true);
  const k0High = words.getInt32(4, true);
  const k1Low = words.getInt32(8, true);
  const k1High = words.getInt32(12, true);

  // Eight local numbers and one copy of the round: with the state in an array a hash took ten times as long.
  return (message) => {
    // v0..v3 as halves; the constants are "somepseudorandomlygeneratedbytes".
    let v0Low = 0x70736575 ^ k0Low;
    let v0High = 0x736f6d65 ^ k0High;
    let v1Low = 0x6e646f6d ^ k1Low;
    let v1High = 0x646f7261 ^ k1High;
    let v2Low = 0x6e657261 ^ k0Low;
    let v2High = 0x6c796765 ^ k0High;
    let v3Low = 0x79746573 ^ k1Low;
    let v3High = 0x74656462 ^ k1High;
    const wordsCount = (message.length >>> 3) + 1; // the last word holds what is left over, and the length
    for (let word = 0; word <= wordsCount; word += 1) {
      const finish = word === wordsCount;
      const low = finish ? 0 : halfWord(message, word * 8);
      const high = finish ? 0 : halfWord(message, word * 8 + 4);
      if (finish) v2Low ^= 0xff;
      v3Low ^= low;
      v3High ^= high;
      for (let rounds = finish ? 4 : 2; rounds > 0; rounds -= 1) {
        // Figure 2.1 of the paper: add, rotate, xor. `sum` above 32 bits is the carry.
        let sum = (v0Low >>> 0) + (v1Low >>> 0);
        v0Low = sum | 0;
        v0High = (v0High + v1High + (sum > 0xffff_ffff ? 1 : 0)) | 0;
        let rotated = (v1Low << 13) | (v1High >>> 19);
        v1High = ((v1High << 13) | (v1Low >>> 19)) ^ v0High;
        v1Low = rotated ^ v0Low;
        rotated = v0Low;
        v0Low = v0High;
        v0High = rotated;

        sum = (v2Low >>> 0) + (v3Low >>> 0);
        v2Low = sum | 0;
        v2High = (v2High + v3High + (sum > 0xffff_ffff ? 1 : 0)) | 0;
        rotated = (v3Low << 16) | (v3High >>> 16);
        v3High = ((v3High << 16) | (v3Low >>> 16)) ^ v2High;
        v3Low = rotated ^ v2Low;

        sum = (v0Low >>> 0) + (v3Low >>> 0);
        v0Low = sum | 0;
        v0High = (v0High + v3High + (sum > 0xffff_ffff ? 1 : 0)) | 0;
        rotated = (v3Low << 21) | (v3High >>> 11);
        v3High = ((v3High << 21) | (v3Low >>> 11)) ^ v0High;
        v3Low = rotated ^ v0Low;

        sum = (v2Low >>> 0) + (v1Low >>> 0);
        v2Low = sum | 0;
        v2High = (v2High + v1High + (sum > 0xffff_ffff ? 1 : 0)) | 0;
        rotated = (v1Low << 17) | (v1High >>> 15);
        v1High = ((v1High << 17) | (v1Low >>> 15)) ^ v2High;
        v1Low = rotated ^ v2Low;
        rotated = v2Low;
        v2Low = v2High;
        v2High = rotated;
      }
      v0Low ^= low;
      v0High ^= high;
    }
    return {
      high: (v0High ^ v1High ^ v2High ^ v3High) >>> 0,
      low: (v0Low ^ v1Low ^ v2Low ^ v3Low) >>> 0,
    };
  };
}

/** Four bytes, the first the lowest. Past the end are zeros, and in the message's last byte of all its length. */
function halfWord(message: Uint8Array, at: number): number {
  const length = message.length;
  if (at + 4 <= length) {
    return (
      (message[at] ?? 0) |
      ((message[at + 1] ?? 0) << 8) |
      ((message[at + 2] ?? 0) << 16) |
      ((message[at + 3] ?? 0) << 24)
    );
  }
  const endsWord = (at & 4) !== 0 ? length << 24 : 0;
  return (message[at] ?? 0) | ((message[at + 1] ?? 0) << 8) | ((message[at + 2] ?? 0) << 16) | endsWord;
}
