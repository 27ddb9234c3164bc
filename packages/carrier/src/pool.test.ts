import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pool, slabBytes, slotBytesFor } from "./pool.ts";

test("memory is handed out by size, never twice, and all of it comes back", () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: slabBytes }), fc.nat(50)), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 4 }), (story, slabs) => {
      const pool = new Pool(new Uint8Array(slabs * slabBytes));
      const taken: { offset: number; bytes: number }[] = [];
      for (const [take, bytes, which] of story) {
        if (take) {
          const offset = pool.take(bytes);
          if (offset === undefined) continue;
          ok(offset >= 0 && offset + bytes <= slabs * slabBytes);
          for (const other of taken) {
            ok(
              offset + bytes <= other.offset || other.offset + other.bytes <= offset,
              "two hold the same bytes",
            );
          }
          taken.push({ offset, bytes });
        } else {
          const [given] = taken.splice(which % Math.max(1, taken.length), 1);
          if (given !== undefined) pool.give(given.offset);
        }
        equal(
          pool.usedBytes,
          taken.reduce((sum, { bytes: held }) => sum + slotBytesFor(held), 0),
        );
      }
      for (const { offset } of taken) pool.give(offset);
      equal(pool.usedBytes, 0);
      const whole = Array.from({ length: slabs }, () => pool.take(slabBytes));
      ok(
        whole.every((offset) => offset !== undefined),
        "every slab is whole again",
      );
      equal(pool.take(1), undefined);
    }),
    { numRuns: 200 },
  );
});

test("a slab is cut into slots of one size, and whole again when all are back", () => {
  const pool = new Pool(new Uint8Array(slabBytes));
  const blocks = Array.from({ length: 16 }, () => pool.take(16_384) ?? -1);
  deepEqual(
    blocks,
    Array.from({ length: 16 }, (_, index) => index * 16_384),
  );
  equal(pool.take(1), undefined);
  for (const offset of blocks.slice(1)) pool.give(offset);
  equal(pool.take(32_768), undefined, "one slot keeps its slab");
  pool.give(0);
  equal(pool.take(32_768), 0);
});

test("the slab used last is used next: what was never needed is never touched", () => {
  const pool = new Pool(new Uint8Array(8 * slabBytes));
  for (let turn = 0; turn < 20; turn += 1) {
    const offset = pool.take(slabBytes) ?? -1;
    equal(offset, 0);
    pool.give(offset);
  }
});

test("bytes given back twice, or never taken, and sizes beyond a slab are our own mistakes", () => {
  const pool = new Pool(new Uint8Array(2 * slabBytes));
  const first = pool.take(100) ?? -1;
  pool.take(100);
  pool.give(first);
  throws(() => pool.give(first), /once/);
  throws(() => pool.give(slabBytes), /taken/);
  throws(() => pool.take(slabBytes + 1), /slab/);
  throws(() => pool.take(0), /slab/);
  throws(() => new Pool(new Uint8Array(100)), /whole slabs/);
});

test("bytes are put where they belong by the host's own copy", () => {
  const copies: number[][] = [];
  const pool = new Pool(new Uint8Array(slabBytes), (target, at, source, from, to) => {
    copies.push([at, from, to]);
    target.set(source.subarray(from, to), at);
  });
  pool.put(5, Uint8Array.of(9, 8, 7, 6), 1, 3);
  deepEqual([...pool.memory.subarray(4, 8)], [0, 8, 7, 0]);
  deepEqual(copies, [[5, 1, 3]]);
});
