import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { sipHash } from "./siphash.ts";

const counting = (length: number) => Uint8Array.from({ length }, (_, index) => index);
const hash = sipHash(counting(16));
const text = (length: number) => {
  const { high, low } = hash(counting(length));
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
};

test("fifteen counting bytes hash as in Appendix A of the SipHash paper", () => {
  equal(text(15), "a129ca6149be45e5");
});

test("messages around the word size hash as in the reference implementation", () => {
  // The authors' vectors are little-endian bytes; these are the numbers.
  equal(text(0), "726fdb47dd0e0e31");
  equal(text(1), "74f839c593dc67fd");
  equal(text(7), "ab0200f58b01d137");
  equal(text(8), "93f5f5799a932462");
  equal(text(16), "3f2acc7f57c29bdb");
  equal(text(63), "958a324ceb064572");
});

test("a message inside a larger buffer hashes as its own bytes do", () => {
  const { high, low } = hash(counting(40).subarray(0, 15));
  equal(high, 0xa129ca61);
  equal(low, 0x49be45e5);
});

test("a key of another length is our own mistake", () => {
  throws(() => sipHash(new Uint8Array(8)), /16 bytes/);
});
