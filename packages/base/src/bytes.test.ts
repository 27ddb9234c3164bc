import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  byteAt,
  compareBytes,
  concat,
  equalBytes,
  fromHex,
  fromLatin1,
  fromUtf8,
  fromUtf8Strict,
  hex,
  latin1,
  utf8,
  viewOf,
} from "./index.ts";

const anyBytes = fc.uint8Array({ maxLength: 64 });

test("hex and latin1 bring back the bytes they were made from", () => {
  fc.assert(fc.property(anyBytes, (bytes) => deepEqual(fromHex(hex(bytes)), bytes)));
  fc.assert(fc.property(anyBytes, (bytes) => deepEqual(fromLatin1(latin1(bytes)), bytes)));
});

test("hex is read in either case and is nothing else", () => {
  deepEqual(fromHex("00fFAb"), Uint8Array.of(0, 255, 171));
  deepEqual(fromHex(""), new Uint8Array());
  for (const text of ["0", "0g", "0x", " 00", "é0"]) equal(fromHex(text), undefined);
});

test("what is not UTF-8 is replaced, or undefined for the strict", () => {
  equal(fromUtf8(utf8("두레 é 👍")), "두레 é 👍");
  equal(fromUtf8Strict(utf8("두레")), "두레");
  equal(fromUtf8(Uint8Array.of(0x61, 0xff)), "a\ufffd");
  equal(fromUtf8Strict(Uint8Array.of(0x61, 0xff)), undefined);
  equal(fromUtf8Strict(Uint8Array.of(0xc0, 0x80)), undefined, "an overlong NUL");
});

test("bytes are joined and compared as memcmp does", () => {
  deepEqual(concat([Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)]), Uint8Array.of(1, 2, 3));
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      equal(Math.sign(compareBytes(a, b)), Math.sign(Buffer.compare(a, b)));
      equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
    }),
  );
  ok(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
});

test("a view and a byte are those of the slice, not of the buffer beneath", () => {
  const slice = Uint8Array.of(9, 9, 1, 2, 9).subarray(2, 4);
  equal(viewOf(slice).getUint16(0), 0x0102);
  equal(viewOf(slice).byteLength, 2);
  equal(byteAt(slice, 1), 2);
  throws(() => byteAt(slice, 2), /byte inside the buffer/);
  throws(() => byteAt(slice, -1), /byte inside the buffer/);
});
