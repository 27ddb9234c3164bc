import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { type DureNode, openNode, type TorrentHandle } from "@dure/host-node";
import { eventNamed, makeSample, type RunningProgram, type Sample } from "./clients/index.ts";
import { type LibtorrentOrder, startLibtorrent } from "./clients/libtorrent.ts";
import { openLab } from "./src/lab.ts";

// Peer exchange (BEP 11) with libtorrent between ours, and ours between libtorrents. Nobody has any data, so that nobody
// finishes and leaves; nobody is told of the one it is to find; everybody is on loopback.
const required = process.env.DURE_INTEROP === "required";
const lab = await openLab({ atOnce: 1 });
const within = 30_000;
const nodes: DureNode[] = [];
const programs: RunningProgram[] = [];

after(async () => {
  await Promise.all([...nodes.map((node) => node.close()), ...programs.map((program) => program.stop())]);
});

test("two of ours that know only libtorrent find each other by its ut_pex", async (context) => {
  if (absent(context)) return;
  const sample = sampleOf("theirs");
  const middle = await libtorrent("theirs-middle", sample, { pex: true });
  const [x, y] = [await ours("theirs-x", sample, [middle]), await ours("theirs-y", sample, [middle])];
  await until(() => meets(x, y) || meets(y, x), "ours find each other");
});

test("two libtorrents that know only ours find each other by our ut_pex, and say so", async (context) => {
  if (absent(context)) return;
  const sample = sampleOf("ours");
  const middle = await ours("ours-middle", sample, []);
  const programs = [
    await libtorrentProgram("ours-x", sample, { pex: true, peers: [addressOf(middle)] }),
    await libtorrentProgram("ours-y", sample, { pex: true, peers: [addressOf(middle)] }),
  ];
  const byPex = programs.map(({ program }) =>
    program.until((line) => (pexPeers(line).length > 0 ? true : undefined), {
      within,
      what: "told of a peer by PEX",
    }),
  );
  await Promise.any(byPex); // whoever dials first; the other sees it as incoming
  for (const wait of byPex) wait.catch(() => undefined);
});

test("a private torrent exchanges no peers, whoever stands between, and neither do ours with the switch off", async (context) => {
  if (absent(context)) return;
  const secret = sampleOf("private", { private: true });
  const open = sampleOf("switched-off");
  const middles = [
    await libtorrent("private-middle", secret, { pex: true }),
    await libtorrent("off-middle", open, { pex: true }),
  ] as const;
  const pairs = [
    [await ours("private-x", secret, [middles[0]]), await ours("private-y", secret, [middles[0]])],
    [await ours("off-x", open, [middles[1]], false), await ours("off-y", open, [middles[1]], false)],
  ] as const;
  await until(
    () => pairs.flat().every(({ torrent }) => torrent.peers().length === 1),
    "all know the one between",
  );
  await new Promise((resolve) => setTimeout(resolve, 12_000)); // four times what the first test took, and more
  for (const [x, y] of pairs) if (meets(x, y) || meets(y, x)) throw new Error("they have found each other");
});

interface Ours {
  readonly node: DureNode;
  readonly torrent: TorrentHandle;
}

async function ours(name: string, sample: Sample, peers: readonly string[], pex = true): Promise<Ours> {
  const profile = join(lab.folder, name, "profile");
  const node = await openNode({ profile, port: 0, listen: "127.0.0.1", lsd: false, pex });
  nodes.push(node);
  const torrent = await node.add({ source: sample.torrent, dir: folder(name), peers });
  return { node, torrent };
}

function addressOf({ node }: Ours): string {
  return `127.0.0.1:${node.port}`;
}

function meets(one: Ours, other: Ours): boolean {
  return one.torrent.peers().some(({ address }) => address === addressOf(other));
}

async function libtorrent(name: string, sample: Sample, more: Partial<LibtorrentOrder>): Promise<string> {
  return (await libtorrentProgram(name, sample, more)).address;
}

async function libtorrentProgram(
  name: string,
  sample: Sample,
  more: Partial<LibtorrentOrder>,
): Promise<{ readonly program: RunningProgram; readonly address: string }> {
  const address = `127.0.0.1:${await freePort()}`;
  const plain = { encryption: "off", transport: "tcp" } as const;
  const order = {
    mode: "leech",
    source: sample.torrent,
    dir: folder(name),
    listen: address,
    ...plain,
  } as const;
  const program = startLibtorrent(
    lab.processes,
    { ...order, tellPeers: true, ...more },
    { work: join(lab.folder, name, "work") },
  );
  programs.push(program);
  await program.until(eventNamed("peers"), { within, what: "running" });
  return { program, address };
}

/** Peers that a libtorrent is connected to and knows by peer exchange. */
function pexPeers(line: string): readonly string[] {
  const event = eventNamed("peers")(line) as
    | { readonly peers: readonly { readonly address: string; readonly pex: boolean }[] }
    | undefined;
  return (event?.peers ?? []).filter(({ pex }) => pex).map(({ address }) => address);
}

function sampleOf(name: string, more: { readonly private?: boolean } = {}): Sample {
  const place = join(lab.folder, `sample-${name}`);
  mkdirSync(place);
  return makeSample(place, { name, files: [{ path: "a", bytes: 100_000 }], pieceBytes: 16_384, ...more });
}

function folder(name: string): string {
  const path = join(lab.folder, name, "data");
  mkdirSync(path, { recursive: true });
  return path;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + within;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
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
