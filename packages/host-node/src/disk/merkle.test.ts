import { deepEqual, equal } from "node:assert/strict";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hex, Prng } from "@dure/base";
import { pieceState, type StoreSpec } from "@dure/carrier";
import { DiskRunner } from "@dure/carrier/contract";
import { fileRoot, leavesOf, pieceRoot, smallFileRoot } from "@dure/protocol";
import { temporary } from "../testing/temporary.ts";
import { DiskWorkers } from "./index.ts";
import { MerkleHash } from "./piece-hash.ts";

const kib = 1024;
const pieceBytes = 64 * kib;
const { good, bad, missing } = pieceState;

test("a tree over blocks is the same, in whatever portions the bytes come", () => {
  const prng = new Prng(5, "portions");
  for (let run = 0; run < 200; run += 1) {
    const bytes = prng.bytes(prng.between(1, pieceBytes));
    const hash = new MerkleHash(4);
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(prng.between(1, 40 * kib), bytes.length - at);
      hash.update(bytes.subarray(at, at + count));
      at += count;
    }
    equal(hex(hash.digest()), hex(pieceRoot(leavesOf(bytes), pieceBytes)));
  }
});

/** A file of two and a half pieces, one of two blocks, one of three bytes; each begins a piece (BEP 52). */
async function v2Store(body: (story: Story) => Promise<void>): Promise<void> {
  const { folder, remove } = temporary();
  const root = join(folder, "downloads");
  mkdirSync(root);
  const sizes = [150 * kib, 32 * kib, 3];
  const content = new Uint8Array(5 * pieceBytes);
  const digests = new Uint8Array(5 * 32);
  const files: StoreSpec["files"][number][] = [];
  let piece = 0;
  for (const [index, bytes] of sizes.entries()) {
    const offset = piece * pieceBytes;
    const data = new Prng(index, "file").bytes(bytes);
    content.set(data, offset);
    const plain = { pad: false, executable: false };
    files.push({ ...plain, path: [`f${index}`], bytes, offset });
    const pad = Math.ceil(bytes / pieceBytes) * pieceBytes - bytes;
    files.push({ ...plain, path: [".pad", `${pad}`], bytes: pad, offset: offset + bytes, pad: true });
    for (let at = 0; at < bytes; at += pieceBytes) {
      const leaves = leavesOf(data.subarray(at, at + pieceBytes));
      digests.set(bytes > pieceBytes ? pieceRoot(leaves, pieceBytes) : smallFileRoot(leaves), 32 * piece);
      piece += 1;
    }
  }
  const shared = new SharedArrayBuffer(content.length);
  const pool = new Uint8Array(shared);
  pool.set(content);
  const runner = new DiskRunner((jobs) => disk.submit(jobs));
  const onResults = runner.hear.bind(runner);
  const disk = new DiskWorkers({ pool: shared, workers: 1, filesOpenMax: 8, onResults });
  const spec = { root, files, pieceBytes, totalBytes: content.length, digests, hash: "merkle" } as const;
  try {
    await runner.run([{ type: "open", store: 1, spec }]);
    await body({ root, pool, content, run: (jobs) => runner.run(jobs) });
  } finally {
    await disk.close();
    remove();
  }
}

interface Story {
  readonly root: string;
  readonly pool: Uint8Array;
  readonly content: Uint8Array;
  readonly run: DiskRunner["run"];
}

const write = (piece: number, begin: number, length: number) =>
  ({ type: "write", store: 1, piece, begin, length, memory: piece * pieceBytes + begin }) as const;
const verify = (piece: number, blocks = false) => ({ type: "verify", store: 1, piece, blocks }) as const;
const check = { type: "check", store: 1, first: 0, count: 5 } as const;

async function verdicts(run: Story["run"], blocks: boolean): Promise<(boolean | undefined)[]> {
  const results = await run([0, 1, 2, 3, 4].map((piece) => verify(piece, blocks)));
  return results.map((result) => (result.type === "verified" ? result.good : undefined));
}

test("pieces of a v2 torrent are right by the trees over their blocks; what pads carry does not count", async () => {
  await v2Store(async ({ root, pool, run, content }) => {
    pool.fill(0xee, 32 * kib + 3 * pieceBytes, 4 * pieceBytes); // what a peer may send for a pad
    for (let piece = 0; piece < 5; piece += 1) await run([write(piece, 0, pieceBytes)]);
    deepEqual(await verdicts(run, false), Array(5).fill(true));
    deepEqual(await verdicts(run, true), Array(5).fill(true));
    deepEqual(new Uint8Array(readFileSync(join(root, "f0"))), content.slice(0, 150 * kib));
    equal(readFileSync(join(root, "f2")).length, 3);
    const [checked] = await run([check]);
    deepEqual(checked?.type === "checked" && [...checked.states], Array(5).fill(good));
  });
});

test("blocks in any order, and without their pads, make the same verdict", async () => {
  await v2Store(async ({ run }) => {
    for (const begin of [48 * kib, 16 * kib, 0, 32 * kib]) await run([write(0, begin, 16 * kib)]);
    await run([write(1, 0, pieceBytes), write(2, 0, 16 * kib), write(2, 16 * kib, 6 * kib)]);
    await run([write(3, 16 * kib, 16 * kib), write(3, 0, 16 * kib), write(4, 0, 3)]);
    deepEqual(await verdicts(run, false), Array(5).fill(true));
  });
});

test("a check tells wrong from missing: a changed byte, a file cut short, a hole", async () => {
  await v2Store(async ({ root, content, run }) => {
    const large = content.slice(0, 150 * kib);
    large[70 * kib] = (large[70 * kib] ?? 0) ^ 1;
    writeFileSync(join(root, "f0"), large);
    truncateSync(join(root, "f0"), 149 * kib);
    writeFileSync(join(root, "f1"), "");
    truncateSync(join(root, "f1"), 32 * kib);
    const [checked] = await run([check]);
    deepEqual(checked?.type === "checked" && [...checked.states], [good, bad, missing, missing, missing]);
  });
});

test("the layers that the digests come from lead to the file's root", () => {
  const data = new Prng(0, "file").bytes(150 * kib);
  const layer = new Uint8Array(3 * 32);
  for (let piece = 0; piece < 3; piece += 1) {
    const part = data.subarray(piece * pieceBytes, (piece + 1) * pieceBytes);
    layer.set(new MerkleHash(4).update(part).digest(), piece * 32);
  }
  equal(hex(fileRoot(layer, pieceBytes)), hex(smallFileRoot(leavesOf(data))));
});
