import { deepEqual, equal, ok } from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { Prng } from "../packages/base/src/index.ts";

// Torrents of BitTorrent v2 alone and hybrids move between Dure and libtorrent, and from Dure to Dure: files longer and
// shorter than a piece, an empty one, and one that ends with its piece.
const python = "/usr/bin/python3";
const peer = join(import.meta.dirname, "clients/libtorrent-peer.py");
const dure = join(import.meta.dirname, "../bin/dure");
const absent = spawnSync(python, ["-c", "import libtorrent"]).status !== 0;
const required = process.env.DURE_INTEROP === "required";
const folder = mkdtempSync(join(tmpdir(), "dure-interop-v2-"));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
const limit = { timeout: 120_000 };

const content: Readonly<Record<string, number>> = {
  "album/a": 5,
  "album/b.bin": 1_500_000,
  "album/c/whole": 65_536,
  "album/c/one over": 65_537,
  "album/empty": 0,
  "album/z.bin": 40_000,
};
for (const [path, bytes] of Object.entries(content)) {
  mkdirSync(dirname(join(folder, "seed", path)), { recursive: true });
  writeFileSync(join(folder, "seed", path), new Prng(bytes, path).bytes(bytes));
}

interface Program {
  /** The first event of this name. */
  readonly hear: (event: string) => Promise<Record<string, unknown>>;
  readonly end: () => Promise<void>;
}

function start(command: string, args: readonly string[], profile: string): Program {
  const env = { ...process.env, DURE_PROFILE: join(folder, profile) };
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env });
  running.add(child);
  const heard: Record<string, unknown>[] = [];
  let look = () => {};
  const ended = new Promise<void>((done) => child.once("exit", () => done(look())));
  createInterface({ input: child.stdout }).on("line", (line) => {
    heard.push(JSON.parse(line));
    look();
  });
  const hear = (event: string) =>
    new Promise<Record<string, unknown>>((done, fail) => {
      look = () => {
        const found = heard.find((one) => one.event === event);
        if (found !== undefined) done(found);
        else if (child.exitCode !== null) fail(new Error(`${command} ended without "${event}"`));
      };
      look();
    });
  const end = async () => {
    child.kill("SIGTERM");
    await ended;
    running.delete(child);
  };
  return { hear, end };
}

const alone = [
  "--no-dht",
  "--no-lsd",
  "--no-pex",
  "--no-port-mapping",
  "--listen",
  "127.0.0.1",
  "--port",
  "0",
];

function create(format: string): string {
  const torrent = join(folder, `${format}.torrent`);
  const args = ["create", join(folder, "seed/album"), "--format", format, "--piece-size", "64KiB"];
  const { status, stderr } = spawnSync(dure, [...args, "--out", torrent, "--force", "--quiet"], {
    encoding: "utf8",
    env: { ...process.env, DURE_PROFILE: join(folder, "profile") },
  });
  equal(status, 0, stderr);
  return torrent;
}

function libtorrent(mode: "seed" | "leech", torrent: string, dir: string, port: unknown): Program {
  const order = { mode, source: torrent, dir, listen: "127.0.0.1:0", encryption: "off", transport: "tcp" };
  const more = { assumeComplete: false, once: false, peers: [`127.0.0.1:${port}`] };
  return start(python, [peer, JSON.stringify({ ...order, ...more })], "none");
}

function isWhole(dir: string): void {
  for (const path of Object.keys(content)) {
    ok(readFileSync(join(dir, path)).equals(readFileSync(join(folder, "seed", path))), path);
  }
}

for (const format of ["v2", "hybrid"]) {
  test(`a ${format} torrent moves from libtorrent to Dure`, limit, async (context) => {
    if (absent && !required) return context.skip("libtorrent absent");
    const torrent = create(format);
    const dir = join(folder, `${format}-from-libtorrent`);
    const get = start(dure, ["get", torrent, "--dir", dir, "--json", ...alone], `${format}-get`);
    const seed = libtorrent("seed", torrent, join(folder, "seed"), (await get.hear("start")).port);
    await get.hear("done");
    isWhole(dir);
    await get.end();
    await seed.end();
  });

  test(`a ${format} torrent moves from Dure to libtorrent`, limit, async (context) => {
    if (absent && !required) return context.skip("libtorrent absent");
    const torrent = create(format);
    const args = ["seed", torrent, "--dir", join(folder, "seed"), "--json", ...alone];
    const seed = start(dure, args, `${format}-seed`);
    await seed.hear("done");
    const dir = join(folder, `${format}-to-libtorrent`);
    const leech = libtorrent("leech", torrent, dir, (await seed.hear("start")).port);
    await leech.hear("done");
    await leech.end();
    isWhole(dir);
    await seed.end();
  });
}

test("a torrent that is v2 alone moves from Dure to Dure, and on after a restart", limit, async () => {
  const torrent = create("v2");
  const args = ["seed", torrent, "--dir", join(folder, "seed"), "--json", ...alone];
  const seed = start(dure, args, "both-seed");
  const { port, infoHash } = await seed.hear("start");
  const dir = join(folder, "both");
  const get = ["get", torrent, "--dir", dir, "--json", "--once", ...alone, "--peer", `127.0.0.1:${port}`];
  const first = start(dure, get, "both-get");
  deepEqual([(await first.hear("done")).infoHash, String(infoHash).length], [infoHash, 40]);
  isWhole(dir);
  await first.end();
  await seed.end();
  const again = start(dure, ["seed", torrent, "--dir", dir, "--json", ...alone], "both-get");
  await again.hear("done");
  await again.end();
});
