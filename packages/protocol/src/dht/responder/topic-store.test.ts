import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { decodeCompactList, type Family, formatAddress, hex, type Ms, minutes, ms, Prng } from "@dure/base";
import { BloomFilter, type DhtKey } from "../../krpc/index.ts";
import { distancePrefix } from "./key-bytes.ts";
import type { Source } from "./source.ts";
import { key, keyNear, ownId, sourceAt } from "./testing/asking.ts";
import { TopicStore } from "./topic-store.ts";

const start = ms(5_000_000_000); // past 2^32 milliseconds, where the records' clock has gone round once

function storing(over: { topicsMax?: number; peersPerTopicMax?: number } = {}) {
  const store = new TopicStore({ topicsMax: 2000, peersPerTopicMax: 500, prng: new Prng(1), ...over });
  const announce = (ip: string, infoHash: DhtKey, more: { port?: number; seed?: boolean; now?: Ms } = {}) =>
    store.announce(more.now ?? start, sourceAt(ip), {
      infoHash,
      ownId,
      port: more.port ?? 6881,
      seed: more.seed ?? false,
    });
  const peers = (infoHash: DhtKey, family: Family = 4, now = start, noSeed = false, countMax = 1000) =>
    decodeCompactList(store.peers(infoHash, family, { now, countMax, noSeed }), family)
      .map(formatAddress)
      .sort();
  return { store, announce, peers };
}

const ip4 = (index: number) => `62.${index >>> 16}.${(index >>> 8) & 255}.${index & 255}`;

test("a peer is told for thirty minutes after its last announce", () => {
  const { announce, peers, store } = storing();
  equal(announce("81.2.69.142", key(1)), true);
  announce("81.2.70.1", key(1), { now: ms(start + minutes(20)) });
  deepEqual(peers(key(1), 4, ms(start + minutes(30) - 1)), ["81.2.69.142:6881", "81.2.70.1:6881"]);
  deepEqual(peers(key(1), 4, ms(start + minutes(30))), ["81.2.70.1:6881"]);
  announce("81.2.69.142", key(1), { now: ms(start + minutes(40)) });
  deepEqual(peers(key(1), 4, ms(start + minutes(50))), ["81.2.69.142:6881"]);
  equal(store.deadline(), start + minutes(70));
  store.wake(ms(start + minutes(70) - 1));
  equal(store.topicsCount, 1);
  store.wake(ms(start + minutes(70)));
  equal(store.topicsCount, 0);
  equal(store.deadline(), undefined);
});

test("an IP is one peer of a topic: port and seed are those of its last announce (BEP 33)", () => {
  const { announce, peers } = storing();
  announce("81.2.69.142", key(1), { port: 1000 });
  announce("81.2.69.142", key(1), { port: 2000, seed: true });
  deepEqual(peers(key(1)), ["81.2.69.142:2000"]);
  deepEqual(peers(key(1), 4, start, true), []);
});

test("a local address counts by its port, since many nodes of a test share it", () => {
  const { announce, peers } = storing();
  for (let port = 1; port <= 40; port += 1) equal(announce("127.0.0.1", key(1), { port }), true);
  announce("127.0.0.1", key(1), { port: 7 });
  equal(peers(key(1)).length, 40);
});

test("the families are kept apart (BEP 32)", () => {
  const { announce, peers } = storing();
  announce("81.2.69.142", key(1));
  announce("2a00::7", key(1));
  deepEqual(peers(key(1), 4), ["81.2.69.142:6881"]);
  deepEqual(peers(key(1), 6), ["[2a00::7]:6881"]);
});

test("a topic has at most sixteen peers of a /24, and of a /48", () => {
  const { announce, peers, store } = storing();
  const kept = Array.from({ length: 20 }, (_, index) => announce(`81.2.69.${index}`, key(1)));
  deepEqual(kept, [...Array(16).fill(true), ...Array(4).fill(false)]);
  equal(store.admits(start, sourceAt("81.2.69.99"), key(1), ownId), false);
  equal(store.admits(start, sourceAt("81.2.69.3"), key(1), ownId), true, "one that is there may come again");
  equal(store.admits(start, sourceAt("81.2.70.99"), key(1), ownId), true);
  for (let index = 0; index < 20; index += 1) announce(`2a00:1:2:${index}::1`, key(1));
  equal(peers(key(1), 6).length, 16);
});

test("a topic has at most 500 peers; a new subnet then takes the place of the most crowded one's oldest", () => {
  const { announce, peers, store } = storing();
  for (let index = 0; index < 499; index += 1) announce(`62.1.${index >> 1}.${index & 1}`, key(1));
  announce("2a00::7", key(1));
  equal(peers(key(1), 4).length + peers(key(1), 6).length, 500);
  equal(announce("62.1.7.9", key(1)), false, "its subnet has two already");
  equal(store.admits(start, sourceAt("62.1.7.9"), key(1), ownId), false);
  equal(store.admits(start, sourceAt("99.1.7.9"), key(1), ownId), true);
  const later = ms(start + 1);
  equal(announce("99.1.7.9", key(1), { now: later }), true);
  equal(peers(key(1), 4, later).length + peers(key(1), 6, later).length, 500);
});

test("a topic of 500 subnets is full: nobody is pushed out, and no token would be given (BEP 33)", () => {
  const { announce, peers, store } = storing();
  for (let index = 0; index < 500; index += 1) announce(ip4(index * 256), key(1));
  equal(announce("99.1.7.9", key(1)), false);
  equal(store.admits(start, sourceAt("99.1.7.9"), key(1), ownId), false);
  equal(peers(key(1)).length, 500);
  const later = ms(start + minutes(29));
  announce(ip4(0), key(1), { now: later });
  const after = ms(start + minutes(30));
  equal(store.admits(after, sourceAt("99.1.7.9"), key(1), ownId), true, "the others have expired");
});

test("an answer is a fair choice of the peers", () => {
  const { announce, store } = storing();
  for (let index = 0; index < 100; index += 1) announce(ip4(index * 256), key(1), { seed: index % 2 === 0 });
  const times = new Map<string, number>();
  for (let round = 0; round < 2000; round += 1) {
    const chosen = store.peers(key(1), 4, { now: start, countMax: 10, noSeed: true });
    equal(chosen.length, 60);
    for (const { ip } of decodeCompactList(chosen, 4)) times.set(ip, (times.get(ip) ?? 0) + 1);
  }
  equal(times.size, 50, "each that is no seed was told");
  // 2,000 answers of 10 among 50: 400 each, deviation 18.
  for (const [ip, count] of times) ok(count > 300 && count < 500, `${ip} told ${count} times`);
});

test("the bloom filters hold what is stored, seeds and peers apart (BEP 33)", () => {
  const { announce, store } = storing();
  equal(store.blooms(start, key(1)), undefined);
  const expected = { seeds: new BloomFilter(), peers: new BloomFilter() };
  const check = (now: Ms, what: string) => {
    const blooms = store.blooms(now, key(1));
    deepEqual(blooms?.seeds.toBytes(), expected.seeds.toBytes(), what);
    deepEqual(blooms?.peers.toBytes(), expected.peers.toBytes(), what);
  };
  for (const [index, ip] of ["81.2.69.142", "2a00::7", "9.9.9.9"].entries()) {
    announce(ip, key(1), { seed: index === 0 });
    expected[index === 0 ? "seeds" : "peers"].insert(ip);
    check(start, `with ${ip}`);
  }
  announce("9.9.9.9", key(1), { seed: true, now: ms(start + 1000) });
  expected.seeds = new BloomFilter();
  expected.peers = new BloomFilter();
  for (const ip of ["81.2.69.142", "9.9.9.9"]) expected.seeds.insert(ip);
  expected.peers.insert("2a00::7");
  check(ms(start + 1000), "a peer has become a seed");
  const later = ms(start + minutes(30));
  expected.seeds = new BloomFilter();
  expected.seeds.insert("9.9.9.9");
  expected.peers = new BloomFilter();
  check(later, "two have expired");
});

test("one /24 begins at most a sixteenth of the topics once the store is half full", () => {
  const { announce, store } = storing({ topicsMax: 320 });
  let kept = 0;
  for (let index = 0; index < 320; index += 1) if (announce("81.2.69.142", key(index))) kept += 1;
  equal(kept, 160);
  equal(store.admits(start, sourceAt("81.2.69.9"), key(1000), ownId), false);
  for (let index = 1000; index < 1040; index += 1) if (announce("9.9.9.9", key(index))) kept += 1;
  equal(kept, 180, "another one: twenty");
});

test("a full store gives way to a topic closer to us, at the cost of the farthest with one announcer only", () => {
  const { announce, store, peers } = storing({ topicsMax: 32 });
  const far = Array.from({ length: 32 }, (_, index) => key(index + 1));
  for (const [index, infoHash] of far.entries()) announce(ip4(index * 256), infoHash);
  // All but one are cared for by more.
  const farthest = far.reduce((a, b) => (distancePrefix(a, ownId) > distancePrefix(b, ownId) ? a : b));
  const lonely = far.find((infoHash) => infoHash !== farthest) ?? farthest;
  for (const infoHash of far) if (infoHash !== lonely) announce("99.0.0.1", infoHash);
  const beyond = ownId.map((byte) => ~byte);
  equal(announce("98.0.0.1", beyond), false, "farther than any");
  equal(store.admits(ms(start + 2000), sourceAt("98.0.0.1"), beyond, ownId), false, "so it gets no token");
  equal(store.admits(ms(start + 4000), sourceAt("98.0.0.1"), keyNear(3, 7), ownId), true);
  equal(announce("98.0.0.1", keyNear(3, 7)), true);
  equal(store.topicsCount, 32);
  deepEqual(peers(lonely), []);
  equal(peers(farthest).length, 2, "what two care for stays, however far");
});

test("a topic's peers take eleven bytes each, or twenty-three of IPv6, and at most 512 places", () => {
  const { announce, store } = storing();
  for (let topic = 0; topic < 20; topic += 1) {
    for (let peer = 0; peer < 501; peer += 1) {
      announce(topic < 10 ? ip4(peer * 256) : `2a00:1:${peer.toString(16)}::1`, key(topic));
    }
  }
  equal(store.peersCount, 20 * 500);
  equal(store.bytes, 10 * 512 * 11 + 10 * 512 * 23);
  // All but two of each expire: the memory goes too.
  for (let topic = 0; topic < 20; topic += 1)
    announce(topic < 10 ? ip4(0) : "2a00:1::1", key(topic), { now: ms(start + minutes(29)) });
  for (let topic = 0; topic < 20; topic += 1)
    announce("99.0.0.1", key(topic), { now: ms(start + minutes(31)) });
  equal(store.peersCount, 20 * 2);
  ok(store.bytes <= 20 * 8 * 23, `${store.bytes} bytes`);
});

test("random commands agree with a store of plain lists", () => {
  const seed = Number(process.env.DURE_SEED ?? 1);
  for (let run = 0; run < 30; run += 1) {
    const prng = new Prng(seed * 1000 + run, "topics");
    const where = (step: number) =>
      `DURE_SEED=${seed} node --test topic-store.test.ts: run ${run}, step ${step}`;
    const { store, announce, peers } = storing({ topicsMax: 8, peersPerTopicMax: 24 });
    const model = new ModelStore(8, 24);
    let now = start;
    for (let step = 0; step < 1500; step += 1) {
      now = ms(now + 1000 + prng.below(prng.chance(0.02) ? 1_800_000 : 20_000));
      const infoHash = key(prng.below(14));
      const ip = randomIp(prng);
      const source = sourceAt(ip);
      const more = { now, port: prng.between(1, 3), seed: prng.chance(0.3) };
      const admitted = store.admits(now, source, infoHash, ownId);
      equal(admitted, model.admits(now, source, infoHash), where(step));
      const kept = announce(ip, infoHash, more);
      equal(kept, model.announce(now, source, infoHash, more.port, more.seed), where(step));
      if (!source.exempt) equal(kept, admitted, where(step));
      for (const family of [4, 6] as const) {
        const noSeed = prng.chance(0.5);
        const expected = model.peers(now, infoHash, family, noSeed);
        deepEqual(peers(infoHash, family, now, noSeed), expected, where(step));
        const some = peers(infoHash, family, now, noSeed, 3);
        equal(some.length <= 3 && some.every((peer) => expected.includes(peer)), true, where(step));
      }
      if (prng.chance(0.05)) {
        store.wake(now);
        model.wake(now);
        equal(store.topicsCount, model.topics.size, where(step));
      }
    }
  }
});

function randomIp(prng: Prng): string {
  const host = prng.between(1, 20);
  if (prng.chance(0.1)) return `10.0.0.${host % 3}`;
  if (prng.chance(0.3)) return `2a00:1:${prng.below(3)}::${host}`;
  return `81.2.${prng.chance(0.6) ? 1 : prng.below(30)}.${host}`;
}

interface ModelPeer {
  readonly ip: string;
  readonly family: Family;
  readonly subnet: number;
  port: number;
  seed: boolean;
  heardAt: number;
}

interface ModelTopic {
  readonly distance: number;
  readonly founder: number | undefined;
  peers: ModelPeer[];
  /** As counted at the last announce. */
  subnets: number;
  touchedAt: number;
}

class ModelStore {
  readonly topics = new Map<string, ModelTopic>();
  readonly #topicsMax: number;
  readonly #peersMax: number;

  constructor(topicsMax: number, peersMax: number) {
    this.#topicsMax = topicsMax;
    this.#peersMax = peersMax;
  }

  admits(now: number, source: Source, infoHash: DhtKey): boolean {
    this.wake(now);
    const topic = this.#live(now, infoHash);
    if (topic === undefined) return this.#place(infoHash, source) !== undefined;
    const ip = source.ip.join(".");
    if (!source.exempt && topic.peers.some((peer) => peer.ip === ip)) return true;
    if (this.#hasPlace(topic, source)) return true;
    this.#expire(now, topic);
    return this.#hasPlace(topic, source);
  }

  announce(now: number, source: Source, infoHash: DhtKey, port: number, seed: boolean): boolean {
    let topic = this.#live(now, infoHash);
    if (topic === undefined) {
      this.wake(now);
      const place = this.#place(infoHash, source);
      if (place === undefined) return false;
      this.topics.delete(place);
      const founder = source.exempt ? undefined : source.subnet;
      topic = { distance: distancePrefix(infoHash, ownId), founder, peers: [], subnets: 0, touchedAt: now };
      this.topics.set(hex(infoHash), topic);
    }
    this.#expire(now, topic);
    const ip = source.ip.join(".");
    const known = topic.peers.find((peer) => peer.ip === ip && (!source.exempt || peer.port === port));
    if (known !== undefined) Object.assign(known, { port, seed, heardAt: now });
    else {
      if (!this.#hasPlace(topic, source)) return false;
      if (topic.peers.length >= this.#peersMax) this.#makePlace(topic);
      topic.peers.push({ ip, family: source.family, subnet: source.subnet, port, seed, heardAt: now });
    }
    topic.subnets = new Set(topic.peers.map((peer) => peer.subnet)).size;
    topic.touchedAt = now;
    return true;
  }

  peers(now: number, infoHash: DhtKey, family: Family, noSeed: boolean): string[] {
    const peers = this.#live(now, infoHash)?.peers ?? [];
    return peers
      .filter((peer) => peer.family === family && now - peer.heardAt < minutes(30) && !(noSeed && peer.seed))
      .map((peer) => formatAddress({ ip: canonical(peer.ip), port: peer.port }))
      .sort();
  }

  wake(now: number): void {
    for (const [name, topic] of this.topics)
      if (now - topic.touchedAt >= minutes(30)) this.topics.delete(name);
  }

  #live(now: number, infoHash: DhtKey): ModelTopic | undefined {
    const topic = this.topics.get(hex(infoHash));
    return topic !== undefined && now - topic.touchedAt < minutes(30) ? topic : undefined;
  }

  /** The topic that a new one replaces, "" for none, undefined when it may not come. */
  #place(infoHash: DhtKey, source: Source): string | undefined {
    const founded = [...this.topics.values()].filter((topic) => topic.founder === source.subnet).length;
    if (!source.exempt && this.topics.size * 2 >= this.#topicsMax && founded >= 1) return undefined;
    if (this.topics.size < this.#topicsMax) return "";
    const care = (topic: ModelTopic) => Math.floor(Math.log2(topic.subnets));
    const [worst] = [...this.topics].sort(([, a], [, b]) => care(a) - care(b) || b.distance - a.distance);
    if (worst === undefined) return "";
    const closer = distancePrefix(infoHash, ownId) < worst[1].distance;
    return care(worst[1]) < 0 || (care(worst[1]) === 0 && closer) ? worst[0] : undefined;
  }

  #hasPlace(topic: ModelTopic, source: Source): boolean {
    const neighbours = topic.peers.filter((peer) => peer.subnet === source.subnet).length;
    if (!source.exempt && neighbours >= 16) return false;
    if (topic.peers.length < this.#peersMax) return true;
    return neighbours === 0 && topic.subnets < topic.peers.length;
  }

  #makePlace(topic: ModelTopic): void {
    const crowd = (peer: ModelPeer) => topic.peers.filter((other) => other.subnet === peer.subnet).length;
    const [first] = [...topic.peers].sort(
      (a, b) => crowd(b) - crowd(a) || a.family - b.family || a.heardAt - b.heardAt,
    );
    topic.peers = topic.peers.filter((peer) => peer !== first);
  }

  #expire(now: number, topic: ModelTopic): void {
    topic.peers = topic.peers.filter((peer) => now - peer.heardAt < minutes(30));
    topic.subnets = new Set(topic.peers.map((peer) => peer.subnet)).size;
  }
}

function canonical(octets: string): string {
  const bytes = Uint8Array.from(octets.split(".").map(Number));
  return bytes.length === 4 ? octets : (decodeCompactList(Uint8Array.of(...bytes, 0, 1), 6)[0]?.ip ?? "");
}
