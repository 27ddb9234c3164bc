import { deepEqual, equal } from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { openNode } from "@dure/host-node";
import { buildInfo, encodeTorrent } from "@dure/protocol";

const run = promisify(execFile);
const pieceBytes = 65_536;

/** A seed of one random file on this machine; its torrent lies beside it. */
async function seed() {
  const folder = await mkdtemp(join(tmpdir(), "dure-example-"));
  const data = randomBytes(3_000_000);
  const digests: Buffer[] = [];
  for (let at = 0; at < data.length; at += pieceBytes) {
    digests.push(
      createHash("sha1")
        .update(data.subarray(at, at + pieceBytes))
        .digest(),
    );
  }
  const content = { type: "file", bytes: data.length } as const;
  const pieces = Buffer.concat(digests);
  const infoBytes = buildInfo({
    name: "film.mkv",
    content,
    pieceBytes,
    pieces,
    private: false,
    source: null,
  });
  const torrent = join(folder, "film.torrent");
  const nothing = { trackers: [], webSeeds: [], comment: null, createdBy: null, createdAt: null };
  await mkdir(join(folder, "seed"));
  await mkdir(join(folder, "to"));
  await writeFile(join(folder, "seed", "film.mkv"), data);
  await writeFile(torrent, encodeTorrent({ infoBytes, ...nothing }));
  const node = await openNode({ profile: join(folder, "profile"), port: 0 });
  const handle = await node.add({ source: torrent, dir: join(folder, "seed") });
  const end = async () => {
    await node.close();
    await rm(folder, { recursive: true });
  };
  return { folder, data, torrent, infoHash: handle.infoHash, peer: `127.0.0.1:${node.port}`, end };
}

test("twenty lines download a torrent", async () => {
  const { folder, data, torrent, peer, end } = await seed();
  const env = { ...process.env, DURE_PROFILE: join(folder, "other") };
  const { stdout } = await run(
    process.execPath,
    ["examples/download.ts", torrent, join(folder, "to"), peer],
    { env, timeout: 30_000 },
  );
  equal(stdout.includes("film.mkv is complete"), true, stdout);
  deepEqual(await readFile(join(folder, "to", "film.mkv")), data);
  await end();
});

test("a file streams in order while it downloads, from a magnet link", async () => {
  const { folder, data, infoHash, peer, end } = await seed();
  const args = ["examples/stream.ts", `magnet:?xt=urn:btih:${infoHash}`, join(folder, "to"), peer];
  const { stdout } = await run(process.execPath, args, {
    encoding: "buffer",
    maxBuffer: 8_000_000,
    timeout: 30_000,
  });
  deepEqual(stdout, data);
  await end();
});
