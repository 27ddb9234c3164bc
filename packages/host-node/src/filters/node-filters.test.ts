import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { infoHash, must } from "@dure/base";
import { makeSample, type Sample, store } from "../crash/testing/index.ts";
import { type DureNode, type NodeDhtOptions, type NodeOptions, openNode } from "../index.ts";
import { temporary } from "../testing/temporary.ts";

const limit = { timeout: 90_000 };
const closed = { port: 0, listen: "127.0.0.1", lsd: false, pex: false } as const;

/** Nodes on loopback in a folder of their own; all are closed when the test ends. */
function network(context: TestContext) {
  const { folder, remove } = temporary({ inMemory: true });
  const nodes: DureNode[] = [];
  context.after(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    remove();
  });
  const open = async (name: string, options: Partial<NodeOptions> = {}) => {
    const node = await openNode({ profile: join(folder, name), ...closed, ...options });
    nodes.push(node);
    return node;
  };
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const seedOf = async (sample: Sample, options: Partial<NodeOptions> = {}) => {
    store(sample, join(folder, "source"));
    const node = await open("seed", options);
    const handle = await node.add({
      source: sample.torrent,
      dir: join(folder, "source"),
      assumeComplete: true,
    });
    return { node, handle };
  };
  return { folder, open, write, seedOf };
}

const sampleOf = (name: string) => makeSample({ name, pieceBytes: 16_384, content: 200_000 });
const at = (node: DureNode) => `127.0.0.1:${node.port}`;

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const pause = (wait: number) => new Promise((resolve) => setTimeout(resolve, wait));

/** Connects and says a handshake's beginning; resolves to the bytes that came back until it was closed. */
function knock(port: number): Promise<number> {
  return new Promise((resolve) => {
    let heard = 0;
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("data", (bytes) => {
      heard += bytes.length;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(heard));
    socket.write("\x13BitTorrent protocol");
  });
}

test(
  "a filtered address gets nothing, by either side's filter, until the list is another",
  limit,
  async (context) => {
    const { folder, open, write, seedOf } = network(context);
    const sample = sampleOf("one");
    const list = write("list", "loopback:127.0.0.0-127.255.255.255\n");
    const seed = await seedOf(sample, { ipFilter: list });
    const leecher = await open("leecher");
    const options = { source: sample.torrent, dir: join(folder, "copy"), peers: [at(seed.node)] };
    const copy = await leecher.add(options);
    const started = performance.now();
    equal(await knock(seed.node.port), 0, "closed without a byte");
    ok(performance.now() - started < 5000, "at once, not after the wait for a handshake");
    await pause(500);
    deepEqual([copy.status().bytesDone, seed.handle.status().peersCount], [0, 0]);
    await copy.stop();

    write("list", "# nobody\n");
    await pause(2500); // two looks at the file
    const again = await leecher.add(options);
    await until(() => again.status().bytesDone > 0, "the seed accepts now");
    await again.done;
  },
);

test("a link to whom the list newly names ends, and nobody dials there again", limit, async (context) => {
  const { folder, open, write, seedOf } = network(context);
  const sample = sampleOf("two");
  const seed = await seedOf(sample, { upRateMax: 20_000 });
  const list = write("list", "");
  const leecher = await open("leecher", { ipFilter: list });
  const copy = await leecher.add({
    source: sample.torrent,
    dir: join(folder, "copy"),
    peers: [at(seed.node)],
  });
  const warnings: string[] = [];
  copy.on((event) => event.type === "warning" && warnings.push(event.code));
  await until(() => copy.status().peersCount === 1, "they meet");
  write("list", "127.0.0.1\n");
  await until(() => copy.status().peersCount === 0, "the link ends");
  await pause(1500);
  deepEqual([copy.status().peersCount, seed.handle.status().peersCount], [0, 0]);
  write("list", "nonsense\n");
  await until(() => warnings.length > 0, "a broken list is told of");
  deepEqual(warnings, ["ip-filter"]);
  equal(copy.status().peersCount, 0);
});

test("a node whose list cannot be used does not open", limit, async (context) => {
  const { open, write } = network(context);
  await rejects(open("a", { ipFilter: write("list", "<html>\n") }), { name: "NodeError", code: "filter" });
  await rejects(open("b", { denyList: join("no", "such", "file") }), { name: "NodeError", code: "filter" });
});

test(
  "a denied info-hash is not added, looked up or kept for others; one that becomes denied stops",
  limit,
  async (context) => {
    const { folder, open, write, seedOf } = network(context);
    const [denied, later] = [sampleOf("denied"), sampleOf("later")];
    const list = write("list", `${denied.infoHash} # no\n`);
    const dht = (bootstrap: readonly string[]): { dht: NodeDhtOptions } => ({ dht: { bootstrap } });
    const strict = await open("strict", { denyList: list, ...dht([]) });
    const dhtOf = must(strict.dht, "it has a DHT");
    const refusal = { name: "NodeError", code: "denied", detail: denied.infoHash };
    await rejects(strict.add({ source: denied.torrent, dir: folder }), refusal);
    await rejects(strict.add({ source: `magnet:?xt=urn:btih:${denied.infoHash}`, dir: folder }), refusal);
    throws(() => dhtOf.peers(must(infoHash(denied.infoHash), "a hash")), refusal);
    throws(() => dhtOf.scrape(must(infoHash(denied.infoHash), "a hash")), refusal);

    const seed = await seedOf(denied, dht([at(strict)]));
    await seed.node.add({ source: later.torrent, dir: join(folder, "other") });
    await until(() => dhtOf.status().topics === 1, "the other torrent is announced to it");
    await pause(1000);
    deepEqual([dhtOf.status().topics, dhtOf.status().peers], [1, 1]);

    const handle = await strict.add({ source: later.torrent, dir: join(folder, "third") });
    const errors: string[] = [];
    handle.on((event) => event.type === "error" && errors.push(event.code));
    write("list", `${denied.infoHash}\n${later.infoHash}\n`);
    await rejects(handle.done, { name: "NodeError", code: "denied" });
    await until(() => strict.torrents().length === 0, "it has stopped");
    deepEqual(errors, ["denied"]);
    await rejects(strict.add({ source: later.torrent, dir: join(folder, "third") }), { code: "denied" });
  },
);
