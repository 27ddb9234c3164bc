import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, hex, latin1, type Prng, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import {
  asBytes,
  asDict,
  asInt,
  asList,
  asText,
  type Bencode,
  type BencodeInput,
  type BencodeReason,
  bencodeKeyBytesMax,
  decodeBencode,
  decodeBencodeDict,
  decodeBencodePrefix,
  dictGet,
  encodeBencode,
} from "./index.ts";

test("the examples of BEP 3 read as it says", () => {
  deepEqual(plain(decoded("4:spam")), "spam");
  deepEqual(plain(decoded("i3e")), 3);
  deepEqual(plain(decoded("i-3e")), -3);
  deepEqual(plain(decoded("i0e")), 0);
  deepEqual(plain(decoded("l4:spam4:eggse")), ["spam", "eggs"]);
  deepEqual(plain(decoded("d3:cow3:moo4:spam4:eggse")), { cow: "moo", spam: "eggs" });
  deepEqual(plain(decoded("d4:spaml1:a1:bee")), { spam: ["a", "b"] });
});

test("the edges of what is allowed are allowed", () => {
  equal(decoded("i9007199254740991e"), Number.MAX_SAFE_INTEGER);
  equal(decoded("i-9007199254740991e"), Number.MIN_SAFE_INTEGER);
  deepEqual(plain(decoded("0:")), "");
  deepEqual(plain(decoded("le")), []);
  deepEqual(plain(decoded("de")), {});
  deepEqual(plain(decoded("d0:0:e")), { "": "" });
  deepEqual(plain(decoded("d1:b1:x1:a1:ye")), { b: "x", a: "y" }); // unsorted, as deployed torrents are
});

const refusals: readonly (readonly [string, BencodeReason])[] = [
  ["", "truncated"],
  ["i1", "truncated"],
  ["5:spam", "truncated"],
  ["9999999999:", "truncated"],
  ["l1:a", "truncated"],
  ["i1ei2e", "trailing-bytes"],
  ["e", "bad-token"],
  ["x", "bad-token"],
  ["lxe", "bad-token"],
  ["-1:a", "bad-token"],
  ["ie", "bad-integer"],
  ["i-e", "bad-integer"],
  ["i-0e", "bad-integer"],
  ["i00e", "bad-integer"],
  ["i03e", "bad-integer"],
  ["i-03e", "bad-integer"],
  ["i+1e", "bad-integer"],
  ["i1.5e", "bad-integer"],
  ["i 1e", "bad-integer"],
  ["i9007199254740992e", "integer-range"],
  ["i-9007199254740992e", "integer-range"],
  [`i${"9".repeat(400)}e`, "integer-range"],
  ["01:a", "bad-string-length"],
  ["00:", "bad-string-length"],
  ["1a:", "bad-string-length"],
  ["99999999999:", "bad-string-length"],
  ["di1ei2ee", "key-not-string"],
  ["dlei2ee", "key-not-string"],
  ["d1:ae", "key-without-value"],
  ["d1:a1:x1:be", "key-without-value"],
  ["d1:ai1e1:ai2ee", "duplicate-key"],
  ["d1:ai1e1:bi1e1:ai2ee", "duplicate-key"],
];

for (const [text, reason] of refusals) {
  test(`${text.slice(0, 30) || "nothing"} is refused: ${reason}`, () => {
    deepEqual(decodeBencode(utf8(text)), { ok: false, reason });
  });
}

test("depth, tokens and key length are allowed at their limit and refused one past it", () => {
  const nested = (depth: number) => utf8("l".repeat(depth) + "e".repeat(depth));
  equal(decodeBencode(nested(32)).ok, true);
  deepEqual(decodeBencode(nested(33)), { ok: false, reason: "too-deep" });
  const list = (items: number) => utf8(`l${"i1e".repeat(items)}e`);
  const limits = { depth: 32, tokens: 10 };
  equal(decodeBencode(list(9), limits).ok, true);
  deepEqual(decodeBencode(list(10), limits), { ok: false, reason: "too-many-tokens" });
  const keyed = (bytes: number) => utf8(`d${bytes}:${"k".repeat(bytes)}i1ee`);
  equal(decodeBencode(keyed(bencodeKeyBytesMax)).ok, true);
  deepEqual(decodeBencode(keyed(bencodeKeyBytesMax + 1)), { ok: false, reason: "key-too-long" });
});

test("three million tokens are read, one more is not, and a million brackets cost no call stack", () => {
  const emptyStrings = (count: number) => utf8(`l${"0:".repeat(count)}e`);
  equal(decodeBencode(emptyStrings(2_999_999)).ok, true);
  deepEqual(decodeBencode(emptyStrings(3_000_000)), { ok: false, reason: "too-many-tokens" });
  const brackets = new Uint8Array(1_000_000).fill(0x6c);
  deepEqual(decodeBencode(brackets), { ok: false, reason: "too-deep" });
  const generous = { depth: 2_000_000, tokens: 3_000_000 };
  deepEqual(decodeBencode(brackets, generous), { ok: false, reason: "truncated" });
});

test("a value with raw data behind it says where the data begins (BEP 9)", () => {
  const bytes = utf8("xxd8:msg_typei1e5:piecei0eeRAW");
  const result = decodeBencodePrefix(bytes, 2);
  ok(result.ok);
  equal(latin1(bytes.subarray(result.value.end)), "RAW");
  equal(asInt(dictGet(result.value.value, "msg_type")), 1);
  deepEqual(decodeBencodePrefix(bytes, 0), { ok: false, reason: "bad-token" });
  deepEqual(decodeBencodePrefix(bytes, bytes.length), { ok: false, reason: "truncated" });
});

test("the bytes of a top-level value are those of the file, whatever our encoder would write", () => {
  const result = decodeBencodeDict(utf8("d4:infod1:zi1e1:ai2ee1:xl1:ade1:bee"));
  ok(result.ok);
  equal(latin1(result.value.raw.get("info") ?? utf8("")), "d1:zi1e1:ai2ee");
  equal(latin1(result.value.raw.get("x") ?? utf8("")), "l1:ade1:be");
  deepEqual([...result.value.raw.keys()], ["info", "x"]);
  deepEqual(decodeBencodeDict(utf8("le")), { ok: false, reason: "not-a-dictionary" });
  deepEqual(decodeBencodeDict(utf8("de0")), { ok: false, reason: "trailing-bytes" });
  deepEqual(decodeBencodeDict(utf8("d")), { ok: false, reason: "truncated" });
});

test("readers give the value of their kind and nothing else", () => {
  const value = decoded("d1:bi1e1:l1:x1:m2:\u00e91:nlee");
  equal(asInt(dictGet(value, "b")), 1);
  equal(asInt(dictGet(value, "l")), undefined);
  equal(asText(dictGet(value, "m")), "\u00e9");
  equal(asText(fromLatin1("\xe9")), undefined);
  equal(asText(1), undefined);
  equal(asBytes(dictGet(value, "m"))?.length, 2);
  equal(asBytes(dictGet(value, "b")), undefined);
  deepEqual(asList(dictGet(value, "n")), []);
  equal(asList(value), undefined);
  equal(asDict(value)?.size, 4);
  equal(asDict(1), undefined);
  equal(dictGet(value, "absent"), undefined);
  equal(dictGet(1, "b"), undefined);
  equal(dictGet(undefined, "b"), undefined);
});

const samples = [
  "d8:announce23:http://tracker/announce4:infod6:lengthi20000e4:name5:a.txt12:piece lengthi16384eee",
  "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
  "d1:md11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei31235e4:reqqi500e1:v4:Duree",
  "lli-1ei0ei9007199254740991eeldededeee",
  "d0:0:1:ale1:bdee",
].map((text) => utf8(text));

test("every cut of a valid value is truncated, at every byte", () => {
  for (const sample of samples) {
    ok(decodeBencode(sample).ok, latin1(sample));
    for (const answer of cutEverywhere(sample, decodeBencode)) {
      deepEqual(answer, { ok: false, reason: "truncated" });
    }
  }
});

test("ten thousand hostile inputs: no throw, no hang, nothing kept; what is accepted survives a round trip", () => {
  const tally = fuzzCodec({
    name: "bencode",
    seed: 20,
    samples,
    decode: (bytes) => decodeBencode(bytes),
    grammar: randomBencode,
    check: (answer) => {
      if (!answer.ok) return;
      const again = decodeBencode(encodeBencode(answer.value));
      ok(again.ok);
      equal(hex(encodeBencode(again.value)), hex(encodeBencode(answer.value)));
    },
  });
  ok(tally.accepted > 200);
  for (const reason of new Set(refusals.map(([, name]) => name))) ok(tally.reasons.has(reason), reason);
});

test("what is encoded is decoded to the same value", () => {
  fc.assert(
    fc.property(anyBencode, (value) => {
      const bytes = encodeBencode(value);
      const result = decodeBencode(bytes);
      ok(result.ok);
      equal(hex(encodeBencode(result.value)), hex(bytes));
      deepEqual(plain(result.value), plainInput(value));
    }),
    { numRuns: 500 },
  );
});

const { anyBencode } = fc.letrec<{ anyBencode: BencodeInput }>((tie) => ({
  anyBencode: fc.oneof(
    { maxDepth: 5 },
    fc.maxSafeInteger(),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie("anyBencode"), { maxLength: 5 }),
    fc
      .uniqueArray(
        fc.tuple(
          fc.uint8Array({ maxLength: 6 }).map((bytes) => latin1(bytes)),
          tie("anyBencode"),
        ),
        { maxLength: 5, selector: ([key]) => key },
      )
      .map((entries) => new Map(entries)),
  ),
}));

function decoded(text: string): Bencode {
  const result = decodeBencode(utf8(text));
  ok(result.ok, text);
  return result.value;
}

// Byte strings as latin1 text and dictionaries as objects, for comparing by eye.
function plain(value: Bencode): unknown {
  if (value instanceof Uint8Array) return latin1(value);
  const list = asList(value);
  if (list !== undefined) return list.map(plain);
  const dict = asDict(value);
  return dict === undefined ? value : Object.fromEntries([...dict].map(([key, item]) => [key, plain(item)]));
}

function plainInput(value: BencodeInput): unknown {
  return plain(value as Bencode); // the generator makes numbers, bytes, lists and maps only
}

// Right tokens in a careless order, so that every branch has its turn.
function randomBencode(prng: Prng): Uint8Array {
  const tokens = ["d", "l", "e", "e", "i5e", "i-1e", "i-0e", "ie", "0:", "1:a", "1:b", "2:aa", "03:abc", "x"];
  let text = prng.chance(0.1) ? "l".repeat(prng.between(28, 36)) : (prng.pick(["d", "l", ""]) ?? "");
  const count = prng.between(1, 20);
  for (let index = 0; index < count; index += 1) text += prng.pick(tokens);
  return utf8(text);
}
