import { deepEqual, equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { fromHex, hex, must, Prng } from "@dure/base";
import fc from "fast-check";
import { Rc4, StreamCipher } from "./index.ts";

const key = (digits: string) => must(fromHex(digits), "hex");
/** The keystream from its byte 1024 on. */
function keystream(digits: string, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  new Rc4(key(digits)).apply(bytes);
  return bytes;
}

test("the keystream begins at the 1025th byte of RC4 (RFC 6229, offsets 1024 and 1520)", () => {
  equal(hex(keystream("0102030405", 16)), "30abbcc7c20b01609f23ee2d5f6bb7df");
  equal(hex(keystream("0102030405", 512).subarray(496)), "3294f744d8f9790507e70f62e5bbceea");
  equal(hex(keystream("0102030405060708090a0b0c0d0e0f10", 16)), "bdf0324e6083dcc6d3cedd3ca8c53c16");
});

test("any cuts at any alignment give the same stream", () => {
  const whole = keystream("00112233", 4096);
  fc.assert(
    fc.property(fc.array(fc.nat(70), { maxLength: 60 }), fc.nat(9), (cuts, shift) => {
      const room = new Uint8Array(4096 + shift);
      const bytes = room.subarray(shift);
      const rc4 = new Rc4(key("00112233"));
      let at = 0;
      for (const cut of cuts) {
        rc4.apply(bytes, at, at + cut);
        at += cut;
      }
      deepEqual(bytes.subarray(0, at), whole.subarray(0, at));
      deepEqual(bytes.subarray(at), new Uint8Array(4096 - at), "what lies behind is left alone");
    }),
  );
});

test("what one ciphers in shared memory the other deciphers outside it", () => {
  const plain = new Prng(1).bytes(100_001);
  const bytes = new Uint8Array(new SharedArrayBuffer(plain.length));
  bytes.set(plain);
  new Rc4(key("aa")).apply(bytes);
  const digest = createHash("sha1").update(bytes).digest("hex");
  equal(digest === createHash("sha1").update(plain).digest("hex"), false);
  const copy = bytes.slice();
  const received = new StreamCipher(new Rc4(key("aa")));
  for (let at = 0; at < copy.length; at += 1000) received.apply(copy.subarray(at, at + 1000));
  deepEqual(Uint8Array.from(copy), plain);
});

test("a cipher for the first bytes only leaves the others as they are", () => {
  const bytes = new Uint8Array(10);
  const cipher = new StreamCipher(new Rc4(key("0102030405")), 6);
  cipher.apply(bytes.subarray(0, 4));
  equal(cipher.spent, false);
  cipher.apply(bytes.subarray(4));
  equal(cipher.spent, true);
  equal(hex(bytes), "30abbcc7c20b00000000");
});
