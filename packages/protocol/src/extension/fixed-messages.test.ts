import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { decodeDontHave, decodeUploadOnly, encodeDontHave, encodeUploadOnly } from "./fixed-messages.ts";

test("lt_donthave is a piece in four bytes (BEP 54)", () => {
  equal(hex(encodeDontHave(0x01020304)), "01020304");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (piece) => {
      deepEqual(decodeDontHave(encodeDontHave(piece)), { ok: true, value: piece });
    }),
  );
  throws(() => encodeDontHave(-1));
  throws(() => encodeDontHave(2 ** 32));
});

test("upload_only is one byte, and any that is not zero is yes", () => {
  equal(hex(encodeUploadOnly(true)), "01");
  equal(hex(encodeUploadOnly(false)), "00");
  deepEqual(decodeUploadOnly(Uint8Array.of(0)), { ok: true, value: false });
  deepEqual(decodeUploadOnly(Uint8Array.of(7)), { ok: true, value: true });
});

test("neither is taken at another length", () => {
  const refused = { ok: false, reason: "wrong-length" };
  for (const answer of cutEverywhere(encodeDontHave(1), decodeDontHave)) deepEqual(answer, refused);
  for (const answer of cutEverywhere(encodeUploadOnly(true), decodeUploadOnly)) deepEqual(answer, refused);
  deepEqual(decodeDontHave(new Uint8Array(5)), refused);
  deepEqual(decodeUploadOnly(new Uint8Array(2)), refused);
});

test("ten thousand strange payloads of each give an answer", () => {
  const samples = [encodeDontHave(0), encodeDontHave(0xffffffff), encodeUploadOnly(true)];
  fuzzCodec({ name: "lt-donthave", seed: 54, samples, decode: decodeDontHave });
  fuzzCodec({ name: "upload-only", seed: 21, samples, decode: decodeUploadOnly });
});
