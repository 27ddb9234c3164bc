import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromUtf8, infoHash, must, type Prng, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import {
  formatMagnet,
  type Magnet,
  type MagnetReason,
  magnetLimits,
  parseInfoHash,
  parseMagnet,
} from "./index.ts";

const hexHash = "d0d14c926e6e99761a2fdcff27b403d96376eff6";
const hash = must(infoHash(hexHash), "40 hex digits");
const hash2 = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e";
const topic = `xt=urn:btih:${hexHash}`;

test("every field of BEP 9, 53 and custom is read", () => {
  const text =
    `magnet:?${topic}&xt=urn:btmh:1220${hash2}&dn=a%20b+c&xl=1234&tr=udp%3A%2F%2Ft.example%3A80&` +
    "tr=https://t.example/announce%3Fkey%3D1%2B2&ws=http%3A%2F%2Fw.example%2Ff&x.pe=1.2.3.4:5&x.pe=[2001:DB8:0::1]:6881&" +
    "x.pe=Peer.Example:99&so=0,2,4,6-8";
  deepEqual(read(text), {
    infoHash: hash,
    infoHashV2: hash2,
    name: "a b c",
    trackers: ["udp://t.example:80", "https://t.example/announce?key=1+2"],
    peers: [
      { ip: "1.2.3.4", port: 5 },
      { ip: "2001:db8::1", port: 6881 },
    ],
    peerHosts: [{ host: "peer.example", port: 99 }],
    webSeeds: ["http://w.example/f"],
    select: [
      { first: 0, last: 0 },
      { first: 2, last: 2 },
      { first: 4, last: 4 },
      { first: 6, last: 8 },
    ],
    totalBytes: 1234,
  });
});

test("a hash comes as hex in either case or as base32", () => {
  const bare = read(`magnet:?${topic}`);
  const empty = { trackers: [], peers: [], peerHosts: [], webSeeds: [] };
  deepEqual(bare, { infoHash: hash, infoHashV2: null, name: null, ...empty, select: null, totalBytes: null });
  deepEqual(read(`MAGNET:?XT=URN:BTIH:${hexHash.toUpperCase()}`), bare);
  deepEqual(read("magnet:?xt=urn:btih:2DIUZETON2MXMGRP3T7SPNAD3FRXN37W"), bare);
  deepEqual(read("magnet:?xt=urn:btih:2diuzeton2mxmgrp3t7spnad3frxn37w"), bare);
});

// The keys of BEP 46's vectors.
const publicKey = "8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e";
const publisher = `xs=urn:btpk:${publicKey}`;

test("a link may name a publisher and a salt instead of a torrent (BEP 46)", () => {
  const link = (text: string) => {
    const magnet = read(text);
    return [magnet.infoHash, magnet.publicKey, magnet.salt];
  };
  deepEqual(link(`magnet:?${publisher}`), [null, publicKey, undefined]);
  deepEqual(link(`magnet:?${publisher}&s=6E`), [null, publicKey, "6e"]);
  deepEqual(link(`magnet:?XS=URN:BTPK:${publicKey.toUpperCase()}&s=`), [null, publicKey, undefined]);
  deepEqual(link(`magnet:?${publisher}&${publisher}&xs=http://a/b&${topic}`), [hash, publicKey, undefined]);
  deepEqual(link(`magnet:?${publisher}&s=${"ab".repeat(64)}`), [null, publicKey, "ab".repeat(64)]);
  // Neither a URL nor a salt alone makes a publisher.
  deepEqual(link(`magnet:?${topic}&xs=http://example/a.torrent&s=zz`), [hash, undefined, undefined]);
  equal(formatMagnet(read(`magnet:?s=6e&${publisher}`)), `magnet:?${publisher}&s=6e`);
});

test("a bare hash is read in both forms and nothing else", () => {
  equal(parseInfoHash(hexHash), hash);
  equal(parseInfoHash("2DIUZETON2MXMGRP3T7SPNAD3FRXN37W"), hash);
  equal(parseInfoHash(hexHash.slice(1)), undefined);
  equal(parseInfoHash("2DIUZETON2MXMGRP3T7SPNAD3FRXN37!"), undefined);
  equal(parseInfoHash("2DIUZETON2MXMGRP3T7SPNAD3FRXN37ß"), undefined);
});

test("links as people paste them: spaces around, &amp; between, numbered keys, keys nobody knows", () => {
  const text = `  magnet:?xt.1=urn:btih:${hexHash}&amp;dn=x&amp;tr.2=udp://t.example:1&amp;foo=bar&flag&mt=x\n`;
  const magnet = read(text);
  deepEqual([magnet.infoHash, magnet.name, magnet.trackers], [hash, "x", ["udp://t.example:1"]]);
  equal(read(`magnet:?xt=urn:sha1:ABCDEF&${topic}&${topic}`).infoHash, hash);
});

const refusals: readonly (readonly [string, MagnetReason])[] = [
  ["", "not-magnet"],
  ["http://example/?xt=urn:btih:x", "not-magnet"],
  ["magnet:xt=urn:btih:x", "not-magnet"],
  ["magnet:?", "no-topic"],
  ["magnet:?dn=name", "no-topic"],
  ["magnet:?xt=urn:sha1:ABCDEF", "no-topic"],
  ["magnet:?xt=urn:btih:", "bad-info-hash"],
  [`magnet:?xt=urn:btih:${hexHash}00`, "bad-info-hash"],
  ["magnet:?xt=urn:btih:2DIUZETON2MXMGRP3T7SPNAD3FRXN371", "bad-info-hash"],
  [`magnet:?xt=urn:btmh:1114${hexHash}`, "bad-multihash"],
  [`magnet:?xt=urn:btmh:1220${hash2}00`, "bad-multihash"],
  [`magnet:?xt=urn:btmh:1220${hash2.slice(0, -1)}x`, "bad-multihash"],
  [`magnet:?${topic}&xt=urn:btih:${"0".repeat(40)}`, "two-topics"],
  [`magnet:?xt=urn:btmh:1220${hash2}&xt=urn:btmh:1220${"0".repeat(64)}`, "two-topics"],
  ["magnet:?xs=http://example/a.torrent&s=6e", "no-topic"],
  ["magnet:?xs=urn:btpk:", "bad-public-key"],
  [`magnet:?${topic}&${publisher}0`, "bad-public-key"],
  [`magnet:?xs=urn:btpk:${publicKey.slice(0, -1)}x`, "bad-public-key"],
  [`magnet:?${publisher}&xs=urn:btpk:${"0".repeat(64)}`, "two-topics"],
  [`magnet:?${publisher}&s=6`, "bad-salt"],
  [`magnet:?${publisher}&s=zz`, "bad-salt"],
  [`magnet:?${publisher}&s=${"ab".repeat(65)}`, "bad-salt"],
  [`magnet:?${topic}&dn=%zz`, "bad-escape"],
  [`magnet:?${topic}&dn=%ff`, "bad-escape"],
  [`magnet:?${topic}&so=`, "bad-select"],
  [`magnet:?${topic}&so=1,`, "bad-select"],
  [`magnet:?${topic}&so=-1`, "bad-select"],
  [`magnet:?${topic}&so=3-2`, "bad-select"],
  [`magnet:?${topic}&so=1-2-3`, "bad-select"],
  [`magnet:?${topic}&so=1 2`, "bad-select"],
  [`magnet:?${topic}&so=0-200000`, "bad-select"],
  [`magnet:?${topic}&so=${Array(1001).fill("1").join(",")}`, "too-many-ranges"],
];

for (const [text, reason] of refusals) {
  test(`${JSON.stringify(text.slice(0, 90))} is refused: ${reason}`, () => {
    deepEqual(parseMagnet(text), { ok: false, reason });
  });
}

test("selections are sorted and joined", () => {
  const selectOf = (so: string) => read(`magnet:?${topic}&${so}`).select;
  deepEqual(selectOf("so=9,1-3,2-5,6"), [
    { first: 1, last: 6 },
    { first: 9, last: 9 },
  ]);
  deepEqual(selectOf("so=1-5,2-3&so=0-199999"), [{ first: 0, last: 199_999 }]);
  deepEqual(selectOf("so=4,4-4"), [{ first: 4, last: 4 }]);
});

test("a peer, tracker or size that cannot be used is left out", () => {
  const peers =
    "x.pe=1.2.3.4:0&x.pe=1.2.3.4:65536&x.pe=1.2.3.4&x.pe=300.1.1.1:5&x.pe=1.2.3:5&x.pe=:5&x.pe=a_b:5&x.pe=h:0&x.pe=h:99999&x.pe=::1:5";
  const magnet = read(`magnet:?${topic}&${peers}&tr=ftp://a&tr=nothing&tr=&ws=udp://a:1&xl=12x&dn=`);
  deepEqual([magnet.peers, magnet.peerHosts, magnet.trackers, magnet.webSeeds], [[], [], [], []]);
  deepEqual([magnet.totalBytes, magnet.name], [null, null]);
  equal(read(`magnet:?${topic}&xl=9007199254740991`).totalBytes, Number.MAX_SAFE_INTEGER);
  equal(read(`magnet:?${topic}&xl=9007199254740992`).totalBytes, null);
});

test("lists end at their limits, a name is cut at 1 KiB, a link over 64 KiB is refused", () => {
  const many = (count: number, field: (index: number) => string) =>
    read(`magnet:?${topic}${Array.from({ length: count }, (_, index) => `&${field(index)}`).join("")}`);
  equal(many(101, (index) => `tr=udp://${index}.example:1`).trackers.length, 100);
  equal(many(101, (index) => `ws=http://${index}.example/`).webSeeds.length, 100);
  equal(many(101, (index) => `x.pe=1.2.3.4:${index + 1}`).peers.length, 100);
  equal(many(1000, (index) => `so=${index * 2}`).select?.length, 1000);
  equal(read(`magnet:?${topic}&dn=${"n".repeat(1025)}`).name, "n".repeat(1024));
  equal(read(`magnet:?${topic}&dn=n${"%C3%A9".repeat(512)}`).name, `n${"é".repeat(511)}`);
  const url = (bytes: number) => "http://t.example/".padEnd(bytes, "x");
  deepEqual(read(`magnet:?${topic}&tr=${url(2048)}&tr=${url(2049)}`).trackers, [url(2048)]);
  equal(parseMagnet(`magnet:?${topic}&x=`.padEnd(magnetLimits.textMax, "x")).ok, true);
  deepEqual(parseMagnet(`magnet:?${topic}&x=`.padEnd(magnetLimits.textMax + 1, "x")), {
    ok: false,
    reason: "too-long",
  });
});

test("64 KiB of anything are read in time", () => {
  const fillers = [" ", "&", "=", "%20", "a=&", "&so=1", "&x.pe=a", ".", "\ud800"];
  for (const filler of fillers) {
    const started = performance.now();
    parseMagnet(`magnet:?${filler.repeat(magnetLimits.textMax / filler.length - 10)}x`);
    ok(performance.now() - started < 500, JSON.stringify(filler));
  }
});

test("half a character in a name is replaced, so that the link can be written again", () => {
  const magnet = read(`magnet:?${topic}&dn=a\ud800b`);
  equal(magnet.name, "a\ufffdb");
  deepEqual(read(formatMagnet(magnet)), magnet);
});

test("what is formatted is read back as the same value", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  const ip = fc.oneof(fc.ipV4(), fc.constantFrom("::1", "2001:db8::5"));
  const url = fc.webUrl({ withQueryParameters: true });
  const publishers = fc.constantFrom({}, { publicKey }, { publicKey, salt: "00ff" });
  const topics: fc.Arbitrary<Magnet> = fc.record(
    {
      infoHash: fc.constant(hash),
      infoHashV2: fc.constantFrom(null, hash2),
      name: fc.option(fc.string({ unit: "grapheme", minLength: 1, maxLength: 50 })),
      trackers: fc.uniqueArray(url, { maxLength: 5 }),
      peers: fc.array(fc.record({ ip, port }, { noNullPrototype: true }), { maxLength: 5 }),
      peerHosts: fc.array(fc.record({ host: fc.domain(), port }, { noNullPrototype: true }), {
        maxLength: 5,
      }),
      webSeeds: fc.uniqueArray(url, { maxLength: 3 }),
      select: fc.constantFrom(
        null,
        [{ first: 0, last: 0 }],
        [
          { first: 1, last: 3 },
          { first: 9, last: 9 },
        ],
      ),
      totalBytes: fc.option(fc.maxSafeNat()),
    },
    { noNullPrototype: true },
  );
  const magnets = fc.tuple(topics, publishers).map(([magnet, by]) => ({ ...magnet, ...by }));
  fc.assert(fc.property(magnets, (magnet) => deepEqual(read(formatMagnet(magnet)), magnet)));
  equal(formatMagnet(read(`magnet:?xt=urn:btmh:1220${hash2}`)), `magnet:?xt=urn:btmh:1220${hash2}`);
});

const samples = [
  `magnet:?${topic}&xt=urn:btmh:1220${hash2}&dn=a%20b+c&xl=1234&tr=udp%3A%2F%2Ft.example%3A80&x.pe=1.2.3.4:5&so=0,2-8`,
  "magnet:?xt=urn:btih:2DIUZETON2MXMGRP3T7SPNAD3FRXN37W&x.pe=[::1]:80&x.pe=host.example:9&ws=http://w.example/&tr.1=wss://t",
  `magnet:?${publisher}&s=6e&dn=a`,
].map((text) => utf8(text));

test("a link cut at any byte is refused or read, never thrown at", () => {
  for (const sample of samples) cutEverywhere(sample, (bytes) => parseMagnet(fromUtf8(bytes)));
});

test("ten thousand hostile links: no throw, no hang, nothing kept; what is accepted survives a round trip", () => {
  const tally = fuzzCodec({
    name: "magnet",
    seed: 9,
    samples,
    decode: (bytes) => parseMagnet(fromUtf8(bytes)),
    grammar: randomLink,
    check: (answer) => {
      if (answer.ok) deepEqual(read(formatMagnet(answer.value)), answer.value);
    },
  });
  ok(tally.accepted > 1000, `${tally.accepted} accepted`);
  for (const reason of [
    "not-magnet",
    "bad-escape",
    "no-topic",
    "bad-info-hash",
    "bad-multihash",
    "two-topics",
    "bad-public-key",
    "bad-salt",
  ]) {
    ok(tally.reasons.has(reason), reason);
  }
  ok(tally.reasons.has("bad-select"));
});

function read(text: string): Magnet {
  const result = parseMagnet(text);
  ok(result.ok, `${text}: ${result.ok ? "" : result.reason}`);
  return result.value;
}

function randomLink(prng: Prng): Uint8Array {
  const fields = [
    topic,
    "xt=urn:btih:1",
    `xt=urn:btmh:1220${hash2}`,
    "xt=urn:btmh:12",
    "so=1-3",
    "so=3-1",
    "dn=%4",
  ];
  const more = [`xt=urn:btih:${"1".repeat(40)}`, "x.pe=1.1.1.1:1", "tr=udp://a:1", "xl=-1", "dn=a"];
  const count = prng.between(0, 5);
  const picked = Array.from({ length: count }, () => prng.pick([...fields, ...more]));
  return utf8(`magnet:?${picked.join("&")}`);
}
