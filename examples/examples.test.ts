import { deepEqual, equal } from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { openNode } from "@dure/host-node";
import { buildInfo, encodeTorrent } from "@dure/protocol";

const run = promisify(execFile);

// The examples import the package as its users do: built. `npm ci` builds it; a checkout at work may have lost it.
before(async () => {
  if (!existsSync("dist/index.js")) await run(process.execPath, ["scripts/build.ts"]);
});

const pieceBytes = 65_536;

/** A seed of one random file on this machine; its torrent lies beside it. */
async function seed(t: TestContext) {
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
  t.after(async () => {
    await node.close();
    await rm(folder, { recursive: true });
  });
  return { folder, data, torrent, infoHash: handle.infoHash, peer: `127.0.0.1:${node.port}` };
}

test("twenty lines download a torrent", async (t) => {
  const { folder, data, torrent, peer } = await seed(t);
  const env = { ...process.env, DURE_PROFILE: join(folder, "other") };
  const { stdout } = await run(
    process.execPath,
    ["examples/download.ts", torrent, join(folder, "to"), peer],
    { env, timeout: 30_000 },
  );
  equal(stdout.includes("film.mkv is complete"), true, stdout);
  deepEqual(await readFile(join(folder, "to", "film.mkv")), data);
});

test("a file streams in order while it downloads, from a magnet link", async (t) => {
  const { folder, data, infoHash, peer } = await seed(t);
  const args = ["examples/stream.ts", `magnet:?xt=urn:btih:${infoHash}`, join(folder, "to"), peer];
  const { stdout } = await run(process.execPath, args, {
    encoding: "buffer",
    maxBuffer: 8_000_000,
    timeout: 30_000,
  });
  deepEqual(stdout, data);
});
