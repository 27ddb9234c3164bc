import { deepEqual, ok } from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { allDhtPrograms, Processes } from "../clients/index.ts";
import { root } from "../src/places.ts";
import { cellsOf, fill, titleOf } from "./cells.ts";
import { type DhtMatrix, dhtKinds, dhtMatrixPath, dhtReadmes, withDhtMatrix } from "./matrix.ts";
import { type ClosedNetwork, eventually, openClosedNetwork, randomHash } from "./network.ts";

// A closed network of all kinds. `DURE_INTEROP=write` writes what it found into matrix.json and the READMEs.
const mode = process.env.DURE_INTEROP;
const nodesOfEachKind = 10;
const coldWithin = 2;
const processes = new Processes();
const programs = allDhtPrograms(processes);
const versions: Record<string, string> = {};
for (const { name, version } of programs) {
  const found = await version();
  if (found !== undefined && name !== "dure") versions[name] = found;
}
const absent = dhtKinds.filter((kind) => kind !== "dure" && versions[kind] === undefined);
const why = absent.length > 0 ? `not installed: ${absent.join(", ")}` : undefined;
const cells: Record<string, "passed" | "failed"> = {};

test("the foreign DHT programs are installed", { skip: mode === "required" ? false : (why ?? false) }, () => {
  if (why !== undefined) throw new Error(why);
});

suite("a mixed network of thirty nodes", { skip: why ?? false, concurrency: 3 }, () => {
  let network: ClosedNetwork;
  before(async () => {
    const work = join(processes.scratch, "mixed");
    network = await openClosedNetwork(programs, { count: nodesOfEachKind, work });
  });
  after(() => network.stop());
  for (const cell of cellsOf(dhtKinds)) {
    const title = titleOf(cell);
    cells[title] = "failed";
    test(title, async () => {
      await fill(network, cell);
      cells[title] = "passed";
    });
  }
  // Last: each leaves a dead node in everybody's tables, which costs libtorrent's lookups 15 seconds.
  for (const [index, kind] of dhtKinds.entries()) {
    test(`a new node that knows one of ${kind} alone finds peers within two seconds`, async () => {
      await coldStart(network, kind, join(processes.scratch, `cold-${index}`));
    });
  }
});

test("the committed matrix is what this run found, and the READMEs show it", { skip: why ?? false }, () => {
  const found: DhtMatrix = { versions, nodesOfEachKind, cells };
  if (mode === "write") write(found);
  const committed = JSON.parse(readFileSync(dhtMatrixPath, "utf8")) as DhtMatrix;
  deepEqual(found.cells, committed.cells);
  for (const [name, words] of Object.entries(dhtReadmes)) {
    if (!existsSync(join(root, name))) continue;
    const text = readFileSync(join(root, name), "utf8");
    const shown = withDhtMatrix(text, committed, words);
    if (shown !== undefined)
      deepEqual(unaligned(text), unaligned(shown), `${name}: DURE_INTEROP=write writes it`);
  }
});

async function coldStart(network: ClosedNetwork, kind: string, work: string): Promise<void> {
  const nodes = network.nodes.get(kind) ?? never(`there are nodes of ${kind}`);
  const infoHash = randomHash();
  const peer = `${nodes.listen[0]?.ip}:${await nodes.announce(0, infoHash, 4_711)}`;
  await eventually(() => nodes.peers(1, infoHash), {
    until: (peers) => peers.includes(peer),
    within: 40_000,
  });
  const program = programs.find(({ name }) => name === "dure") ?? never("we are one of the kinds");
  const listen = [{ ip: nodes.listen[0]?.ip.replace(/1$/, "2") ?? never("it has an address"), port: 6881 }];
  const fresh = await program.start({ listen, work, settings: { bootstrap: nodes.listen.slice(0, 1) } });
  try {
    const startedAt = performance.now();
    deepEqual(await fresh.peers(0, infoHash), [peer]);
    const seconds = (performance.now() - startedAt) / 1000;
    ok(seconds <= coldWithin, `it took ${seconds.toFixed(2)} s`);
  } finally {
    await fresh.stop();
  }
}

function never(belief: string): never {
  throw new Error(belief);
}

function write(found: DhtMatrix): void {
  writeFileSync(dhtMatrixPath, `${JSON.stringify(found, null, 2)}\n`);
  for (const [name, words] of Object.entries(dhtReadmes)) {
    const path = join(root, name);
    const text = existsSync(path) ? withDhtMatrix(readFileSync(path, "utf8"), found, words) : undefined;
    if (text !== undefined) writeFileSync(path, text);
  }
}

/** A formatter may have moved the borders of the table. */
function unaligned(text: string): string {
  return text.replaceAll(/ {2,}/g, " ").replaceAll(/ ?:?-+:? ?\|/g, "-|");
}
