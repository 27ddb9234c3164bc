import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, type InfoHash, infoHash, latin1, must, type Prng } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { decodeLsd, encodeLsd, lsdInfoHashesMax } from "./codec.ts";
import { lsdDatagramBytesMax } from "./limits.ts";

const hash = (index: number): InfoHash =>
  must(infoHash(index.toString(16).padStart(40, "0")), "forty digits are a hash");

const head = "BT-SEARCH * HTTP/1.1\r\n";
const hashLine = `Infohash: ${hash(1)}\r\n`;

test("an announce is written as BEP 14 draws it, for either group", () => {
  equal(
    latin1(encodeLsd(4, { port: 6881, infoHashes: [hash(1)], cookie: "c00c1e" })),
    `BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: ${hash(1)}\r\ncookie: c00c1e\r\n\r\n\r\n`,
  );
  equal(
    latin1(encodeLsd(6, { port: 1, infoHashes: [hash(1), hash(2)] })),
    `BT-SEARCH * HTTP/1.1\r\nHost: [ff15::efc0:988f]:6771\r\nPort: 1\r\nInfohash: ${hash(1)}\r\nInfohash: ${hash(2)}\r\n\r\n\r\n`,
  );
});

test("what is written is read back, for any port and as many info-hashes as fit", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(4 as const, 6 as const),
      fc.integer({ min: 1, max: 65_535 }),
      fc.uniqueArray(fc.nat(1e6), { minLength: 1, maxLength: lsdInfoHashesMax }),
      fc.option(fc.stringMatching(/^[0-9a-z]{1,16}$/), { nil: undefined }),
      (family, port, indexes, cookie) => {
        const announce = { port, infoHashes: indexes.map(hash), ...(cookie === undefined ? {} : { cookie }) };
        deepEqual(decodeLsd(encodeLsd(family, announce)), { ok: true, value: announce });
      },
    ),
  );
});

test("twenty-five info-hashes fit 1400 bytes, and one more is our own mistake", () => {
  const infoHashes = Array.from({ length: lsdInfoHashesMax + 1 }, (_, index) => hash(index));
  const full = { port: 65_535, infoHashes: infoHashes.slice(1), cookie: "f".repeat(16) };
  const { length } = encodeLsd(6, full);
  ok(length <= lsdDatagramBytesMax && length + 52 > lsdDatagramBytesMax, `${length}`);
  throws(() => encodeLsd(6, { ...full, infoHashes }));
  throws(() => encodeLsd(4, { ...full, infoHashes: [] }));
  throws(() => encodeLsd(4, { ...full, port: 0 }));
  throws(() => encodeLsd(4, { ...full, port: 65_536 }));
  throws(() => encodeLsd(4, { ...full, cookie: "a\r\nPort: 1" }));
  throws(() => encodeLsd(4, { ...full, cookie: "f".repeat(17) }));
});

const accepted: readonly (readonly [what: string, text: string, cookie?: string])[] = [
  ["names in any case", `bt-search * http/1.1\r\nPORT:6881\r\ninfohash:${hash(1)}\r\n\r\n`],
  ["one empty line at the end, not two", `${head}Port: 6881\r\n${hashLine}\r\n`],
  ["bare line feeds", `BT-SEARCH * HTTP/1.1\nPort: 6881\nInfohash: ${hash(1)}\n\n`],
  ["headers that nobody knows", `${head}X: Y\r\nno colon\r\nPort: 6881\r\n: z\r\n${hashLine}\r\n`],
  ["any host", `${head}Host: example\r\nPort: 6881\r\n${hashLine}\r\n`],
  ["HTTP/1.0", `BT-SEARCH * HTTP/1.0\r\nPort: 6881\r\n${hashLine}\r\n`],
  ["a hash that is none beside one that is", `${head}Port: 6881\r\nInfohash: 12\r\n${hashLine}\r\n`],
  ["one hash twice", `${head}Port: 6881\r\n${hashLine}${hashLine}\r\n`],
  ["the first port", `${head}Port: 6881\r\nPort: 1\r\n${hashLine}\r\n`],
  ["any cookie", `${head}Port: 6881\r\nCookie: a b:c\xff\r\ncookie: 2\r\n${hashLine}\r\n`, "a b:c\xff"],
  ["anything after the end", `${head}Port: 6881\r\n${hashLine}\r\nInfohash: ${hash(2)}\r\n`],
];

for (const [what, text, cookie] of accepted) {
  test(`accepted: ${what}`, () => {
    const value = { port: 6881, infoHashes: [hash(1)], ...(cookie === undefined ? {} : { cookie }) };
    deepEqual(decodeLsd(fromLatin1(text)), { ok: true, value });
  });
}

const refused: readonly (readonly [what: string, text: string, reason: string])[] = [
  ["nothing", "", "not-search"],
  ["another method", `M-SEARCH * HTTP/1.1\r\nPort: 6881\r\n${hashLine}\r\n`, "not-search"],
  ["HTTP/2", `BT-SEARCH * HTTP/2\r\nPort: 6881\r\n${hashLine}\r\n`, "not-search"],
  ["a space before the method", ` ${head}Port: 6881\r\n${hashLine}\r\n`, "not-search"],
  ["no empty line", `${head}Port: 6881\r\n${hashLine}`, "truncated"],
  ["no port", `${head}${hashLine}\r\n`, "bad-port"],
  ["port 0", `${head}Port: 0\r\n${hashLine}\r\n`, "bad-port"],
  ["port 65536", `${head}Port: 65536\r\n${hashLine}\r\n`, "bad-port"],
  ["a port in hex", `${head}Port: 0x1f\r\n${hashLine}\r\n`, "bad-port"],
  ["no hash", `${head}Port: 6881\r\n\r\n`, "no-info-hash"],
  ["a hash of 64 digits", `${head}Port: 6881\r\nInfohash: ${"a".repeat(64)}\r\n\r\n`, "no-info-hash"],
  ["a hash in base32", `${head}Port: 6881\r\nInfohash: ${"A".repeat(32)}\r\n\r\n`, "no-info-hash"],
];

for (const [what, text, reason] of refused) {
  test(`refused: ${what}`, () => deepEqual(decodeLsd(fromLatin1(text)), { ok: false, reason }));
}

test("1400 bytes are read, one more is not", () => {
  const padded = (bytes: number) =>
    fromLatin1(`${head}Port: 6881\r\n${hashLine}X: `.padEnd(bytes - 4, "x").concat("\r\n\r\n"));
  equal(decodeLsd(padded(1400)).ok, true);
  deepEqual(decodeLsd(padded(1401)), { ok: false, reason: "too-long" });
});

const samples = [
  encodeLsd(4, { port: 6881, infoHashes: [hash(1)], cookie: "1a2b3c" }),
  encodeLsd(6, { port: 51_413, infoHashes: [hash(1), hash(2), hash(3)] }),
  fromLatin1(`BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\n${hashLine}Host: x\r\n\r\n`),
];

test("an announce cut before its first empty line is refused", () => {
  for (const sample of samples) {
    const end = latin1(sample).indexOf("\r\n\r\n") + 4;
    for (const [length, answer] of cutEverywhere(sample, decodeLsd).entries())
      equal(answer.ok, length >= end, `cut at ${length}`);
  }
});

test("ten thousand strange datagrams give an announce or a reason, and reach every reason", () => {
  const tally = fuzzCodec({
    name: "lsd",
    seed: 14,
    samples,
    decode: decodeLsd,
    grammar: strangeAnnounce,
    check: (answer) => {
      if (!answer.ok) return;
      const { port, infoHashes } = answer.value;
      ok(port >= 1 && port <= 65_535);
      ok(infoHashes.length >= 1 && infoHashes.length <= 30);
      equal(new Set(infoHashes).size, infoHashes.length);
    },
  });
  for (const reason of ["too-long", "not-search", "truncated", "bad-port", "no-info-hash"])
    ok((tally.reasons.get(reason) ?? 0) > 0, reason);
  ok(tally.accepted > 1000, `${tally.accepted} accepted`);
});

function strangeAnnounce(prng: Prng): Uint8Array {
  const lines = [
    "Port: 6881",
    "Port: 99999",
    "port:1",
    hashLine.trim(),
    "Infohash: 1",
    "cookie: x",
    "",
    "X: \xff",
  ];
  const count = prng.between(0, prng.chance(0.1) ? 100 : 6);
  const picked = Array.from({ length: count }, () => prng.pick(lines));
  return fromLatin1(
    `${head}${picked.join(prng.chance(0.8) ? "\r\n" : "\n")}${prng.chance(0.8) ? "\r\n\r\n" : ""}`,
  );
}
