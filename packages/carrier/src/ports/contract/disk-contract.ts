import assert, { deepEqual, equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import process from "node:process";
import { test } from "node:test";
import { Prng } from "@dure/base";
import { pieceState } from "../disk.ts";
import { type DiskJobBody, storeOf, type TestFile } from "./disk-runner.ts";
import { type DiskUnderTest, Story } from "./disk-story.ts";

export type DiskFactory = (options: { poolBytes: number }) => Promise<DiskUnderTest>;

const kib = 1024;
const block = 16 * kib;
const poolBytes = 1024 * kib;

/** What every host's disk must do (`ports/disk.ts`). Registers its tests under the host's name. */
export function diskContract(host: string, make: DiskFactory): void {
  const claim = (name: string, body: (story: Story) => Promise<void>) =>
    test(`${host} disk: ${name}`, async () => {
      const disk = await make({ poolBytes });
      try {
        await body(new Story(disk));
      } finally {
        await disk.close();
      }
    });

  claim("opening and probing a store touches nothing", async (story) => {
    await story.open(threeFiles);
    deepEqual(await story.one({ type: "probe", store: 1 }), {
      type: "probed",
      sizes: [null, null, null, null],
    });
    equal(story.disk.get("album/one.bin"), undefined);
  });

  claim("a torrent written run by run lies in its files, and each piece is right", async (story) => {
    await story.open(threeFiles);
    for (let piece = 0; piece < story.piecesCount; piece += 1) {
      await story.writePiece(piece, [block, block]);
      equal(await story.verify(piece), true);
    }
    deepEqual(await story.one({ type: "sync", store: 1 }), { type: "done" });
    for (const index of [0, 3]) {
      const { path } = story.file(index);
      deepEqual(story.disk.get(path), new Uint8Array(story.store.fileContent(index)));
    }
  });

  claim("pads are hashed as zeros, whatever came for them, and never stored", async (story) => {
    await story.open([
      { path: "a", bytes: 20 * kib },
      { path: ".pad/12288", bytes: 12 * kib, pad: true },
      { path: "b", bytes: 32 * kib },
    ]);
    story.disk.pool.fill(0xff, 0, 32 * kib);
    story.disk.pool.set(story.store.content.subarray(0, 20 * kib), 0);
    await story.write({ piece: 0, begin: 0, length: 32 * kib, memory: 0 });
    equal(await story.verify(0), true);
    equal(story.disk.get(".pad/12288"), undefined);
    equal(story.disk.get("a")?.length, 20 * kib);
    story.disk.pool.fill(0xff, 0, 32 * kib);
    await story.done({
      type: "read",
      store: 1,
      blocks: [{ piece: 0, begin: block, length: block, memory: 0 }],
    });
    deepEqual(story.pool(0, block), story.content(block, block));
  });

  claim("a pad that nobody sends does not stop the piece", async (story) => {
    await story.open([
      { path: "a", bytes: 16 * kib },
      { path: ".pad/8192", bytes: 8 * kib, pad: true },
      { path: "b", bytes: 8 * kib },
      { path: ".pad/2", bytes: 16 * kib, pad: true },
      { path: "c", bytes: 16 * kib },
    ]);
    await story.writeRange(0, 0, 16 * kib);
    await story.writeRange(0, 24 * kib, 8 * kib);
    equal(await story.verify(0), true);
    await story.writeRange(1, 16 * kib, 16 * kib);
    equal(await story.verify(1), true);
  });

  claim(
    "blocks in any order, and those from before a restart, are read back for the verdict",
    async (story) => {
      await story.open([{ path: "a", bytes: 64 * kib }], 64 * kib);
      await story.writeRange(0, 2 * block, block);
      await story.writeRange(0, 0, block);
      await story.done({ type: "close", store: 1 });
      await story.reopen();
      await story.writeRange(0, 3 * block, block);
      await story.writeRange(0, block, block);
      equal(await story.verify(0), true);
    },
  );

  claim("a wrong block is shown by its digest, and the piece is right once it is replaced", async (story) => {
    await story.open([{ path: "a", bytes: 72 * kib }], 72 * kib);
    await story.writePiece(0, [block, block, block, block, 8 * kib]);
    const wrong = Buffer.alloc(block, 1);
    story.disk.pool.set(wrong, 0);
    await story.write({ piece: 0, begin: block, length: block, memory: 0 });
    const verdict = await story.one({ type: "verify", store: 1, piece: 0, blocks: true });
    assert(verdict.type === "verified" && verdict.blocks !== null && !verdict.good);
    const digests = [0, 1, 2, 3, 4].map((index) =>
      sha1(index === 1 ? wrong : story.content(index * block, index === 4 ? 8 * kib : block)),
    );
    deepEqual(Buffer.from(verdict.blocks), Buffer.concat(digests));
    await story.writeRange(0, block, block);
    equal(await story.verify(0), true);
  });

  claim("a verdict is about what was stored last, not about what was hashed first", async (story) => {
    await story.open([{ path: "a", bytes: 32 * kib }]);
    await story.writePiece(0, [block, block]);
    await story.write({ piece: 0, begin: 0, length: block, memory: 512 * kib });
    equal(await story.verify(0), false);
    await story.writePiece(0, [block, block]);
    equal(await story.verify(0), true);
  });

  claim("jobs of one piece given at once are done in order", async (story) => {
    await story.open([{ path: "a", bytes: 32 * kib }]);
    story.disk.pool.set(story.content(0, 32 * kib), 0);
    story.disk.pool.fill(7, 32 * kib, 64 * kib);
    const write = (memory: number): DiskJobBody => ({
      type: "write",
      store: 1,
      piece: 0,
      begin: 0,
      length: 32 * kib,
      memory,
    });
    const verify: DiskJobBody = { type: "verify", store: 1, piece: 0, blocks: false };
    const check: DiskJobBody = { type: "check", store: 1, first: 0, count: 1 };
    const results = await story.disk.run([
      write(0),
      verify,
      check,
      write(32 * kib),
      verify,
      check,
      write(0),
      verify,
      check,
    ]);
    const said = results.map((result) =>
      result.type === "verified" ? result.good : result.type === "checked" ? result.states[0] : result.type,
    );
    const { good, bad } = pieceState;
    deepEqual(said, ["done", true, good, "done", false, bad, "done", true, good]);
  });

  claim("a forgotten piece is read back", async (story) => {
    await story.open([{ path: "a", bytes: 32 * kib }]);
    await story.writeRange(0, 0, block);
    await story.done({ type: "forget", store: 1, piece: 0 });
    await story.writeRange(0, block, block);
    equal(await story.verify(0), true);
  });

  claim("blocks are read to where they are wanted, over file borders", async (story) => {
    await story.open(threeFiles);
    story.putAll();
    const wanted = [3, 0, 2, 1].map((index, slot) => ({
      piece: Math.floor(index / 2),
      begin: (index % 2) * block,
      length: block,
      memory: slot * block,
    }));
    await story.done({ type: "read", store: 1, blocks: wanted });
    for (const { piece, begin, length, memory } of wanted) {
      deepEqual(story.pool(memory, length), story.content(piece * 32 * kib + begin, length));
    }
  });

  claim("reading what is not there is a fault with its path", async (story) => {
    await story.open(threeFiles);
    const read: DiskJobBody = {
      type: "read",
      store: 1,
      blocks: [{ piece: 0, begin: 0, length: block, memory: 0 }],
    };
    equal(await story.fault(read), "missing");
    story.disk.put("album/one.bin", story.content(0, block - 1));
    const result = await story.one(read);
    assert(result.type === "failed" && result.fault === "missing" && result.path.endsWith("one.bin"));
  });

  claim("a check tells right, wrong and absent pieces apart; a hole is absent", async (story) => {
    await story.open([
      { path: "a", bytes: 96 * kib },
      { path: "b", bytes: 32 * kib },
      { path: "c", bytes: 40 * kib },
    ]);
    const a = Buffer.from(story.content(0, 96 * kib));
    a[33 * kib] = (a[33 * kib] ?? 0) ^ 1;
    a.fill(0, 64 * kib);
    story.disk.put("a", a);
    story.disk.put("c", story.content(128 * kib, 39 * kib)); // its last piece is cut short
    const { missing, bad, good } = pieceState;
    deepEqual(await story.check(0, 6), [good, bad, missing, missing, good, missing]);
    deepEqual(await story.check(1, 2), [bad, missing]);
    deepEqual(await story.check(2, 0), []);
  });

  claim("a piece of zeros is right when zeros are what it should be", async (story) => {
    await story.open([{ path: "a", bytes: 32 * kib }]);
    story.store.content.fill(0);
    story.store.spec.digests.set(sha1(new Uint8Array(32 * kib)));
    await story.reopen();
    story.disk.put("a", new Uint8Array(32 * kib));
    deepEqual(await story.check(0, 1), [pieceState.good]);
  });

  claim("a longer file keeps its tail and its length is told", async (story) => {
    await story.open([{ path: "a", bytes: 32 * kib }]);
    story.disk.put("a", Buffer.concat([Buffer.alloc(32 * kib, 9), Buffer.from("tail")]));
    deepEqual(await story.one({ type: "probe", store: 1 }), { type: "probed", sizes: [32 * kib + 4] });
    await story.writePiece(0, [32 * kib]);
    deepEqual(
      Buffer.from(story.disk.get("a") ?? []),
      Buffer.concat([story.content(0, 32 * kib), Buffer.from("tail")]),
    );
  });

  claim("files are made with their folders when asked for, and existing ones left alone", async (story) => {
    await story.open([
      { path: "x/y/empty", bytes: 0 },
      { path: "x/other", bytes: 8 },
      { path: ".pad/8", bytes: 8, pad: true },
      { path: "z", bytes: 16 },
    ]);
    story.disk.put("z", Buffer.from("already here"));
    await story.done({ type: "create", store: 1, files: [0] });
    deepEqual(story.disk.get("x/y/empty"), new Uint8Array(0));
    equal(story.disk.get("x/other"), undefined);
    await story.done({ type: "create", store: 1, files: "all" });
    equal(story.disk.get("x/other")?.length, 0);
    equal(story.disk.get(".pad/8"), undefined);
    equal(Buffer.from(story.disk.get("z") ?? []).toString(), "already here");
    await story.done({ type: "sync", store: 1 });
  });

  claim("a root that was not there is made by the first write", async (story) => {
    story.disk.erase("");
    await story.open([{ path: "a", bytes: 32 * kib }]);
    deepEqual(await story.one({ type: "probe", store: 1 }), { type: "probed", sizes: [null] });
    deepEqual(await story.check(0, 1), [pieceState.missing]);
    equal(await story.fault({ type: "verify", store: 1, piece: 0, blocks: false }), "missing");
    await story.writePiece(0, [32 * kib]);
    equal(story.disk.get("a")?.length, 32 * kib);
    await story.done({ type: "sync", store: 1 });
  });

  claim(
    "a root that vanished is a fault and is not made anew, until the store is opened again",
    async (story) => {
      await story.open(threeFiles);
      await story.writePiece(0, [32 * kib]);
      await story.done({ type: "sync", store: 1 });
      story.disk.erase("");
      equal(await story.faultOfWriteAndSync(1), "missing");
      equal(story.disk.get("album/one.bin"), undefined);
      equal(await story.fault({ type: "probe", store: 1 }), "missing");
      equal(await story.fault({ type: "create", store: 1, files: "all" }), "missing");
      await story.reopen();
      await story.writePiece(0, [32 * kib]);
      equal(await story.verify(0), true);
      await story.done({ type: "sync", store: 1 });
    },
  );

  claim(
    "a file that vanished is a fault and is not made anew, until the store is opened again",
    async (story) => {
      await story.open([{ path: "d/a", bytes: 64 * kib }]);
      await story.writePiece(0, [32 * kib]);
      story.disk.erase("d/a");
      equal(await story.faultOfWriteAndSync(1), "missing");
      equal(story.disk.get("d/a"), undefined);
      await story.reopen();
      deepEqual(await story.check(0, 2), [pieceState.missing, pieceState.missing]);
      await story.writePiece(1, [32 * kib]);
      equal(story.disk.get("d/a")?.length, 64 * kib);
      await story.done({ type: "sync", store: 1 });
      deepEqual(await story.check(0, 2), [pieceState.missing, pieceState.good]);
    },
  );

  claim(
    "stores side by side do not disturb each other, and a closed number can be used again",
    async (story) => {
      await story.open([{ path: "a", bytes: 32 * kib }]);
      const other = storeOf(
        { root: story.disk.root, files: [{ path: "b", bytes: 32 * kib }], pieceBytes: 32 * kib },
        new Prng(2),
      );
      await story.done({ type: "open", store: 2, spec: other.spec });
      await story.writeRange(0, 0, block);
      story.disk.pool.set(other.content, 0);
      await story.done({ type: "write", store: 2, piece: 0, begin: 0, length: 32 * kib, memory: 0 });
      await story.writeRange(0, block, block);
      equal(await story.verify(0), true);
      await story.done({ type: "close", store: 1 });
      const verdict = await story.one({ type: "verify", store: 2, piece: 0, blocks: false });
      deepEqual(verdict, { type: "verified", good: true, blocks: null });
      await story.done({ type: "open", store: 1, spec: other.spec });
      deepEqual(await story.check(0, 1), [pieceState.good]);
    },
  );

  claim(
    "whatever is written in whatever order, files and verdicts are those of a plain array",
    async (story) => {
      const first = Number(process.env.DURE_FUZZ_SEED ?? 1);
      const runs = Number(process.env.DURE_FUZZ_RUNS ?? 25);
      for (let seed = first; seed < first + runs; seed += 1) {
        await randomWalk(story, new Prng(seed)).catch((error: unknown) => {
          throw new Error(`replay with DURE_FUZZ_SEED=${seed} DURE_FUZZ_RUNS=1`, { cause: error });
        });
      }
    },
  );
}

const threeFiles: readonly TestFile[] = [
  { path: "album/one.bin", bytes: 40 * kib },
  { path: "album/empty", bytes: 0 },
  { path: "album/.pad/24", bytes: 8 * kib, pad: true },
  { path: "album/deep/er/two.bin", bytes: 33 * kib },
];

/** A random layout; random right and wrong writes; then everything is compared with an array in memory. */
async function randomWalk(story: Story, random: Prng): Promise<void> {
  const files = Array.from({ length: random.between(1, 8) }, (_, index) => ({
    path: `${random.uint32()}/${index}`,
    bytes: random.chance(0.2) ? 0 : random.between(1, 50_000),
    pad: random.chance(0.2),
  }));
  await story.open(files, 32 * kib, random);
  const model = Buffer.alloc(story.store.content.length);
  const written = new Set<number>();
  for (let step = 0; step < 40 && model.length > 0; step += 1) {
    const piece = random.below(story.piecesCount);
    const begin = random.below(story.pieceLength(piece));
    const length = random.between(1, story.pieceLength(piece) - begin);
    const bytes = random.chance(0.8) ? story.content(piece * 32 * kib + begin, length) : random.bytes(length);
    story.disk.pool.set(bytes, 0);
    await story.write({ piece, begin, length, memory: 0 });
    model.set(bytes, piece * 32 * kib + begin);
    written.add(piece);
  }
  for (const file of story.store.spec.files)
    if (file.pad) model.fill(0, file.offset, file.offset + file.bytes);
  for (const piece of written) {
    const start = piece * 32 * kib;
    const bytes = model.subarray(start, start + story.pieceLength(piece));
    const right = bytes.equals(story.content(start, bytes.length));
    // A hole at a file's end is a file cut short: then there is no verdict.
    const result = await story.one({ type: "verify", store: 1, piece, blocks: false });
    if (result.type === "verified") equal(result.good, right);
    else assert(!right);
    const [state] = await story.check(piece, 1);
    equal(state === pieceState.good, right);
  }
  for (const [index, file] of story.store.spec.files.entries()) {
    const stored = story.disk.get(story.file(index).path);
    if (stored === undefined) continue;
    equal(file.pad, false);
    deepEqual(Buffer.from(stored), model.subarray(file.offset, file.offset + stored.length));
  }
}

function sha1(bytes: Uint8Array): Buffer {
  return createHash("sha1").update(bytes).digest();
}
