import { deepEqual, equal, ok } from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { bittorrentDht, type DhtNodes, libtorrentDht, Processes } from "../clients/index.ts";
import { type ClosedNetwork, eventually, makeKeys, openClosedNetwork, randomHash } from "./network.ts";

// The command line in a closed DHT of other people's nodes: each command is a node that knows one of them and is gone at once.
const required = process.env.DURE_INTEROP === "required";
const processes = new Processes();
const programs = [libtorrentDht(processes), bittorrentDht(processes)];
const program = process.env.DURE_PROGRAM ?? join(import.meta.dirname, "../../bin/dure");
const count = 8;
const coldWithin = 2;
const runWithin = 45_000;

const absent: string[] = [];
for (const each of programs) if ((await each.version()) === undefined) absent.push(each.name);
const why = absent.length > 0 ? `not installed: ${absent.join(", ")}` : undefined;

type Said = Readonly<Record<string, unknown>>;

suite("dure dht among foreign nodes", { skip: required ? false : (why ?? false) }, () => {
  let network: ClosedNetwork;
  let runs = 0;
  before(async () => {
    network = await openClosedNetwork(programs, { count, work: join(processes.scratch, "nodes") });
  });
  after(() => network.stop());

  /** A profile of its own each: nobody is known from last time. */
  async function dure(
    entrance: DhtNodes,
    ...words: readonly string[]
  ): Promise<{ status: number | null; said: Said[] }> {
    runs += 1;
    const work = join(processes.scratch, `run-${runs}`);
    mkdirSync(work);
    const listen = `127.${(process.pid % 250) + 1}.${220 + (runs % 30)}.${runs}`;
    const { ip, port } = entrance.listen[0] ?? never("it has nodes");
    const args = [
      ...["dht", ...words, "--json", "--profile", join(work, "profile"), "--port", "0", "--listen", listen],
      ...["--dht-bootstrap", `${ip}:${port}`],
    ];
    const { exit, lines } = await processes.run(
      { label: `dure-dht-${words[0]}`, command: program, args, work },
      { within: runWithin },
    );
    return { status: exit.code, said: lines.map((line) => JSON.parse(line) as Said) };
  }

  for (const { name } of programs) {
    const nodes = () => network.nodes.get(name) ?? never(`there are nodes of ${name}`);

    test(`from a cold start that knows one node of ${name}, dht peers answers within two seconds`, async (context) => {
      const infoHash = randomHash();
      const peer = `${nodes().listen[0]?.ip}:${await nodes().announce(0, infoHash, 4_711)}`;
      await eventually(() => nodes().peers(1, infoHash), {
        until: (peers) => peers.includes(peer),
        within: 40_000,
      });
      const { status, said } = await dure(nodes(), "peers", infoHash);
      equal(status, 0);
      deepEqual(
        said.filter(({ event }) => event === "peer"),
        [{ event: "peer", address: peer }],
      );
      const done = said.at(-1);
      equal(done?.event, "done");
      context.diagnostic(`${done?.seconds} s, ${done?.hops} hops, ${done?.queries} queries`);
      ok(Number(done?.seconds) <= coldWithin, `${done?.seconds} s`);
    });

    test(`what dure dht put stores, ${name} reads; what ${name} stores, dure dht get reads`, async () => {
      const text = `a text for ${name}`;
      const put = await dure(nodes(), "put", text);
      equal(put.status, 0);
      equal((await nodes().getImmutable(2, String(put.said[0]?.target))).value, text);
      const target = await nodes().putImmutable(3, `${text}, back`);
      const got = await dure(nodes(), "get", target);
      deepEqual(got.said, [{ event: "value", target, text: `${text}, back`, seq: null, key: null }]);
    });

    test(`of an item of ${name} dure dht get tells the newest version`, async () => {
      const keys = makeKeys();
      const { publicKey } = keys;
      const salt = Buffer.from("notes").toString("hex");
      const first = await nodes().putMutable(4, { ...keys, salt, value: "first", sequence: 1 });
      const sequence = await nodes().putMutable(4, { ...keys, salt, value: "second", sequence: first + 1 });
      const { status, said } = await dure(nodes(), "get", publicKey, "--salt", "notes");
      equal(status, 0);
      equal(said.length, 1);
      deepEqual(
        { ...said[0], target: "" },
        { event: "value", target: "", text: "second", seq: sequence, key: publicKey },
      );
    });
  }

  test("a signed value is replaced with its key, and other people's nodes give the newer one", async () => {
    const kinds: readonly DhtNodes[] = [...network.nodes.values()];
    const entrance = kinds[0] ?? never("there are two kinds");
    const key = join(processes.scratch, "key");
    const made = await processes.run(
      { label: "dure-keys", command: program, args: ["keys", "new", key, "--json"], work: processes.scratch },
      { within: runWithin },
    );
    const { publicKey } = JSON.parse(made.lines[0] ?? "") as { publicKey: string };
    for (const [sequence, value] of ["old", "new"].entries()) {
      const put = await dure(entrance, "put", value, "--key", key);
      equal(put.status, 0);
      equal(put.said[0]?.seq, sequence + 1);
      for (const nodes of kinds) {
        const found = await nodes.getMutable(5, { publicKey, salt: "" });
        deepEqual(found, { value, sequence: sequence + 1 });
      }
    }
  });

  test("dht status and lookup of a node that just came know the network", async () => {
    const nodes = network.nodes.get("libtorrent") ?? never("it is there");
    const status = await dure(nodes, "status");
    equal(status.status, 0);
    ok(Number(status.said[0]?.nodes) >= count, JSON.stringify(status.said));
    const lookup = await dure(nodes, "lookup", randomHash());
    const addresses = lookup.said.flatMap(({ event, address }) =>
      event === "node" ? [String(address)] : [],
    );
    ok(addresses.length >= count);
    const all = [...network.nodes.values()].flatMap(({ listen }) =>
      listen.map(({ ip, port }) => `${ip}:${port}`),
    );
    ok(addresses.every((address) => all.includes(address)));
  });
});

function never(belief: string): never {
  throw new Error(belief);
}
