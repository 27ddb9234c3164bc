import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { concat, fromLatin1, latin1, type Prng, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { encodeBencode } from "../bencode/index.ts";
import {
  decodeExtensionHandshake,
  type ExtensionHandshake,
  encodeExtensionHandshake,
  mergeExtensions,
} from "./handshake.ts";
import { extensionLimits } from "./limits.ts";

const whole = {
  m: { ut_metadata: 1, lt_donthave: 3, upload_only: 4 },
  v: "Dure 0.1",
  p: 6881,
  reqq: 500,
  yourIp: "192.0.2.7",
  ipv4: "198.51.100.1",
  ipv6: "2001:db8::1",
  metadataSize: 31_235,
  uploadOnly: true,
  prefersEncryption: false,
};

test("the handshake of BEP 10's example is read", () => {
  const handshake = read(
    fromLatin1("d1:md11:LT_metadatai1e6:\xb5T_PEXi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e"),
  );
  deepEqual(
    [...handshake.m],
    [
      ["LT_metadata", 1],
      ["\xb5T_PEX", 2],
    ],
  );
  equal(handshake.p, 6881);
  equal(handshake.v, "µTorrent 1.2");
});

test("the handshakes of BEP 9 and BEP 21 give the metadata's size and that nothing is wanted", () => {
  equal(read(utf8("d1:md11:ut_metadatai3ee13:metadata_sizei31235ee")).metadataSize, 31_235);
  equal(read(utf8("d1:md11:ut_metadatai3ee11:upload_onlyi1ee")).uploadOnly, true);
  equal(read(utf8("d11:upload_onlyi0ee")).uploadOnly, false);
  equal(read(utf8("de")).uploadOnly, undefined);
});

test("ours is written with sorted keys, addresses as bytes, and nothing for what is absent", () => {
  equal(
    latin1(encodeExtensionHandshake(whole)),
    "d1:ei0e4:ipv44:\xc63d\x014:ipv616: \x01\r\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" +
      "1:md11:lt_donthavei3e11:upload_onlyi4e11:ut_metadatai1ee13:metadata_sizei31235e" +
      "1:pi6881e4:reqqi500e11:upload_onlyi1e1:v8:Dure 0.16:yourip4:\xc0\0\x02\x07e",
  );
  equal(latin1(encodeExtensionHandshake({ m: {} })), "d1:mdee");
});

test("what is written is read back", () => {
  const ip4 = fc.ipV4();
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const handshakes = fc.record({
    m: fc.dictionary(fc.stringMatching(/^[a-z_]{1,20}$/), fc.integer({ min: 0, max: 255 }), { maxKeys: 100 }),
    v: maybe(fc.stringMatching(/^[A-Za-z]([A-Za-z0-9. -]{0,97}[A-Za-z0-9])?$/).map(oneSpace)),
    p: maybe(fc.integer({ min: 1, max: 65_535 })),
    reqq: maybe(fc.integer({ min: 1, max: 65_536 })),
    yourIp: maybe(ip4),
    ipv4: maybe(ip4),
    ipv6: maybe(fc.constantFrom("2001:db8::1", "::1", "fe80::1:2")),
    metadataSize: maybe(fc.integer({ min: 1, max: extensionLimits.metadataBytesMax })),
    uploadOnly: maybe(fc.boolean()),
    prefersEncryption: maybe(fc.boolean()),
  });
  fc.assert(
    fc.property(handshakes, (sent) => {
      const got = read(encodeExtensionHandshake(sent));
      deepEqual({ ...got, m: Object.fromEntries(got.m) }, { ...sent, m: { ...sent.m } });
    }),
  );
});

test("a key of the wrong type is ignored and the others still count", () => {
  const dict = {
    m: "not a dictionary",
    v: 7,
    p: 0,
    reqq: "many",
    yourip: Uint8Array.of(1, 2, 3),
    ipv4: Uint8Array.of(1, 2, 3, 4, 5, 6),
    ipv6: 6,
    metadata_size: -1,
    upload_only: [],
    e: 1,
  };
  const handshake = read(encodeBencode(dict));
  equal(handshake.prefersEncryption, true);
  equal(handshake.m.size, 0);
  const { m: _m, prefersEncryption: _e, ...rest } = handshake;
  ok(Object.values(rest).every((value) => value === undefined));
  equal(read(encodeBencode({ p: 65_536 })).p, undefined);
});

test("an id outside 0..255 and a name that is empty or too long are left out of m", () => {
  const long = "n".repeat(extensionLimits.nameBytesMax);
  const m = new Map<string, number | string>([
    ["", 1],
    ["a", 256],
    ["b", -1],
    ["c", "3"],
    ["d", 255],
    ["e", 0],
    [long, 4],
    [`${long}n`, 5],
  ]);
  deepEqual([...read(encodeBencode({ m })).m].sort(), [
    ["d", 255],
    ["e", 0],
    [long, 4],
  ]);
});

test("a hundred names are kept and the next is ignored", () => {
  const names = (count: number) => new Map(Array.from({ length: count }, (_, index) => [`x${index}`, 1]));
  equal(read(encodeBencode({ m: names(100) })).m.size, 100);
  equal(read(encodeBencode({ m: names(101) })).m.size, 100);
});

test("reqq is clamped: a peer that takes no request and one that takes 2^31 are both believed in part", () => {
  equal(read(encodeBencode({ reqq: 0 })).reqq, 1);
  equal(read(encodeBencode({ reqq: -5 })).reqq, 1);
  equal(read(encodeBencode({ reqq: 65_536 })).reqq, 65_536);
  equal(read(encodeBencode({ reqq: 2 ** 31 })).reqq, 65_536);
});

test("metadata of 30 MiB is believed and one byte more is not", () => {
  equal(read(encodeBencode({ metadata_size: 31_457_280 })).metadataSize, 31_457_280);
  equal(read(encodeBencode({ metadata_size: 31_457_281 })).metadataSize, undefined);
  equal(read(encodeBencode({ metadata_size: 0 })).metadataSize, undefined);
});

test("a client's name cannot move the cursor, turn the text around or fill the screen", () => {
  equal(readName("Evil\x1b[2J\u202etxt.exe\u0000"), "Evil[2Jtxt.exe");
  equal(readName("two\r\nlines\u2028three\tfour"), "two lines three four");
  equal(readName("x".repeat(100)), "x".repeat(100));
  equal(readName("x".repeat(101)), "x".repeat(100));
  equal(readName("한".repeat(5000)), "한".repeat(100));
  equal(readName("🌾".repeat(200)), "🌾".repeat(100));
  equal(readName(" \u200b "), undefined);
  equal(read(encodeBencode({ v: Uint8Array.of(0x41, 0xff, 0x42) })).v, "A\ufffdB");
});

test("a name such as __proto__ is only a name", () => {
  const handshake = read(encodeBencode({ m: new Map([["__proto__", 9]]) }));
  equal(handshake.m.get("__proto__"), 9);
});

test("a handshake of 32 KiB is read and one byte more is not", () => {
  const padded = (length: number) => concat([utf8("d1:pi6881ee"), new Uint8Array(length - 11)]);
  equal(decodeExtensionHandshake(padded(32_768)).ok, true);
  deepEqual(decodeExtensionHandshake(padded(32_769)), { ok: false, reason: "too-long" });
});

test("bytes that are no dictionary are no handshake", () => {
  deepEqual(decodeExtensionHandshake(utf8("i1e")), { ok: false, reason: "not-a-dictionary" });
  deepEqual(decodeExtensionHandshake(new Uint8Array()), { ok: false, reason: "truncated" });
});

test("m is additive: a later handshake adds, moves and takes back, and never past a hundred names", () => {
  const before = new Map([
    ["ut_metadata", 1],
    ["ut_pex", 2],
  ]);
  const after = mergeExtensions(
    before,
    new Map([
      ["ut_pex", 0],
      ["ut_metadata", 9],
      ["lt_donthave", 3],
    ]),
  );
  deepEqual(Object.fromEntries(after), { ut_metadata: 9, lt_donthave: 3 });
  equal(before.size, 2);
  const full = new Map(Array.from({ length: 100 }, (_, index) => [`x${index}`, 1] as const));
  const pushed = mergeExtensions(
    full,
    new Map([
      ["one more", 2],
      ["x7", 8],
    ]),
  );
  equal(pushed.size, 100);
  equal(pushed.get("x7"), 8);
});

test("a handshake cut anywhere is refused", () => {
  const answers = cutEverywhere(encodeExtensionHandshake(whole), decodeExtensionHandshake);
  ok(answers.every((answer) => !answer.ok));
});

test("ten thousand strange handshakes give a bounded answer or a reason", () => {
  const tally = fuzzCodec({
    name: "extension-handshake",
    seed: 10,
    samples: [
      encodeExtensionHandshake(whole),
      utf8("d1:md11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei31235e4:reqqi250e1:v4:Teste"),
    ],
    decode: decodeExtensionHandshake,
    grammar: strangeDict,
    check: (answer) => {
      if (!answer.ok) return;
      const { m, v, p, reqq, metadataSize } = answer.value;
      ok(m.size <= extensionLimits.namesMax);
      for (const [name, id] of m) ok(name.length <= extensionLimits.nameBytesMax && id >= 0 && id <= 255);
      ok(v === undefined || (Array.from(v).length <= 100 && !/[\p{C}\n\r]/u.test(v)), JSON.stringify(v));
      ok(p === undefined || (p >= 1 && p <= 65_535));
      ok(reqq === undefined || (reqq >= 1 && reqq <= 65_536));
      ok(
        metadataSize === undefined || (metadataSize >= 1 && metadataSize <= extensionLimits.metadataBytesMax),
      );
    },
  });
  ok(tally.accepted > 1000, `${tally.accepted} accepted`);
  ok((tally.reasons.get("not-a-dictionary") ?? 0) > 0);
});

function strangeDict(prng: Prng): Uint8Array {
  const junk = [
    0,
    -1,
    2 ** 40,
    "text",
    Uint8Array.of(1, 2, 3, 4),
    [],
    new Map(),
    new Map([["a", 1]]),
  ] as const;
  const dict = new Map<string, (typeof junk)[number]>();
  for (const key of ["m", "v", "p", "reqq", "yourip", "ipv4", "ipv6", "metadata_size", "upload_only", "e"]) {
    if (prng.chance(0.7)) dict.set(key, prng.pick(junk) ?? 0);
  }
  return encodeBencode(dict);
}

function read(payload: Uint8Array): ExtensionHandshake {
  const result = decodeExtensionHandshake(payload);
  ok(result.ok, result.ok ? "" : result.reason);
  return result.value;
}

function readName(v: string): string | undefined {
  return read(encodeBencode({ v })).v;
}

function oneSpace(text: string): string {
  return text.replace(/ +/g, " ");
}
