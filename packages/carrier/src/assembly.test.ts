import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { Bitfield } from "@dure/base";
import fc from "fast-check";
import { Assembly, type Landing, type RunWrite } from "./assembly.ts";
import { Pool, slabBytes } from "./pool.ts";

const blockBytes = 16_384;

function assemblyOf(shape: { blocks: number; short?: number; slabs?: number }) {
  const pool = new Pool(new Uint8Array((shape.slabs ?? 4) * slabBytes));
  const pieceBytes = shape.blocks * blockBytes - (shape.short ?? 0);
  return { pool, pieceBytes, assembly: new Assembly(pool, () => pieceBytes) };
}

const spanOf = (piece: number, block: number, pieceBytes: number) => {
  const begin = block * blockBytes;
  return { piece, begin, length: Math.min(blockBytes, pieceBytes - begin) };
};

function landing(placed: Landing | "full" | "taken"): Landing {
  if (typeof placed === "string") throw new Error(placed);
  return placed;
}

test("sixteen neighbouring blocks, in any order, become one write", () => {
  const { assembly, pieceBytes, pool } = assemblyOf({ blocks: 40, short: 100 });
  const order = Array.from({ length: 40 }, (_, index) => (index * 7) % 40);
  const writes: RunWrite[] = [];
  for (const block of order) {
    const write = assembly.arrived(landing(assembly.place(spanOf(3, block, pieceBytes))));
    if (write !== undefined) writes.push(write);
  }
  const shapes = writes.map(({ begin, length }) => [begin, length]).sort(([a = 0], [b = 0]) => a - b);
  deepEqual(shapes, [
    [0, slabBytes],
    [slabBytes, slabBytes],
    [2 * slabBytes, 8 * blockBytes - 100],
  ]);
  equal(assembly.unwrittenBytes, 0);
  for (const write of writes) assembly.stored(write, true);
  equal(pool.usedBytes, 0);
  equal(assembly.storedBlocks(3)?.count, 40);
});

test("neighbouring blocks lie side by side in memory", () => {
  const { assembly, pieceBytes } = assemblyOf({ blocks: 16 });
  const first = landing(assembly.place(spanOf(0, 4, pieceBytes)));
  const second = landing(assembly.place(spanOf(0, 5, pieceBytes)));
  equal(second.memory - first.memory, blockBytes);
});

test("a block that is here is not placed a second time", () => {
  const { assembly, pieceBytes } = assemblyOf({ blocks: 16 });
  assembly.aborted(landing(assembly.place(spanOf(0, 4, pieceBytes))));
  const placed = landing(assembly.place(spanOf(0, 4, pieceBytes)));
  assembly.arrived(placed);
  equal(assembly.place(spanOf(0, 4, pieceBytes)), "taken");
  throws(() => assembly.arrived(placed), /the block was arriving/);
});

test("a block whose sender stops in the middle comes from another peer, and what follows from the first is for nobody", () => {
  const { assembly, pieceBytes, pool } = assemblyOf({ blocks: 16 });
  const stopped = landing(assembly.place(spanOf(0, 4, pieceBytes)));
  const second = landing(assembly.place(spanOf(0, 4, pieceBytes)));
  pool.memory.fill(1, stopped.memory, stopped.memory + 100);
  pool.memory.fill(2, second.memory, second.memory + blockBytes);
  assembly.arrived(second);
  equal(stopped.beaten, true);
  const [write] = assembly.flush(0);
  equal(write?.begin, 4 * blockBytes);
  ok(pool.memory.subarray(write?.memory, (write?.memory ?? 0) + blockBytes).every((byte) => byte === 2));
  if (write !== undefined) assembly.stored(write, true);
  assembly.aborted(stopped);
  equal(pool.usedBytes, 0);
});

test("a second sender goes on when the first one leaves, and is for nobody when the first one was whole before it", () => {
  const { assembly, pieceBytes, pool } = assemblyOf({ blocks: 16 });
  const first = landing(assembly.place(spanOf(0, 4, pieceBytes)));
  const second = landing(assembly.place(spanOf(0, 4, pieceBytes)));
  assembly.aborted(first);
  assembly.arrived(second);
  equal(assembly.unwrittenBytes, blockBytes);
  const third = landing(assembly.place(spanOf(0, 5, pieceBytes)));
  const fourth = landing(assembly.place(spanOf(0, 5, pieceBytes)));
  assembly.arrived(third);
  equal(fourth.beaten, true);
  assembly.aborted(fourth);
  for (const write of assembly.flush(0)) assembly.stored(write, true);
  equal(pool.usedBytes, 0);
});

test("without memory a block is not placed; a flush makes room once the disk has taken it", () => {
  const { assembly, pieceBytes, pool } = assemblyOf({ blocks: 64, slabs: 2 });
  assembly.arrived(landing(assembly.place(spanOf(0, 0, pieceBytes))));
  assembly.arrived(landing(assembly.place(spanOf(0, 16, pieceBytes))));
  equal(assembly.place(spanOf(0, 32, pieceBytes)), "full");
  const writes = assembly.flushAll();
  deepEqual(
    writes.map(({ begin, length }) => [begin, length]),
    [
      [0, blockBytes],
      [slabBytes, blockBytes],
    ],
  );
  equal(assembly.place(spanOf(0, 32, pieceBytes)), "full", "the disk still reads it");
  for (const write of writes) assembly.stored(write, true);
  landing(assembly.place(spanOf(0, 32, pieceBytes)));
  equal(pool.usedBytes, slabBytes);
});

test("what an earlier run left on disk is taken, and is not memory", () => {
  const { assembly, pieceBytes, pool } = assemblyOf({ blocks: 16 });
  const blocks = new Bitfield(16);
  blocks.set(2);
  assembly.resume(0, blocks);
  equal(assembly.place(spanOf(0, 2, pieceBytes)), "taken");
  equal(pool.usedBytes, 0);
  equal(assembly.storedBlocks(0)?.count, 1);
  for (let block = 0; block < 16; block += 1) {
    if (block === 2) continue;
    equal(assembly.arrived(landing(assembly.place(spanOf(0, block, pieceBytes)))), undefined);
  }
  deepEqual(
    assembly.flush(0).map(({ begin, length }) => [begin / blockBytes, length / blockBytes]),
    [
      [0, 2],
      [3, 13],
    ],
  );
});

test("a piece that is dropped gives its memory back when what moves has come to rest", () => {
  const { assembly, pieceBytes, pool } = assemblyOf({ blocks: 32 });
  const moving = landing(assembly.place(spanOf(0, 1, pieceBytes)));
  assembly.arrived(landing(assembly.place(spanOf(0, 0, pieceBytes))));
  assembly.arrived(landing(assembly.place(spanOf(0, 16, pieceBytes))));
  const [write] = assembly.flush(0);
  assembly.arrived(landing(assembly.place(spanOf(0, 17, pieceBytes))));
  assembly.drop(0);
  equal(assembly.unwrittenBytes, 0);
  ok(pool.usedBytes > 0);
  assembly.arrived(moving);
  if (write !== undefined) assembly.stored(write, true);
  const rest = pool.usedBytes;
  ok(rest <= slabBytes, "one run may still wait for its other write");
  landing(assembly.place(spanOf(0, 1, pieceBytes)));
});

test("whatever arrives, breaks off, is flushed, refused or dropped: bytes are counted and memory comes back", () => {
  const steps = fc.array(fc.tuple(fc.nat(6), fc.nat(2), fc.nat(36)), { maxLength: 150 });
  fc.assert(
    fc.property(steps, (story) => {
      const { assembly, pieceBytes, pool } = assemblyOf({ blocks: 37, short: 5, slabs: 5 });
      const landings: Landing[] = [];
      const writes: RunWrite[] = [];
      const gathered = new Map<string, number>(); // what has arrived and is not given to the disk
      const give = (write: RunWrite) => {
        writes.push(write);
        for (let begin = write.begin; begin < write.begin + write.length; begin += blockBytes)
          ok(gathered.delete(`${write.piece}/${begin}`), "only what has arrived is written, once");
      };
      const finishOne = (which: number, good: boolean) => {
        const [moving] = landings.splice(which % Math.max(1, landings.length), 1);
        if (moving === undefined) return;
        if (!good || moving.beaten) return assembly.aborted(moving);
        const { piece, begin, length } = moving.span;
        if (!moving.run.piece.dropped) gathered.set(`${piece}/${begin}`, length);
        const write = assembly.arrived(moving);
        if (write !== undefined) give(write);
      };
      for (const [step, piece, which] of story) {
        if (step <= 1) {
          const placed = assembly.place(spanOf(piece, which, pieceBytes));
          if (typeof placed !== "string") landings.push(placed);
        } else if (step === 2) finishOne(which, true);
        else if (step === 3) finishOne(which, false);
        else if (step === 4)
          for (const write of which < 12 ? assembly.flushAll() : assembly.flush(piece)) give(write);
        else if (step === 5) {
          const [write] = writes.splice(which % Math.max(1, writes.length), 1);
          if (write !== undefined) assembly.stored(write, true);
        } else if (which < 6) {
          assembly.drop(piece);
          for (const key of [...gathered.keys()]) if (key.startsWith(`${piece}/`)) gathered.delete(key);
        }
        equal(
          assembly.unwrittenBytes,
          [...gathered.values()].reduce((sum, bytes) => sum + bytes, 0),
        );
        ok(pool.usedBytes <= 5 * slabBytes);
      }
      while (landings.length > 0) finishOne(0, landings.length % 2 === 0);
      for (const write of assembly.flushAll()) give(write);
      for (const write of writes) assembly.stored(write, true);
      for (const piece of [0, 1, 2]) assembly.drop(piece);
      equal(pool.usedBytes, 0);
      equal(assembly.pieceCount, 0);
      equal(assembly.unwrittenBytes, 0);
    }),
    { numRuns: 400 },
  );
});
