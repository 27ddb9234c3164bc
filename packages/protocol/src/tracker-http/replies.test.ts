import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Address, concat, fromHex, infoHash, minutes, must, peerId, seconds, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { type BencodeInput, encodeBencode } from "../bencode/index.ts";
import {
  encodeHttpAnnounce,
  encodeHttpRefusal,
  encodeHttpScrape,
  type HttpAnnounceReply,
} from "./encode-replies.ts";
import { decodeHttpAnnounce, decodeHttpScrape, httpReplyBytesMax } from "./replies.ts";

const hashOf = (digits: string) => must(infoHash(digits.repeat(20)), "a hash");
const hashes = [hashOf("aa"), hashOf("bb"), hashOf("cc")];
const compactForm = { compact: true, peerIds: false };

const announced = (fields: Record<string, BencodeInput>) => {
  const read = decodeHttpAnnounce(encodeBencode({ interval: 1800, ...fields }));
  return read.ok && read.value.type === "announced" ? read.value.reply : undefined;
};
const refusal = (fields: Record<string, BencodeInput>) => {
  const read = decodeHttpAnnounce(encodeBencode({ "failure reason": "no", ...fields }));
  return read.ok && read.value.type === "refused" ? read.value : undefined;
};

test("a compact reply with peers of both families, as BEP 7 shows it", () => {
  const read = decodeHttpAnnounce(utf8("d8:intervali1800e5:peers6:iiiipp6:peers618:iiiiiiiiiiiiiiiippe"));
  ok(read.ok && read.value.type === "announced");
  deepEqual(read.value.reply.peers, [
    { ip: "105.105.105.105", port: 0x7070 },
    { ip: "6969:6969:6969:6969:6969:6969:6969:6969", port: 0x7070 },
  ]);
  equal(read.value.reply.interval, seconds(1800));
});

test("a list of dictionaries is read too, names and nonsense left out (BEP 3)", () => {
  const peers = [
    { ip: "192.0.2.1", port: 1, "peer id": "aaaaaaaaaaaaaaaaaaaa" },
    { ip: "2001:DB8::1", port: 2 },
    { ip: "name.example", port: 3 },
    { ip: "192.0.2.4", port: 65_536 },
    { ip: "192.0.2.5", port: -1 },
    { ip: "192.0.2.6" },
    { port: 7 },
    "text",
    5,
  ];
  deepEqual(announced({ peers })?.peers, [
    { ip: "192.0.2.1", port: 1 },
    { ip: "2001:db8::1", port: 2 },
  ]);
});

test("all that a tracker may add is read", () => {
  const reply = announced({
    "min interval": 60,
    complete: 5,
    incomplete: 6,
    "tracker id": Uint8Array.of(0xff, 0x61),
    "warning message": "slow down",
    "external ip": Uint8Array.of(203, 0, 113, 5),
  });
  deepEqual(reply, {
    interval: seconds(1800),
    minInterval: seconds(60),
    seeders: 5,
    leechers: 6,
    peers: [],
    warning: "slow down",
    trackerId: "ÿa",
    externalIp: "203.0.113.5",
  });
});

test("the external address may be IPv6 or, against BEP 24, text", () => {
  const v6 = fromHex("20010db8000000000000000000000001");
  equal(announced({ "external ip": must(v6, "hex") })?.externalIp, "2001:db8::1");
  equal(announced({ "external ip": "203.0.113.5" })?.externalIp, "203.0.113.5");
  equal(announced({ "external ip": "nonsense" })?.externalIp, undefined);
});

test("peers without an interval are still peers", () => {
  const read = decodeHttpAnnounce(utf8("d5:peers6:iiiippe"));
  ok(read.ok && read.value.type === "announced");
  deepEqual([read.value.reply.peers.length, read.value.reply.interval], [1, minutes(30)]);
});

test("fields of the wrong kind count as absent", () => {
  const odd = {
    complete: "x",
    incomplete: -1,
    "min interval": "x",
    peers: 5,
    peers6: [],
    "tracker id": 5,
    "external ip": 5,
  };
  deepEqual(announced({ ...odd, "warning message": [] }), {
    interval: seconds(1800),
    minInterval: undefined,
    seeders: undefined,
    leechers: undefined,
    peers: [],
    warning: undefined,
    trackerId: undefined,
    externalIp: undefined,
  });
  equal(announced({ "tracker id": "x".repeat(257) })?.trackerId, undefined);
});

test("a failure may say when to come back, as text or number, or never (BEP 31)", () => {
  deepEqual(refusal({}), { type: "refused", failure: "no", retryIn: undefined });
  equal(refusal({ "retry in": "5" })?.retryIn, minutes(5));
  equal(refusal({ "retry in": 5 })?.retryIn, minutes(5));
  equal(refusal({ "retry in": "never" })?.retryIn, "never");
  for (const odd of ["0", "-5", "soon", "", 0, -5]) equal(refusal({ "retry in": odd })?.retryIn, undefined);
  equal(refusal({ "retry in": [] })?.retryIn, undefined);
});

test("a refusal that we write, we read", () => {
  for (const retryIn of [undefined, "never", minutes(3)] as const) {
    deepEqual(decodeHttpAnnounce(encodeHttpRefusal({ failure: "no", retryIn })), {
      ok: true,
      value: { type: "refused", failure: "no", retryIn },
    });
  }
});

test("each broken reply has its reason", () => {
  const reasonOf = (bytes: Uint8Array) => {
    const read = decodeHttpAnnounce(bytes);
    return read.ok ? "none" : read.reason;
  };
  equal(reasonOf(new Uint8Array(httpReplyBytesMax + 1)), "too-long");
  equal(reasonOf(utf8("le")), "not-a-dictionary");
  equal(reasonOf(utf8("de")), "no-interval");
  equal(reasonOf(utf8("d8:intervali-1ee")), "no-interval");
  equal(reasonOf(utf8("<html>")), "bad-token");
  equal(reasonOf(encodeBencode({ interval: 1, peers: nested(9) })), "too-deep");
  const scraped = decodeHttpScrape(utf8("de"), hashes);
  equal(scraped.ok ? "none" : scraped.reason, "no-files");
});

function nested(depth: number): BencodeInput {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

test("2,000 peers are kept, in either layout", () => {
  const compact = concat(
    Array.from({ length: 2001 }, (_, index) => Uint8Array.of(1, 1, index >>> 8, index, 1, 1)),
  );
  equal(announced({ peers: compact })?.peers.length, 2000);
  equal(announced({ peers: compact, peers6: new Uint8Array(18) })?.peers.length, 2000);
  const list = Array.from({ length: 2001 }, (_, index) => ({
    ip: `1.1.${index >>> 8}.${index & 255}`,
    port: 1,
  }));
  equal(announced({ peers: list })?.peers.length, 2000);
});

test("a scrape gives counts in the order asked, and nothing for a swarm unknown (BEP 48)", () => {
  const counts = { seeders: 1, leechers: 2, downloaded: 3 };
  const bytes = encodeHttpScrape([
    [hashOf("aa"), counts],
    [hashOf("bb"), undefined],
  ]);
  deepEqual(decodeHttpScrape(bytes, [hashOf("cc"), hashOf("aa")]), {
    ok: true,
    value: { type: "scraped", swarms: [undefined, counts] },
  });
  const refused = decodeHttpScrape(encodeHttpRefusal({ failure: "no scrape" }), hashes);
  equal(refused.ok && refused.value.type, "refused");
});

test("BEP 48's own example is read", () => {
  const x = must(infoHash(utf8("x".repeat(20))), "20 bytes");
  const y = must(infoHash(utf8("y".repeat(20))), "20 bytes");
  const bytes = utf8(
    `d5:filesd20:${"x".repeat(20)}d8:completei11e10:downloadedi13772e10:incompletei19ee` +
      `20:${"y".repeat(20)}d8:completei21e10:downloadedi206e10:incompletei20eeee`,
  );
  deepEqual(decodeHttpScrape(bytes, [y, x]), {
    ok: true,
    value: {
      type: "scraped",
      swarms: [
        { seeders: 21, downloaded: 206, leechers: 20 },
        { seeders: 11, downloaded: 13_772, leechers: 19 },
      ],
    },
  });
});

function plainRecord<T>(fields: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true });
}

const peer: fc.Arbitrary<Address> = plainRecord({
  ip: fc.oneof(
    fc.ipV4(),
    fc.integer({ min: 1, max: 0xffff }).map((group) => `2001:db8::${group.toString(16)}`),
  ),
  port: fc.integer({ min: 0, max: 65_535 }),
});
const reply: fc.Arbitrary<HttpAnnounceReply> = plainRecord({
  interval: fc.integer({ min: 0, max: 1e6 }).map(seconds),
  minInterval: fc.option(fc.integer({ min: 0, max: 1e6 }).map(seconds), { nil: undefined }),
  seeders: fc.option(fc.nat(), { nil: undefined }),
  leechers: fc.option(fc.nat(), { nil: undefined }),
  peers: fc.array(peer),
  warning: fc.option(fc.string(), { nil: undefined }),
  trackerId: fc.option(fc.string({ unit: "binary-ascii" }), { nil: undefined }),
  externalIp: fc.option(fc.ipV4(), { nil: undefined }),
});

test("what our tracker writes, our client reads, in both layouts", () => {
  fc.assert(
    fc.property(reply, (sent) => {
      const dictionaries = decodeHttpAnnounce(encodeHttpAnnounce(sent, { compact: false, peerIds: true }));
      deepEqual(dictionaries, { ok: true, value: { type: "announced", reply: sent } });
      const compact = decodeHttpAnnounce(encodeHttpAnnounce(sent, compactForm));
      const ordered = [
        ...sent.peers.filter(({ ip }) => !ip.includes(":")),
        ...sent.peers.filter(({ ip }) => ip.includes(":")),
      ];
      deepEqual(compact, { ok: true, value: { type: "announced", reply: { ...sent, peers: ordered } } });
    }),
  );
});

test("peer ids are written where they are known and wanted", () => {
  const peers = [{ ip: "192.0.2.1", port: 1, peerId: must(peerId("62".repeat(20)), "an id") }];
  const sent = { interval: seconds(1), seeders: 0, leechers: 1, peers };
  const written = (peerIds: boolean) =>
    String.fromCharCode(...encodeHttpAnnounce(sent, { compact: false, peerIds })).includes(
      "7:peer id20:bbbb",
    );
  deepEqual([written(true), written(false)], [true, false]);
});

const samples = [
  encodeHttpAnnounce(
    {
      interval: seconds(1800),
      minInterval: seconds(60),
      seeders: 1,
      leechers: 2,
      peers: [
        { ip: "192.0.2.1", port: 1 },
        { ip: "2001:db8::1", port: 2 },
      ],
      warning: "w",
      trackerId: "id",
      externalIp: "203.0.113.5",
    },
    compactForm,
  ),
  encodeHttpAnnounce(
    { interval: seconds(5), seeders: 1, leechers: 2, peers: [{ ip: "192.0.2.1", port: 1 }] },
    { compact: false, peerIds: true },
  ),
  encodeHttpRefusal({ failure: "no", retryIn: minutes(5) }),
  encodeHttpScrape(hashes.map((hash) => [hash, { seeders: 1, leechers: 2, downloaded: 3 }])),
];

test("a reply cut anywhere is refused", () => {
  for (const sample of samples) {
    for (const answer of cutEverywhere(sample, decodeHttpAnnounce)) ok(!answer.ok);
    for (const answer of cutEverywhere(sample, (bytes) => decodeHttpScrape(bytes, hashes))) ok(!answer.ok);
  }
});

test("10,000 mutated announce replies are read or refused", () => {
  const tally = fuzzCodec({ name: "http-announce-reply", seed: 1, samples, decode: decodeHttpAnnounce });
  ok(tally.accepted > 200, `${tally.accepted} accepted`);
  ok(tally.reasons.has("no-interval"), "a dictionary without an interval was met");
});

test("10,000 mutated scrape replies are read or refused", () => {
  const decode = (bytes: Uint8Array) => decodeHttpScrape(bytes, hashes);
  const tally = fuzzCodec({ name: "http-scrape-reply", seed: 1, samples: samples.slice(2), decode });
  ok(tally.accepted > 200, `${tally.accepted} accepted`);
});
