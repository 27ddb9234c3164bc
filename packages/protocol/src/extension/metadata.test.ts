import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { concat, latin1, type Prng, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { encodeBencode } from "../bencode/index.ts";
import { extensionLimits, metadataPieces } from "./limits.ts";
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
} from "./metadata.ts";

const lastPiece = metadataPieces(extensionLimits.metadataBytesMax) - 1;

test("the three messages of BEP 9's examples are written and read", () => {
  equal(latin1(encodeMetadataRequest(0)), "d8:msg_typei0e5:piecei0ee");
  equal(latin1(encodeMetadataReject(0)), "d8:msg_typei2e5:piecei0ee");
  const data = encodeMetadataData({ piece: 0, totalBytes: 3425, bytes: utf8("xxxxxxxx") });
  equal(latin1(data), "d8:msg_typei1e5:piecei0e10:total_sizei3425eexxxxxxxx");
  deepEqual(decodeMetadataMessage(encodeMetadataRequest(0)), {
    ok: true,
    value: { type: "request", piece: 0 },
  });
  deepEqual(decodeMetadataMessage(encodeMetadataReject(7)), {
    ok: true,
    value: { type: "reject", piece: 7 },
  });
  deepEqual(decodeMetadataMessage(data), {
    ok: true,
    value: { type: "data", piece: 0, totalBytes: 3425, bytes: new Uint8Array(8).fill(0x78) },
  });
});

test("a piece that looks like bencode stays raw", () => {
  const bytes = utf8("d8:msg_typei2e5:piecei9ee");
  const result = decodeMetadataMessage(encodeMetadataData({ piece: 1, totalBytes: 20_000, bytes }));
  deepEqual(result, { ok: true, value: { type: "data", piece: 1, totalBytes: 20_000, bytes } });
});

test("data is written and read back for every piece and size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: lastPiece }),
      fc.integer({ min: 1, max: extensionLimits.metadataBytesMax }),
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      (piece, totalBytes, bytes) => {
        deepEqual(decodeMetadataMessage(encodeMetadataData({ piece, totalBytes, bytes })), {
          ok: true,
          value: { type: "data", piece, totalBytes, bytes },
        });
      },
    ),
  );
});

test("a piece of 16 KiB is taken, an empty one and one byte more are not", () => {
  const head = utf8("d8:msg_typei1e5:piecei0e10:total_sizei99999ee");
  equal(decodeMetadataMessage(concat([head, new Uint8Array(16_384)])).ok, true);
  equal(reason(concat([head, new Uint8Array(16_385)])), "bad-length");
  equal(reason(head), "bad-length");
  throws(() => encodeMetadataData({ piece: 0, totalBytes: 20_000, bytes: new Uint8Array(16_385) }));
});

test("the last piece of 30 MiB may be asked for and the one after it not", () => {
  equal(lastPiece, 1919);
  equal(decodeMetadataMessage(encodeMetadataRequest(1919)).ok, true);
  equal(reason(encodeMetadataRequest(1920)), "bad-piece");
  equal(reason(encodeMetadataRequest(-1)), "bad-piece");
  equal(reason(encodeBencode({ msg_type: 0 })), "bad-piece");
  equal(reason(encodeBencode({ msg_type: 0, piece: "0" })), "bad-piece");
});

test("a total size that is missing is accepted, one that is wrong is not", () => {
  const data = (fields: Record<string, number | string>) =>
    concat([encodeBencode({ msg_type: 1, piece: 0, ...fields }), utf8("x")]);
  deepEqual(decodeMetadataMessage(data({})), {
    ok: true,
    value: { type: "data", piece: 0, totalBytes: undefined, bytes: utf8("x") },
  });
  equal(reason(data({ total_size: 0 })), "bad-size");
  equal(reason(data({ total_size: -1 })), "bad-size");
  equal(reason(data({ total_size: "many" })), "bad-size");
  equal(reason(data({ total_size: 31_457_281 })), "bad-size");
  equal(decodeMetadataMessage(data({ total_size: 31_457_280 })).ok, true);
});

test("a message type of the future is ignored, not refused (BEP 9)", () => {
  deepEqual(decodeMetadataMessage(encodeBencode({ msg_type: 3, piece: 0 })), {
    ok: true,
    value: { type: "unknown" },
  });
  deepEqual(decodeMetadataMessage(encodeBencode({ msg_type: -1 })), { ok: true, value: { type: "unknown" } });
});

test("a message without a type, and one that is no dictionary, is refused", () => {
  equal(reason(encodeBencode({ piece: 0 })), "no-type");
  equal(reason(encodeBencode({ msg_type: "0", piece: 0 })), "no-type");
  equal(reason(utf8("li0ee")), "not-a-dictionary");
});

test("a message cut inside its dictionary is refused, and data cut inside its piece is shorter", () => {
  const head = encodeBencode({ msg_type: 1, piece: 2, total_size: 40_000 }).length;
  const data = encodeMetadataData({ piece: 2, totalBytes: 40_000, bytes: utf8("the piece") });
  for (const [length, answer] of cutEverywhere(data, decodeMetadataMessage).entries()) {
    equal(answer.ok, length > head, `cut at ${length}`);
    if (answer.ok && answer.value.type === "data") equal(answer.value.bytes.length, length - head);
  }
});

test("ten thousand strange messages give a bounded answer or a reason, and reach every reason", () => {
  const tally = fuzzCodec({
    name: "ut-metadata",
    seed: 9,
    samples: [
      encodeMetadataRequest(3),
      encodeMetadataReject(3),
      encodeMetadataData({ piece: 3, totalBytes: 60_000, bytes: new Uint8Array(16_384).fill(0x61) }),
      encodeMetadataData({ piece: 0, totalBytes: 5, bytes: utf8("d1:ae") }),
    ],
    decode: decodeMetadataMessage,
    grammar: strangeMessage,
    check: (answer) => {
      if (!answer.ok || answer.value.type === "unknown") return;
      ok(answer.value.piece >= 0 && answer.value.piece <= lastPiece);
      if (answer.value.type !== "data") return;
      ok(answer.value.bytes.length >= 1 && answer.value.bytes.length <= 16_384);
    },
  });
  for (const expected of ["no-type", "bad-piece", "bad-size", "bad-length", "not-a-dictionary", "truncated"])
    ok((tally.reasons.get(expected) ?? 0) > 0, expected);
  ok(tally.accepted > 1000, `${tally.accepted} accepted`);
});

function strangeMessage(prng: Prng): Uint8Array {
  const fields = new Map<string, number | string>();
  const numbers = [0, 1, 2, 3, -1, 1919, 1920, 31_457_280, 31_457_281];
  for (const key of ["msg_type", "piece", "total_size"]) {
    if (prng.chance(0.9)) fields.set(key, prng.chance(0.1) ? "text" : (prng.pick(numbers) ?? 0));
  }
  const tail = prng.pick([0, 1, 16_384, 16_385]) ?? 0;
  return prng.chance(0.1) ? utf8("li0ee") : concat([encodeBencode(fields), new Uint8Array(tail)]);
}

function reason(payload: Uint8Array): string | undefined {
  const result = decodeMetadataMessage(payload);
  return result.ok ? undefined : result.reason;
}
