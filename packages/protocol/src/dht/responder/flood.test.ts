import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { ms, Prng } from "@dure/base";
import { collectedHeapBytes } from "@dure/base/testing";
import { itemTarget, type QueryBody } from "../../krpc/index.ts";
import { responderLimits } from "./limits.ts";
import { announce, Bench, get, getPeers, key, keyNear, put, query, viewOf4 } from "./testing/asking.ts";

const mebibyte = 1024 * 1024;
const known = "9.9.9.9";
const closedView = viewOf4({ knows: ({ ip }) => ip === known });

/** Bytes still held after the flood that were not held before it. */
function growthBy(flood: () => void): number {
  const before = collectedHeapBytes();
  flood();
  return collectedHeapBytes() - before;
}

function anyQuery(prng: Prng): QueryBody {
  const target = prng.bytes(20);
  const token = prng.bytes(8);
  const want = undefined;
  switch (prng.below(9)) {
    case 0:
      return { type: "find-node", target, want };
    case 1:
      return { type: "get-peers", infoHash: target, want, noSeed: false, scrape: true };
    case 2:
      return { type: "announce-peer", infoHash: target, token, port: 1, seed: false };
    case 3:
      return { type: "get", target, want, sequence: undefined };
    case 4:
      return {
        type: "put",
        token,
        item: { type: "immutable", value: Uint8Array.of(0x30, 0x3a) },
        cas: undefined,
      };
    case 5:
      return { type: "sample-infohashes", target, want };
    case 6:
      return { type: "unknown", method: "x", target: undefined, want };
    case 7:
      return { type: "malformed", method: "put", code: 203 };
    default:
      return { type: "ping" };
  }
}

test("a million forged queries: nothing stored, bytes out and memory bounded, known and banned as before", () => {
  const prng = new Prng(1, "flood");
  const bench = new Bench({}, closedView);
  const queries = Array.from({ length: 1000 }, () => query(anyQuery(prng)));
  const began = bench.now;
  let bytesOut = 0;
  let served = 0;
  let asked = 0;
  for (let index = 0; index < 60; index += 1) bench.outcome("66.6.6.6", query({ type: "ping" }));
  const growth = growthBy(() => {
    for (let packet = 0; packet < 1_000_000; packet += 1) {
      bench.now = ms(began + packet / 10); // 10,000 a second
      const ip = `${prng.between(1, 223)}.${prng.below(256)}.${prng.below(256)}.${prng.below(256)}`;
      const body = queries[packet % 1000] ?? query({ type: "ping" });
      // Local ones are exempt from every limit; a router of the network's edge does not let them in.
      if (ip.startsWith("10.") || ip.startsWith("127.") || /^(100|169|172|192)\./.test(ip)) continue;
      const answer = bench.responder.answer(bench.now, { ip, port: 1 }, body, closedView);
      if (answer instanceof Uint8Array) bytesOut += answer.length;
      if (packet % 5000 === 0) {
        asked += 1;
        if (bench.outcome(known, getPeers(key(1))) === "ok") served += 1;
        equal(bench.responder.banned(bench.now, { ip: "66.6.6.6", port: 1 }), true, "the banned stay so");
      }
    }
  });
  const { topics, items } = bench.responder.status();
  equal(topics + items, 0, "no forged token is accepted");
  equal(served, asked, "who is known gets each answer");
  ok(bytesOut <= 100 * 32_000 + 8000 + 1400, `${bytesOut} bytes out in 100 s`);
  ok(bench.responder.sourcesCount <= responderLimits.sourcesMax);
  ok(growth <= 8 * mebibyte, `${growth} bytes kept`);
});

test("a crowd with real addresses fills the stores to their bounds, and within 64 MiB", () => {
  const prng = new Prng(2, "crowd");
  const bench = new Bench({ answersPerSource: Infinity, answerRate: Infinity });
  const infoHashes = Array.from({ length: 2500 }, (_, index) => key(index));
  const growth = growthBy(() => {
    for (let round = 0; round < 100_000; round += 1) {
      const ip = `${prng.between(1, 223)}.${prng.below(256)}.${prng.below(256)}.${prng.below(256)}`;
      bench.now = ms(bench.now + 5);
      if (round % 5 === 0) {
        const value = prng.bytes(1000);
        value.set([0x39, 0x39, 0x36, 0x3a]); // 996:
        const item = { type: "immutable", value } as const;
        const { token } = bench.heard(ip, get(itemTarget(item)));
        if (token !== undefined) bench.outcome(ip, put(item, token));
        continue;
      }
      const infoHash = infoHashes[Math.floor(2500 * prng.float() ** 4)] ?? key(0);
      const { token } = bench.heard(ip, getPeers(infoHash));
      if (token !== undefined) bench.outcome(ip, announce(infoHash, token));
    }
  });
  const { topics, peers, items } = bench.responder.status();
  ok(topics <= responderLimits.topicsMax && topics > 1500, `${topics} topics`);
  ok(peers <= topics * responderLimits.peersPerTopicMax && peers > 20_000, `${peers} peers`);
  equal(items, responderLimits.itemsMax);
  ok(growth <= 64 * mebibyte, `${growth} bytes kept`);
});

test("one /24 with real tokens cannot fill the stores: others find room, and the popular stays", () => {
  const prng = new Prng(3, "subnet");
  const bench = new Bench({ answersPerSource: Infinity, answerRate: Infinity });
  const popular = keyNear(0, 12_345);
  for (let index = 0; index < 40; index += 1) bench.announced(`62.1.${index}.1`, popular);
  for (let round = 0; round < 20_000; round += 1) {
    const ip = `66.6.6.${prng.below(256)}`;
    bench.now = ms(bench.now + 10);
    // The best keys an attacker can have: next to our id.
    const infoHash = keyNear(4, round);
    const { token } = bench.heard(ip, getPeers(infoHash));
    if (token !== undefined) bench.outcome(ip, announce(infoHash, token));
    const crowded = bench.heard(ip, getPeers(popular)).token;
    if (crowded !== undefined) bench.outcome(ip, announce(popular, crowded));
  }
  equal(bench.responder.status().topics, 1000, "half of the store");
  equal(bench.announced("81.2.69.142", keyNear(0, 7)), "ok");
  const peers = bench.responder.status().peers;
  equal(peers, 40 + 16 + 999 + 1, "the popular topic has its forty and sixteen of the /24");
});
