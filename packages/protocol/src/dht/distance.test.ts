import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareDistance, distanceShare, equalKeys, keyBeside, prefixOf, sharedBits } from "./distance.ts";

const key = fc.uint8Array({ minLength: 20, maxLength: 20 });

test("distances compare as the numbers that XOR makes", () => {
  fc.assert(
    fc.property(key, key, key, (target, a, b) => {
      const difference = numberOf(xor(target, a)) - numberOf(xor(target, b));
      equal(Math.sign(compareDistance(target, a, b)), difference < 0n ? -1 : difference > 0n ? 1 : 0);
    }),
  );
});

test("shared bits are those before the highest bit of the distance", () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const distance = numberOf(xor(a, b));
      equal(sharedBits(a, b), distance === 0n ? 160 : 160 - distance.toString(2).length);
      equal(sharedBits(a, a), 160);
      ok(equalKeys(a, a));
      equal(prefixOf(a), Number(numberOf(a) >> 128n));
    }),
  );
});

test("the distance's share of the space is right to 52 bits", () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const exact = Number(numberOf(xor(a, b))) / 2 ** 160;
      ok(Math.abs(distanceShare(a, b) - exact) <= exact * 2 ** -50 + 2 ** -103);
    }),
  );
});

test("a key beside another shares just so many bits with it, and the rest is the filler's", () => {
  fc.assert(
    fc.property(key, key, fc.nat({ max: 159 }), (own, filler, shared) => {
      const beside = keyBeside(own, shared, filler);
      equal(sharedBits(own, beside), shared);
      const rest = (bytes: Uint8Array) => numberOf(bytes) & ((1n << BigInt(159 - shared)) - 1n);
      equal(rest(beside), rest(filler));
    }),
  );
  deepEqual(keyBeside(new Uint8Array(20), 160, new Uint8Array(20).fill(9)), new Uint8Array(20));
});

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ b[index]!);
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}
