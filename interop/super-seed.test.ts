import { deepEqual, ok } from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { type DureNode, openNode, type TorrentHandle } from "@dure/host-node";
import { differences, eventNamed, makeSample, type RunningProgram, type Sample } from "./clients/index.ts";
import { type LibtorrentOrder, startLibtorrent } from "./clients/libtorrent.ts";
import { openLab } from "./src/lab.ts";

// Super-seeding (BEP 16) with libtorrent, each way: two who have nothing, connected to the seed and to each other.
const required = process.env.DURE_INTEROP === "required";
const lab = await openLab({ atOnce: 1 });
const within = 60_000;
const bytes = 2 << 20;
const nodes: DureNode[] = [];
const programs: RunningProgram[] = [];

after(async () => {
  await Promise.all([...nodes.map((node) => node.close()), ...programs.map((program) => program.stop())]);
});

test("two libtorrents finish from our super-seed, which gives them little more than one copy", async (context) => {
  if (absent(context)) return;
  const sample = sampleOf("ours");
  const seed = await ours("ours-seed", { source: sample.torrent, dir: sample.dir, superSeed: true });
  const first = await libtorrent("ours-first", sample, { peers: [addressOf(seed)] });
  const second = await libtorrent("ours-second", sample, { peers: [addressOf(seed), first.address] });
  await Promise.all(
    [first, second].map(({ program }) => program.until(eventNamed("done"), { within, what: "complete" })),
  );
  const copies = seed.torrent.status().uploaded / bytes;
  context.diagnostic(`uploaded × ${copies.toFixed(2)} of the size until both were complete`);
  await Promise.all(programs.splice(0).map((program) => program.stop()));
  for (const { dir } of [first, second]) deepEqual(differences(sample, dir), []);
  ok(copies < 1.5, `× ${copies.toFixed(2)}: from a plain seed each would have had most of a copy`);
});

test("two of ours finish from libtorrent's super-seed", async (context) => {
  if (absent(context)) return;
  const sample = sampleOf("theirs");
  const more = { mode: "seed", dir: sample.dir, assumeComplete: true, superSeed: true } as const;
  const seed = await libtorrent("theirs-seed", sample, more);
  const copy = (name: string) => ({ source: sample.torrent, dir: folder(name) });
  const first = await ours("theirs-first", { ...copy("theirs-first"), peers: [seed.address] });
  const peers = [seed.address, addressOf(first)];
  const second = await ours("theirs-second", { ...copy("theirs-second"), peers });
  const late = setTimeout(() => void Promise.all(nodes.map((node) => node.close())), within);
  await Promise.all([first.torrent.done, second.torrent.done]);
  clearTimeout(late);
  for (const name of ["theirs-first", "theirs-second"]) deepEqual(differences(sample, folder(name)), []);
});

interface Ours {
  readonly node: DureNode;
  readonly torrent: TorrentHandle;
}

async function ours(name: string, add: Parameters<DureNode["add"]>[0]): Promise<Ours> {
  const profile = join(lab.folder, name, "profile");
  const limits = add.superSeed === true ? { upRateMax: 2_000_000 } : {};
  const node = await openNode({
    profile,
    port: 0,
    listen: "127.0.0.1",
    lsd: false,
    pex: false,
    ...limits,
  });
  nodes.push(node);
  return { node, torrent: await node.add(add) };
}

function addressOf({ node }: Ours): string {
  return `127.0.0.1:${node.port}`;
}

async function libtorrent(
  name: string,
  sample: Sample,
  more: Partial<LibtorrentOrder>,
): Promise<{ readonly program: RunningProgram; readonly address: string; readonly dir: string }> {
  const address = `127.0.0.1:${await freePort()}`;
  const dir = folder(name);
  const program = startLibtorrent(
    lab.processes,
    {
      mode: "leech",
      source: sample.torrent,
      dir,
      listen: address,
      encryption: "off",
      transport: "tcp",
      tellPeers: true,
      once: false,
      ...more,
    },
    { work: join(lab.folder, name, "work") },
  );
  programs.push(program);
  await program.until(eventNamed("peers"), { within, what: "running" });
  return { program, address, dir };
}

function sampleOf(name: string): Sample {
  const place = join(lab.folder, `sample-${name}`);
  mkdirSync(place);
  return makeSample(place, { name, files: [{ path: "a", bytes }], pieceBytes: 65_536 });
}

function folder(name: string): string {
  const path = join(lab.folder, name, "data");
  mkdirSync(path, { recursive: true });
  return path;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a listening TCP server has a port");
  return address.port;
}

function absent(context: TestContext): boolean {
  if (lab.versions.libtorrent !== null) return false;
  if (required) throw new Error("libtorrent is absent");
  context.skip("libtorrent is absent");
  return true;
}
