import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import {
  type Address,
  concat,
  type Family,
  fromHex,
  hex,
  infoHash,
  must,
  peerId,
  seconds,
  utf8,
} from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { decodeUdpTrackerReply, encodeUdpTrackerReply, type UdpTrackerReply } from "./replies.ts";
import { decodeUdpTrackerRequest, encodeUdpTrackerRequest, type UdpTrackerRequest } from "./requests.ts";
import { decodeUrlData, encodeUrlData, urlDataBytesMax } from "./url-data.ts";

const bytesOf = (text: string) => must(fromHex(text.replaceAll(/\s/g, "")), "hex");
const hash = must(infoHash("aa".repeat(20)), "a hash");
const announce: UdpTrackerRequest = {
  action: "announce",
  transactionId: 0x01020304,
  connectionId: 0x1122334455667788n,
  infoHash: hash,
  peerId: must(peerId("bb".repeat(20)), "an id"),
  downloaded: 1,
  left: 2,
  uploaded: 3,
  event: "started",
  key: 0xdeadbeef,
  numwant: undefined,
  port: 6881,
  urlData: "/dir?a=b&c=d",
};

const requestReason = (bytes: Uint8Array) => {
  const read = decodeUdpTrackerRequest(bytes);
  return read.ok ? "none" : read.reason;
};

test("a connect is laid out as in BEP 15", () => {
  const bytes = encodeUdpTrackerRequest({ action: "connect", transactionId: 0x01020304 });
  equal(hex(bytes), "0000041727101980 00000000 01020304".replaceAll(" ", ""));
  deepEqual(decodeUdpTrackerRequest(bytes), {
    ok: true,
    value: { action: "connect", transactionId: 0x01020304 },
  });
});

test("an announce is laid out as in BEP 15, with the URL data of BEP 41 behind it", () => {
  const bytes = encodeUdpTrackerRequest(announce);
  const layout = [
    "1122334455667788 00000001 01020304",
    "aa".repeat(20),
    "bb".repeat(20),
    "0000000000000001 0000000000000002 0000000000000003",
    "00000002 00000000 deadbeef ffffffff 1ae1",
    "020c 2f6469723f613d6226633d64",
  ];
  equal(hex(bytes), layout.join("").replaceAll(" ", ""));
  deepEqual(decodeUdpTrackerRequest(bytes), { ok: true, value: announce });
});

test("a scrape names up to 74 info-hashes", () => {
  const scrape = (count: number) =>
    ({
      action: "scrape",
      transactionId: 1,
      connectionId: 2n,
      infoHashes: new Array(count).fill(hash),
    }) as const;
  const bytes = encodeUdpTrackerRequest(scrape(74));
  equal(bytes.length, 16 + 74 * 20);
  deepEqual(decodeUdpTrackerRequest(bytes), { ok: true, value: scrape(74) });
  equal(requestReason(concat([bytes, new Uint8Array(20)])), "too-many-info-hashes");
  equal(requestReason(bytes.subarray(0, 35)), "no-info-hash");
  throws(() => encodeUdpTrackerRequest(scrape(75)));
  throws(() => encodeUdpTrackerRequest(scrape(0)));
});

test("each broken request has its reason", () => {
  const bytes = encodeUdpTrackerRequest(announce);
  const changed = (offset: number, ...values: number[]) => {
    const copy = bytes.slice();
    copy.set(values, offset);
    return copy;
  };
  equal(requestReason(bytes.subarray(0, 15)), "truncated");
  equal(requestReason(bytes.subarray(0, 97)), "truncated");
  equal(requestReason(changed(11, 0)), "wrong-protocol-id");
  equal(requestReason(changed(11, 3)), "unknown-action");
  equal(requestReason(changed(83, 4)), "unknown-event");
  equal(requestReason(changed(96, 0, 0)), "port-zero");
  equal(requestReason(bytes.subarray(0, 99)), "url-data-truncated");
  equal(requestReason(bytes.subarray(0, 101)), "url-data-truncated");
});

test("numbers past 2^53 become very many, and a negative numwant the tracker's choice", () => {
  const bytes = encodeUdpTrackerRequest(announce).fill(0xff, 64, 72).fill(0xff, 92, 96);
  const read = decodeUdpTrackerRequest(bytes);
  ok(read.ok && read.value.action === "announce");
  deepEqual([read.value.left, read.value.numwant], [Number.MAX_SAFE_INTEGER, undefined]);
});

test("a partial seed's announce goes out as a regular one: BEP 15 has no code for it", () => {
  const read = decodeUdpTrackerRequest(encodeUdpTrackerRequest({ ...announce, event: "paused" }));
  equal(read.ok && read.value.action === "announce" && read.value.event, "none");
});

test("the options of BEP 41's examples all say the same", () => {
  const data = "020c2f6469723f613d6226633d64";
  for (const options of [data, `${data}010100`, `01${data}`, `0303ffffff${data}`, `${data}000203`]) {
    deepEqual(decodeUrlData(bytesOf(options)), { ok: true, value: "/dir?a=b&c=d" });
  }
  for (const options of ["", "0200", "00", "0101"])
    deepEqual(decodeUrlData(bytesOf(options)), { ok: true, value: "" });
});

test("long URL data is cut into options of 255 bytes, up to a limit", () => {
  const text = "x".repeat(600);
  const bytes = encodeUrlData(text);
  equal(bytes.length, 606);
  deepEqual(decodeUrlData(bytes), { ok: true, value: text });
  const longest = encodeUrlData("x".repeat(urlDataBytesMax));
  ok(decodeUrlData(longest).ok);
  deepEqual(decodeUrlData(concat([longest, bytesOf("020178")])), { ok: false, reason: "url-data-too-long" });
  throws(() => encodeUrlData("x".repeat(urlDataBytesMax + 1)));
});

test("replies are laid out as in BEP 15", () => {
  const layouts: [UdpTrackerReply, string][] = [
    [{ action: "connect", transactionId: 1, connectionId: 2n }, "00000000 00000001 0000000000000002"],
    [
      {
        action: "announce",
        transactionId: 1,
        interval: seconds(1800),
        leechers: 2,
        seeders: 3,
        peers: [
          { ip: "192.0.2.1", port: 6881 },
          { ip: "192.0.2.2", port: 1 },
        ],
      },
      "00000001 00000001 00000708 00000002 00000003 c0000201 1ae1 c0000202 0001",
    ],
    [
      { action: "scrape", transactionId: 1, swarms: [{ seeders: 4, downloaded: 5, leechers: 6 }] },
      "00000002 00000001 00000004 00000005 00000006",
    ],
    [{ action: "error", transactionId: 1, message: "no" }, "00000003 00000001 6e6f"],
  ];
  for (const [reply, layout] of layouts) {
    const bytes = encodeUdpTrackerReply(reply);
    equal(hex(bytes), layout.replaceAll(" ", ""));
    deepEqual(decodeUdpTrackerReply(bytes, 4), { ok: true, value: reply });
  }
});

test("a peer has 18 bytes over IPv6, and a reply never mixes families", () => {
  const reply = (peers: readonly Address[]): UdpTrackerReply => ({
    action: "announce",
    transactionId: 1,
    interval: seconds(1),
    leechers: 0,
    seeders: 0,
    peers,
  });
  const peers = [
    { ip: "2001:db8::1", port: 1 },
    { ip: "2001:db8::2", port: 2 },
  ];
  const bytes = encodeUdpTrackerReply(reply(peers));
  equal(bytes.length, 20 + 2 * 18);
  deepEqual(decodeUdpTrackerReply(bytes, 6), { ok: true, value: reply(peers) });
  throws(() => encodeUdpTrackerReply(reply([...peers, { ip: "192.0.2.1", port: 1 }])), /one family/);
});

test("more bytes than expected are no mistake, and lists end at their limit", () => {
  const connect = encodeUdpTrackerReply({ action: "connect", transactionId: 1, connectionId: 2n });
  ok(decodeUdpTrackerReply(concat([connect, new Uint8Array(9)]), 4).ok);
  const head = bytesOf("00000001 00000001 00000708 00000002 00000003");
  const peersIn = (length: number, family: Family) => {
    const read = decodeUdpTrackerReply(concat([head, new Uint8Array(length)]), family);
    return read.ok && read.value.action === "announce" && read.value.peers.length;
  };
  deepEqual([peersIn(5, 4), peersIn(11, 4), peersIn(2001 * 6, 4), peersIn(2001 * 18, 6)], [0, 1, 2000, 2000]);
  const scrape = decodeUdpTrackerReply(concat([bytesOf("00000002 00000001"), new Uint8Array(12 * 75)]), 4);
  equal(scrape.ok && scrape.value.action === "scrape" && scrape.value.swarms.length, 74);
  const error = decodeUdpTrackerReply(concat([bytesOf("00000003 00000001"), utf8("x".repeat(5000))]), 4);
  equal(error.ok && error.value.action === "error" && error.value.message.length, 1024);
});

test("a reply cut short is refused where its fixed part ends", () => {
  const bytes = encodeUdpTrackerReply({ action: "connect", transactionId: 1, connectionId: 2n });
  for (const answer of cutEverywhere(bytes, (cut) => decodeUdpTrackerReply(cut, 4))) {
    deepEqual(answer, { ok: false, reason: "truncated" });
  }
  const announceHead = bytesOf("00000001 00000001 00000708 00000002 00000003");
  for (const answer of cutEverywhere(announceHead, (cut) => decodeUdpTrackerReply(cut, 4))) ok(!answer.ok);
  deepEqual(decodeUdpTrackerReply(bytesOf("00000004 00000001"), 4), { ok: false, reason: "unknown-action" });
});

test("a request cut anywhere is read or refused, never fatal", () => {
  const bytes = encodeUdpTrackerRequest(announce);
  for (const [length, answer] of cutEverywhere(bytes, decodeUdpTrackerRequest).entries()) {
    equal(answer.ok, length === 98, `cut at ${length}`);
  }
});

test("what we ask, our own tracker reads back", () => {
  const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 });
  const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const requests = fc.record(
    {
      action: fc.constant("announce" as const),
      transactionId: uint32,
      connectionId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      infoHash: bytes20.map((bytes) => must(infoHash(hex(bytes)), "20 bytes")),
      peerId: bytes20.map((bytes) => must(peerId(hex(bytes)), "20 bytes")),
      downloaded: count,
      left: count,
      uploaded: count,
      event: fc.constantFrom("none" as const, "started", "completed", "stopped"),
      key: uint32,
      numwant: fc.option(fc.integer({ min: 0, max: 0x7fff_ffff }), { nil: undefined }),
      port: fc.integer({ min: 1, max: 65_535 }),
      urlData: fc.string({ unit: "grapheme", maxLength: 400 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(requests, (sent) => {
      deepEqual(decodeUdpTrackerRequest(encodeUdpTrackerRequest(sent)), { ok: true, value: sent });
    }),
  );
});

test("10,000 mutated requests are read or refused, and every reason is met", () => {
  const samples = [
    encodeUdpTrackerRequest({ action: "connect", transactionId: 1 }),
    encodeUdpTrackerRequest(announce),
    encodeUdpTrackerRequest({ ...announce, urlData: `/${"x".repeat(urlDataBytesMax - 1)}` }),
    encodeUdpTrackerRequest({
      action: "scrape",
      transactionId: 1,
      connectionId: 2n,
      infoHashes: [hash, hash],
    }),
    concat([
      encodeUdpTrackerRequest({ action: "scrape", transactionId: 1, connectionId: 2n, infoHashes: [hash] }),
      new Uint8Array(74 * 20),
    ]),
    concat([encodeUdpTrackerRequest({ ...announce, urlData: "" }), bytesOf("0301ff 01 0200 00 02")]),
  ];
  const tally = fuzzCodec({ name: "udp-tracker-request", seed: 1, samples, decode: decodeUdpTrackerRequest });
  ok(tally.accepted > 1000, `${tally.accepted} accepted`);
  const met = [...tally.reasons.keys()].sort();
  const all = [
    "no-info-hash",
    "port-zero",
    "too-many-info-hashes",
    "truncated",
    "unknown-action",
    "unknown-event",
  ];
  deepEqual(met, [...all, "url-data-too-long", "url-data-truncated", "wrong-protocol-id"]);
});

test("10,000 mutated replies are read or refused, over either family", () => {
  const samples = [
    bytesOf("00000000 00000001 0000000000000002"),
    bytesOf("00000001 00000001 00000708 00000002 00000003 c0000201 1ae1 c0000202 0001"),
    bytesOf("00000002 00000001 00000004 00000005 00000006"),
    bytesOf("00000003 00000001 6e6f"),
  ];
  for (const family of [4, 6] as const) {
    const decode = (bytes: Uint8Array) => decodeUdpTrackerReply(bytes, family);
    const tally = fuzzCodec({ name: `udp-tracker-reply-${family}`, seed: family, samples, decode });
    ok(tally.accepted > 1000, `${tally.accepted} accepted`);
    deepEqual([...tally.reasons.keys()].sort(), ["truncated", "unknown-action"]);
  }
});
