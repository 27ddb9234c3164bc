import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { formatAddress, hex, idBytes, infoHash, must, utf8 } from "@dure/base";
import { itemTarget } from "@dure/protocol";
import { makeSample, type Sample, type SamplePlan, store } from "../crash/testing/index.ts";
import {
  type DhtEndpointStatus,
  type DureNode,
  mutableItem,
  type NodeDhtOptions,
  openNode,
} from "../index.ts";
import { temporary } from "../testing/temporary.ts";
import { Listener } from "./testing/listener.ts";

const limit = { timeout: 30_000 };
const closed = { port: 0, lsd: false, pex: false } as const;
const four = { listen: "127.0.0.1" };

/** Nodes on loopback in a folder of their own; all are closed when the test ends. */
function network(context: TestContext) {
  const { folder, remove } = temporary({ inMemory: true });
  const nodes = new Set<DureNode>();
  const listeners: Listener[] = [];
  context.after(async () => {
    await Promise.all([...nodes].map((node) => node.close()));
    for (const listener of listeners) listener.close();
    remove();
  });
  const open = async (name: string, dht: Partial<NodeDhtOptions> = {}, where: { listen?: string } = four) => {
    const profile = join(folder, name);
    const node = await openNode({ profile, ...closed, ...where, dht: { bootstrap: [], ...dht } });
    nodes.add(node);
    return node;
  };
  const close = async (node: DureNode) => {
    nodes.delete(node);
    await node.close();
  };
  const listener = async () => {
    const made = await Listener.open();
    listeners.push(made);
    return made;
  };
  /** A node that has everything. */
  const seedOf = async (sample: Sample, dht: Partial<NodeDhtOptions>, where: { listen?: string } = four) => {
    store(sample, join(folder, "source"));
    const node = await open("seed", dht, where);
    await node.add({ source: sample.torrent, dir: join(folder, "source"), assumeComplete: true });
    return node;
  };
  return { folder, open, close, seedOf, listener };
}

function sampleOf(plan: Partial<SamplePlan> = {}): Sample {
  return makeSample({ name: "sample.bin", pieceBytes: 16_384, content: 200_000, ...plan });
}

const at = (node: DureNode) => `127.0.0.1:${node.port}`;
const dhtOf = (node: DureNode) => must(node.dht, "it has a DHT");
const magnetOf = (sample: Sample) => `magnet:?xt=urn:btih:${sample.infoHash}`;
const hashOf = (sample: Sample) => must(infoHash(sample.infoHash), "an info-hash");

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function ready(node: DureNode): Promise<readonly DhtEndpointStatus[]> {
  const endpoints = () => dhtOf(node).status().endpoints;
  await until(() => endpoints().length > 0 && endpoints().every((endpoint) => endpoint.ready), "it is ready");
  return endpoints();
}

async function collect<Found>(request: AsyncIterable<Found>): Promise<Found[]> {
  const all: Found[] = [];
  for await (const found of request) all.push(found);
  return all;
}

test("a bare magnet is downloaded from a seed that only the DHT knows", limit, async (context) => {
  const { folder, open, seedOf } = network(context);
  const sample = sampleOf();
  const entrance = await open("entrance");
  const seed = await seedOf(sample, { bootstrap: [at(entrance)] });
  await until(() => dhtOf(entrance).status().peers > 0, "the seed is announced");
  const begun = performance.now();
  const leecher = await open("leecher", { bootstrap: [at(entrance)] });
  const handle = await leecher.add({ source: magnetOf(sample), dir: join(folder, "copy") });
  await handle.done;
  context.diagnostic(`${Math.round(performance.now() - begun)} ms from opening the node to done`);
  ok(readFileSync(join(folder, "copy", sample.name)).equals(sample.content));
  const found = await collect(dhtOf(leecher).peers(hashOf(sample)));
  ok(found.some((address) => formatAddress(address) === at(seed)));
});

test(
  "names of bootstrap nodes are resolved; those that nobody knows are told of once",
  limit,
  async (context) => {
    const { open } = network(context);
    const entrance = await open("entrance");
    const bootstrap = [`localhost:${entrance.port}`, "no-such-host.invalid:6881"];
    const node = await open("node", { bootstrap });
    await until(() => dhtOf(node).status().endpoints[0]?.ready === true, "it is ready");
    const warnings: string[] = [];
    dhtOf(node).on((event) => event.type === "warning" && warnings.push(event.message));
    await until(() => warnings.length > 0, "a warning");
    equal(warnings.filter((text) => text.includes("no-such-host.invalid")).length, 1);
    await rejects(open("bad", { bootstrap: ["no port"] }), /HOST:PORT/);
  },
);

test(
  "a restarted node finds peers within a second, though the node it once began with is gone",
  limit,
  async (context) => {
    const { open, close, seedOf } = network(context);
    const sample = sampleOf();
    const entrance = await open("entrance");
    const others = await Promise.all(
      [1, 2, 3].map((index) => open(`other ${index}`, { bootstrap: [at(entrance)] })),
    );
    const knows = (node: DureNode, count: number) =>
      until(() => (dhtOf(node).status().endpoints[0]?.goodNodes ?? 0) >= count, "it knows the others");
    for (const node of others) await knows(node, 3);
    await seedOf(sample, { bootstrap: others.map(at) });
    const before = await open("node", { bootstrap: others.map(at) });
    await knows(before, 4);
    await until(() => others.every((node) => dhtOf(node).status().peers > 0), "the seed is announced");
    const id = dhtOf(before).status().endpoints[0]?.id;
    await close(before);
    await close(entrance);
    const begun = performance.now();
    const node = await open("node");
    for await (const _ of dhtOf(node).peers(hashOf(sample))) break;
    const took = performance.now() - begun;
    context.diagnostic(`${Math.round(took)} ms from opening the node to the first peer`);
    ok(took < 1000, `${took} ms`);
    deepEqual(dhtOf(node).status().endpoints[0]?.id, id);
  },
);

test("a saved table that rotted is told of, and the node begins anew", limit, async (context) => {
  const { folder, open, close } = network(context);
  const entrance = await open("entrance");
  const before = await open("node", { bootstrap: [at(entrance)] });
  await until(() => dhtOf(before).status().endpoints[0]?.goodNodes === 1, "it knows the other");
  await close(before);
  const database = new DatabaseSync(join(folder, "node", "dure.db"));
  database.exec("UPDATE dht SET nodes = x'0102030405060708'");
  database.close();
  const node = await open("node", { bootstrap: [at(entrance)] });
  const codes: string[] = [];
  dhtOf(node).on((event) => event.type === "warning" && codes.push(event.code));
  await until(() => codes.includes("dht-state"), "the damage is told");
  await until(() => dhtOf(node).status().endpoints[0]?.goodNodes === 1, "it knows the other again");
});

test(
  "not one datagram names a private torrent; a public one is asked for and announced (BEP 27)",
  limit,
  async (context) => {
    const { folder, open, listener } = network(context);
    const watch = await listener();
    const node = await open("node", { bootstrap: [watch.address] });
    const hidden = sampleOf({ name: "private.bin", private: true });
    const shown = sampleOf({ name: "public.bin" });
    await node.add({ source: hidden.torrent, dir: join(folder, "a") });
    await node.add({ source: shown.torrent, dir: join(folder, "b") });
    const named = (sample: Sample) =>
      watch.queries.filter(
        ({ query: { body } }) => "infoHash" in body && hex(body.infoHash) === sample.infoHash,
      );
    await until(
      () => named(shown).some(({ query }) => query.body.type === "announce-peer"),
      "the public one is announced",
    );
    const [announce] = named(shown).filter(({ query }) => query.body.type === "announce-peer");
    const body = announce?.query.body;
    ok(body?.type === "announce-peer" && body.port === undefined && body.fallbackPort === node.port);
    equal(named(hidden).length, 0);
    const targets = watch.queries.flatMap(({ query: { body } }) =>
      "target" in body && body.target ? [hex(body.target)] : [],
    );
    ok(!targets.includes(hidden.infoHash));
  },
);

test("the DHT and UDP trackers speak from one socket", limit, async (context) => {
  const { folder, open, listener } = network(context);
  const watch = await listener();
  const node = await open("node", { bootstrap: [watch.address] });
  const sample = sampleOf({ trackers: [`udp://${watch.address}/announce`] });
  await node.add({ source: sample.torrent, dir: join(folder, "a") });
  const named = () => watch.queries.filter(({ query }) => query.body.type === "get-peers");
  await until(() => watch.announces.length > 0 && named().length > 0, "both have spoken");
  for (const { port } of [...watch.announces, ...named()]) equal(port, node.port);
});

test("items are put and got, plain and signed; a forged one is not believed", limit, async (context) => {
  const { open } = network(context);
  const entrance = await open("entrance");
  const [writer, reader] = await Promise.all(
    ["a", "b"].map((name) => open(name, { bootstrap: [at(entrance)] })),
  );
  const [from, to] = [dhtOf(must(writer, "a")), dhtOf(must(reader, "b"))];
  const plain = { type: "immutable", value: utf8("5:hello") } as const;
  ok((await from.put(plain).done).stored > 0);
  deepEqual(await collect(to.get(itemTarget(plain))), [plain]);
  const { privateKey } = generateKeyPairSync("ed25519");
  const salt = utf8("news");
  const signed = mutableItem({ value: utf8("3:one"), privateKey, sequence: 1, salt });
  ok((await from.put(signed).done).stored > 0);
  const newer = mutableItem({ value: utf8("3:two"), privateKey, sequence: 2, salt });
  ok((await from.put(newer, { cas: 1 }).done).stored > 0);
  const got = await collect(to.get(itemTarget(signed), { salt }));
  deepEqual(got.at(-1), newer);
  const forged = { ...newer, sequence: 3 };
  equal((await from.put(forged).done).stored, 0);
  deepEqual((await collect(to.get(itemTarget(signed), { salt }))).at(-1), newer);
});

test("a torrent is scraped, keys are sampled, nodes are found", limit, async (context) => {
  const { open, seedOf } = network(context);
  const sample = sampleOf();
  const entrance = await open("entrance");
  await seedOf(sample, { bootstrap: [at(entrance)] });
  const node = dhtOf(await open("node", { bootstrap: [at(entrance)] }));
  await until(() => dhtOf(entrance).status().peers > 0, "the seed is announced");
  const [scrape] = await collect(node.scrape(hashOf(sample)));
  ok(Math.round(scrape?.seeds ?? 0) === 1 && Math.round(scrape?.peers ?? 9) === 0, JSON.stringify(scrape));
  const samples = await collect(node.sample(idBytes(hashOf(sample))));
  ok(samples.some(({ infoHashes }) => infoHashes.some((key) => hex(key) === sample.infoHash)));
  const { closest } = await node.findNode(idBytes(hashOf(sample))).done;
  equal(closest.length, 2);
});

test("a question may be left, cancelled, or outlive its node: it always ends", limit, async (context) => {
  const { open, close } = network(context);
  const node = await open("node", { bootstrap: ["192.0.2.1:9"] });
  const dht = dhtOf(node);
  const key = new Uint8Array(20);
  const cancelled = dht.findNode(key);
  cancelled.cancel();
  cancelled.cancel();
  equal((await cancelled.done).cancelled, true);
  const left = dht.sample(key);
  const taking = collect(left);
  const open1 = dht.get(key);
  await close(node);
  for (const request of [left, open1]) equal((await request.done).cancelled, true);
  deepEqual(await taking, []);
  throws(() => dht.status(), { code: "stopped" });
  throws(() => dht.findNode(new Uint8Array(3)), /20 bytes/);
});

test(
  "both families are one node with a table each: who has only one is found by who has both (BEP 32)",
  limit,
  async (context) => {
    const { folder, open, seedOf } = network(context);
    const sample = sampleOf();
    const entrance = await open("entrance", {}, {});
    const six = `[::1]:${entrance.port}`;
    await seedOf(sample, { bootstrap: [six] }, { listen: "::1" });
    await until(() => dhtOf(entrance).status().peers > 0, "the seed is announced");
    const leecher = await open("leecher", { bootstrap: [at(entrance), six] }, {});
    deepEqual(
      (await ready(leecher)).map(({ family }) => family),
      [4, 6],
    );
    const handle = await leecher.add({ source: magnetOf(sample), dir: join(folder, "copy") });
    await handle.done;
    ok(readFileSync(join(folder, "copy", sample.name)).equals(sample.content));
  },
);

test("without the option there is no DHT, and nothing is asked of anyone", limit, async (context) => {
  const { folder, remove } = temporary({ inMemory: true });
  const node = await openNode({ profile: join(folder, "profile"), ...closed, ...four });
  context.after(async () => {
    await node.close();
    remove();
  });
  equal(node.dht, undefined);
});
