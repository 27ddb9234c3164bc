import { equal, match, ok } from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { openNode } from "@dure/host-node";
import { noise } from "@dure/host-node/testing";
import { runCli } from "../testing/run-cli.ts";
import { DureProcess } from "./testing/dure-process.ts";

const limit = { timeout: 120_000 };
const pieceBytes = 16 * 1024;
const kept = noise("kept", 600_000);
const one = { "songs/first": noise("first, as it was", 200_000), "songs/second": kept };
const two = { "songs/first": noise("first, mended", 150_000), "songs/second": kept };
type Tree = Readonly<Record<string, Buffer>>;

/** A closed DHT that a node of this process lets others into, and the program as publisher and follower. */
async function world(context: TestContext) {
  const memory = "/dev/shm";
  const folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), "dure-e2e-"));
  const processes: DureProcess[] = [];
  const entrance = await openNode({
    profile: join(folder, "entrance"),
    port: 0,
    listen: "127.0.0.1",
    lsd: false,
    dht: { bootstrap: [] },
  });
  context.after(async () => {
    for (const process of processes) await process[Symbol.asyncDispose]();
    await entrance.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const run = (...args: readonly string[]): DureProcess => {
    const network = ["--port", "0", "--listen", "127.0.0.1", "--no-lsd", "--no-pex"];
    const process = new DureProcess([...args, ...network, "--dht-bootstrap", `127.0.0.1:${entrance.port}`]);
    processes.push(process);
    return process;
  };
  const torrentOf = async (name: string, root: string, tree: Tree): Promise<string> => {
    for (const [path, bytes] of Object.entries(tree)) {
      const file = join(folder, name, root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    }
    const torrent = join(folder, `${name}.torrent`);
    const args = [
      "create",
      join(folder, name, root),
      "--out",
      torrent,
      "--piece-size",
      "16KiB",
      "--format",
      "v1",
      "-q",
    ];
    equal((await runCli(args)).status, 0);
    return torrent;
  };
  const key = join(folder, "album.key");
  equal((await runCli(["keys", "new", key])).status, 0);
  const publish = (name: string, ...more: string[]) =>
    run(
      ...["publish", join(folder, `${name}.torrent`), "--key", key, "--dir", join(folder, name)],
      ...["--profile", join(folder, "publisher"), ...more],
    );
  const got = join(folder, "got");
  const follow = (publisher: string, ...more: string[]) =>
    run(
      ...["follow", publisher, "--dir", got, "--profile", join(folder, "follower"), "--every", "10"],
      ...more,
    );
  const same = (root: string, tree: Tree) =>
    Object.entries(tree).every(([path, bytes]) => readFileSync(join(got, root, path)).equals(bytes));
  return { torrentOf, publish, follow, same, got };
}

test(
  "a follower gets version 1, then of version 2 only what changed; after a restart it goes on from there, never back",
  limit,
  async (context) => {
    const { torrentOf, publish, follow, same, got } = await world(context);
    await torrentOf("one", "album", one);
    await torrentOf("two", "album", two);
    const first = publish("one", "--salt", "records");
    const { magnet, seq } = await first.hear("stored");
    equal(seq, 1);
    match(String(magnet), /^magnet:\?xs=urn:btpk:[0-9a-f]{64}&s=7265636f726473$/);

    const follower = follow(String(magnet));
    equal((await follower.hear("version")).seq, 1);
    equal((await follower.hear("done")).downloaded, 800_000);
    ok(same("album", one));
    equal((await first.end("SIGTERM")).status, 0);

    writeFileSync(join(got, "album/notes"), "mine");
    const second = publish("two", "--salt", "records");
    equal((await second.hear("stored")).seq, 2);
    const { infoHash } = await follower.hear("version", (said) => said.seq === 2);
    const done = await follower.hear("done", (said) => said.infoHash === infoHash);
    ok(same("album", two));
    equal(readFileSync(join(got, "album/notes"), "utf8"), "mine");
    context.diagnostic(`${done.downloaded} bytes fetched of ${done.bytes}, as 150000 changed`);
    ok(Number(done.downloaded) <= 150_000 + 2 * pieceBytes, `${done.downloaded} bytes`);
    equal((await follower.end("SIGINT")).status, 0);
    equal(follower.stderr, "");

    const again = follow(String(magnet), "--once");
    equal((await again.hear("version")).seq, 2);
    equal((await again.hear("done")).downloaded, 0);
    equal((await again.ended).status, 0, again.stderr);
    equal(again.said.filter(({ event }) => event === "version").length, 1);
  },
);

test("under another name of the folder the follower copies what stayed the same", limit, async (context) => {
  const { torrentOf, publish, follow, same } = await world(context);
  await torrentOf("one", "album 1", one);
  await torrentOf("two", "album 2", two);
  const first = publish("one");
  const { key } = await first.hear("stored");
  const follower = follow(String(key), "--once");
  equal((await follower.ended).status, 0);
  await first.end("SIGTERM");
  const second = publish("two");
  equal((await second.hear("stored")).seq, 2);
  const next = follow(String(key));
  const { infoHash } = await next.hear("version", (said) => said.seq === 2);
  const done = await next.hear("done", (said) => said.infoHash === infoHash);
  ok(same("album 1", one) && same("album 2", two));
  ok(Number(done.downloaded) <= 150_000 + 2 * pieceBytes, `${done.downloaded} bytes`);
});
