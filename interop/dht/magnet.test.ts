import { deepEqual } from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import {
  allClients,
  bittorrentDht,
  type Client,
  differences,
  type Endpoint,
  libtorrentDht,
  makeSample,
  Processes,
} from "../clients/index.ts";
import { type ClosedNetwork, openClosedNetwork } from "./network.ts";

// Whole transfers of magnet links that name nobody: seeder and leecher meet in a closed DHT of other people's nodes. The pair
// without Dure shows that the network itself works.
const required = process.env.DURE_INTEROP === "required";
const processes = new Processes();
const nodePrograms = [libtorrentDht(processes), bittorrentDht(processes)];
const clients = new Map(allClients(processes).map((client) => [client.name, client]));
// Not to WebTorrent: it asks the DHT once at its start and again after a quarter of an hour, so who announces later is not met.
const pairs = [
  ["libtorrent", "dure"],
  ["dure", "libtorrent"],
  ["webtorrent", "dure"],
  ["dure", "aria2"],
  ["dure", "dure"],
  ["libtorrent", "libtorrent"],
] as const;
const doneWithin = 60_000;

const absent: string[] = [];
for (const program of [...nodePrograms, ...new Set(pairs.flat().map(client))]) {
  if ((await program.version()) === undefined) absent.push(program.name);
}
const why = absent.length > 0 ? `not installed: ${absent.join(", ")}` : undefined;

suite("a magnet link without a tracker", { skip: required ? false : (why ?? false), concurrency: 2 }, () => {
  let network: ClosedNetwork;
  before(async () => {
    network = await openClosedNetwork(nodePrograms, { count: 8, work: join(processes.scratch, "nodes") });
  });
  after(() => network.stop());

  for (const [index, [seeder, leecher]] of pairs.entries()) {
    test(`${seeder} → ${leecher}`, () => transfer(client(seeder), client(leecher), index));
  }

  async function transfer(seeder: Client, leecher: Client, index: number): Promise<void> {
    const folder = join(processes.scratch, `magnet-${index}`);
    mkdirSync(folder, { recursive: true });
    const files = [{ path: "", bytes: 1_000_000 + index }];
    const sample = makeSample(folder, { name: `sample-${index}`, files, pieceBytes: 16_384 });
    const dht = [...network.nodes.values()].flatMap(({ listen }) => listen.slice(0, 2));
    const dir = join(folder, "got");
    mkdirSync(dir);
    const seeding = await seeder.seed({
      torrent: sample.torrent,
      dir: sample.dir,
      listen: place(index, 1),
      work: join(folder, "s"),
      dht,
    });
    try {
      const job = { source: sample.magnet, dir, listen: place(index, 2), work: join(folder, "l") };
      const leeching = await leecher.leech({ ...job, dht, doneWithin });
      try {
        await leeching.done;
      } finally {
        await leeching.stop();
      }
    } finally {
      await seeding.stop();
    }
    deepEqual(differences(sample, dir), []);
  }
});

/** Programs that heed no address share 0.0.0.0, so the ports differ too. */
function place(index: number, side: 1 | 2): Endpoint {
  return { ip: `127.${(process.pid % 250) + 1}.${200 + index}.${side}`, port: 7_300 + 2 * index + side };
}

function client(name: string): Client {
  const found = clients.get(name);
  if (found === undefined) throw new Error(`no client called ${name}`);
  return found;
}
