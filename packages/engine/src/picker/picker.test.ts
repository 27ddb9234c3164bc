import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Bitfield, Prng } from "@dure/base";
import fc from "fast-check";
import { fromDisk } from "./partial-piece.ts";
import { type Block, blockBytes, endGameRequesters, Picker } from "./picker.ts";
import type { Priority } from "./rarity.ts";
import { deliver, join, keyOf, pickerOf, piecesOf, type TestPeer } from "./testing/swarm.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

test("the last piece and the last block are as long as what is left", () => {
  const picker = new Picker(
    { pieceCount: 3, pieceBytes: 2 * blockBytes, totalBytes: 5 * blockBytes - 100 },
    new Bitfield(3),
    new Prng(1),
  );
  deepEqual([picker.pieceLength(0), picker.pieceLength(2)], [2 * blockBytes, blockBytes - 100]);
  deepEqual([picker.blockCount(0), picker.blockCount(2)], [2, 1]);
  equal(picker.blockLength({ piece: 2, block: 0 }), blockBytes - 100);
  equal(picker.blockLength({ piece: 1, block: 1 }), blockBytes);
});

test("the first four pieces are random ones, whatever is rare (BEP 3)", () => {
  const drawn = new Set<number>();
  for (let seed = 0; seed < 60; seed += 1) {
    const picker = pickerOf({ pieces: 40, blocks: 1, seed });
    join(picker, 9, upTo(30)); // pieces 30 to 39 are the rarest
    const seeder = join(picker, 1, "all");
    for (const { piece } of picker.pick(seeder, 1)) drawn.add(piece);
  }
  ok(
    [...drawn].some((piece) => piece < 30),
    "a common piece comes first in some swarms",
  );
  ok(
    [...drawn].some((piece) => piece >= 30),
    "and a rare one in others",
  );
});

test("after that the rarest piece that the peer holds is next, and among equals a random one", () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 20; seed += 1) {
    const picker = pickerOf({ pieces: 24, blocks: 1, have: [0, 1, 2, 3], seed });
    join(picker, 8, upTo(18));
    join(picker, 9, upTo(12));
    const seeder = join(picker, 1, "all");
    const order = picker.pick(seeder, 20).map(({ piece }) => piece);
    const copies = order.map((piece) => (piece < 12 ? 2 : piece < 18 ? 1 : 0));
    deepEqual(
      copies,
      [...copies].sort((a, b) => a - b),
    );
    orders.add(order.join());
  }
  ok(orders.size > 15, "not the same order for everyone");
});

test("rarest first really is rarest first, in any swarm", () => {
  const swarms = fc.record({
    seed: fc.nat(),
    holders: fc.array(fc.array(fc.nat(29), { maxLength: 30 }), { maxLength: 6 }),
    priorities: fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 30, maxLength: 30 }),
    held: fc.array(fc.nat(29), { minLength: 5, maxLength: 30 }),
  });
  fc.assert(
    fc.property(swarms, ({ seed, holders, priorities, held }) => {
      const picker = pickerOf({ pieces: 30, blocks: 1, have: [0, 1, 2, 3], seed });
      for (const [piece, priority] of priorities.entries()) picker.setPriority(piece, priority as Priority);
      const copies = new Array<number>(30).fill(0);
      const peers = holders.map((pieces, index) => join(picker, 10 + index, pieces));
      const peer = join(picker, 1, held);
      for (const { holdings } of [...peers, peer]) {
        if (!holdings.all)
          for (const piece of upTo(30)) copies[piece] = (copies[piece] ?? 0) + Number(holdings.has(piece));
      }
      const left = new Set(
        upTo(30).filter((piece) => piece > 3 && (priorities[piece] ?? 0) > 0 && peer.holdings.has(piece)),
      );
      for (let turn = 0; turn < 30; turn += 1) {
        const [block] = picker.pick(peer, 1);
        if (block === undefined) break;
        const best = Math.max(...[...left].map((piece) => priorities[piece] ?? 0));
        equal(priorities[block.piece], best, "the most wanted first");
        const peersOf = [...left]
          .filter((piece) => priorities[piece] === best)
          .map((piece) => copies[piece] ?? 0);
        equal(copies[block.piece], Math.min(...peersOf), "then the rarest");
        ok(left.delete(block.piece), "once");
      }
      equal(left.size, 0, "everything it holds was asked for");
    }),
    { numRuns: 300 },
  );
});

test("copies are counted as peers come, gain, lose and go, and never fall below none", () => {
  const actions = fc.array(fc.tuple(fc.nat(3), fc.nat(4), fc.nat(11)), { maxLength: 120 });
  fc.assert(
    fc.property(actions, (steps) => {
      const picker = pickerOf({ pieces: 12 });
      const peers = new Map<number, TestPeer>();
      for (const [action, id, piece] of steps) {
        const peer = peers.get(id);
        if (peer === undefined) peers.set(id, join(picker, id, action === 0 ? "all" : [piece]));
        else if (action === 1 && !peer.holdings.has(piece)) {
          picker.peerGains(peer.holdings, piece);
          peer.holdings.gain(piece);
        } else if (action === 2 && peer.holdings.has(piece)) {
          picker.peerLoses(peer.holdings, piece);
          peer.holdings.lose(piece);
        } else if (action === 3) {
          picker.peerLeft(peer.holdings);
          peers.delete(id);
        }
        const copies = upTo(12).map(
          (at) => [...peers.values()].filter(({ holdings }) => holdings.has(at)).length,
        );
        const lowest = Math.min(...copies);
        const above = copies.filter((count) => count > lowest).length / 12;
        ok(Math.abs(picker.distributedCopies() - (lowest + above)) < 1e-9, `${picker.distributedCopies()}`);
      }
    }),
    { numRuns: 300 },
  );
});

test("a quick peer fetches its piece whole; the next one begins another", () => {
  const picker = pickerOf({ pieces: 20, blocks: 8 });
  const a = join(picker, 1, "all");
  const b = join(picker, 2, "all");
  const [first = -1] = piecesOf(picker.pick(a, 3));
  const [second = -1] = piecesOf(picker.pick(b, 3));
  ok(first !== second);
  deepEqual(piecesOf(picker.pick(a, 4)), [first], "it goes on with its own");
  deepEqual(piecesOf(picker.pick(b, 4)), [second]);
});

test("slow peers share a piece, so that it is done sooner", () => {
  const picker = pickerOf({ pieces: 20, blocks: 8 });
  const a = join(picker, 1, "all");
  const b = join(picker, 2, "all");
  a.alone = false;
  b.alone = false;
  deepEqual(piecesOf(picker.pick(a, 3)), piecesOf(picker.pick(b, 3)));
});

test("what a peer that left has begun is what the next one goes on with", () => {
  const picker = pickerOf({ pieces: 20, blocks: 8 });
  const a = join(picker, 1, "all");
  const blocks = picker.pick(a, 5);
  deliver(picker, a, blocks.slice(0, 2));
  for (const block of blocks.slice(2)) picker.release(block);
  deepEqual(picker.disown(a.id), []);
  const b = join(picker, 2, "all");
  const next = picker.pick(b, 5);
  deepEqual(piecesOf(next), piecesOf(blocks));
  deepEqual(
    next.map(keyOf).sort(),
    upTo(7)
      .slice(2)
      .map((block) => `${blocks[0]?.piece}/${block}`),
  );
});

test("many half-done pieces help nobody: slow peers finish some before they begin more", () => {
  const picker = pickerOf({ pieces: 200, blocks: 8 });
  const peers = upTo(4).map((id) => join(picker, id, "all"));
  for (const peer of peers) peer.alone = false;
  for (let turn = 0; turn < 400; turn += 1) {
    const peer = peers[turn % 4];
    if (peer !== undefined) picker.pick(peer, 1);
    ok([...picker.partials].filter((partial) => partial.openCount > 0).length <= 16);
  }
});

test("in the end-game blocks are asked of others too, of three peers at most", () => {
  const picker = pickerOf({ pieces: 2, blocks: 4 });
  const peers = upTo(5).map((id) => join(picker, id, "all"));
  const asked = new Map(peers.map((peer) => [peer.id, new Set<string>()]));
  const again = (peer: TestPeer, count: number) => {
    const own = asked.get(peer.id) ?? new Set();
    const blocks = picker.pickAgain(peer, (block) => own.has(keyOf(block)), count);
    for (const block of blocks) {
      ok(!own.has(keyOf(block)));
      own.add(keyOf(block));
    }
    return blocks;
  };
  const [a] = peers;
  ok(a !== undefined && !picker.endGame);
  for (const block of picker.pick(a, 100)) asked.get(a.id)?.add(keyOf(block));
  ok(picker.endGame);
  const counts = peers.slice(1).map((peer) => again(peer, 100).length);
  const blocks = asked.get(a.id)?.size;
  deepEqual(counts, [blocks, blocks, 0, 0]);
});

test("in the end-game strangers never hold the last place that a block has for those who give", () => {
  const picker = pickerOf({ pieces: 1, blocks: 4 });
  const peers = upTo(4).map((id) => join(picker, id, "all"));
  const [first, second, third, giver] = peers as [TestPeer, TestPeer, TestPeer, TestPeer];
  const none = () => false;
  const blocks = picker.pick(first, 10).length;
  equal(picker.pickAgain(second, none, 10, endGameRequesters.stranger).length, blocks);
  equal(picker.pickAgain(third, none, 10, endGameRequesters.stranger).length, 0);
  equal(picker.pickAgain(giver, none, 10, endGameRequesters.giver).length, blocks);
});

test("the end-game does not wait for pieces that are no longer wanted", () => {
  const picker = pickerOf({ pieces: 2, blocks: 4 });
  const a = join(picker, 1, "all");
  const [begun = -1] = piecesOf(picker.pick(a, 1));
  picker.setPriority(begun, 0);
  const rest = picker.pick(a, 100);
  ok(rest.every(({ piece }) => piece !== begun));
  ok(picker.endGame);
  picker.setPriority(begun, 4);
  ok(!picker.endGame);
  equal(piecesOf(picker.pick(a, 100))[0], begun);
});

test("a piece that failed comes again from one peer alone", () => {
  const picker = pickerOf({ pieces: 1, blocks: 4 });
  const [a, b] = [join(picker, 1, "all"), join(picker, 2, "all")];
  picker.pick(a, 10);
  picker.restart(0, true);
  const [first] = picker.pick(b, 1);
  deepEqual(first, { piece: 0, block: 0 });
  deepEqual(picker.pick(a, 10), [], "nobody else may help");
  deepEqual(
    picker.pickAgain(a, () => false, 10),
    [],
    "not even in the end-game",
  );
  equal(picker.pick(b, 10).length, picker.blockCount(0) - 1);
});

test("when that peer leaves in the middle the piece starts anew, once; then anybody goes on", () => {
  const picker = pickerOf({ pieces: 1, blocks: 8 });
  const peers = upTo(3).map((id) => join(picker, id, "all"));
  const [a, b, c] = peers as [TestPeer, TestPeer, TestPeer];
  picker.restart(0, true);
  deliver(picker, a, picker.pick(a, 3));
  deepEqual(picker.disown(a.id), [0]);
  equal(picker.partial(0)?.receivedCount, 0);
  deliver(picker, b, picker.pick(b, 3));
  deepEqual(picker.disown(b.id), []);
  equal(picker.partial(0)?.receivedCount, 3);
  const left = picker.blockCount(0) - 3;
  equal(picker.pick(a, 2).length + picker.pick(c, 100).length, left);
});

test("a suspect gets whole pieces of its own, which nobody else takes part in", () => {
  const picker = pickerOf({ pieces: 30, blocks: 4 });
  const honest = join(picker, 1, "all");
  const suspect = { ...join(picker, 2, "all"), suspect: true };
  const begun = piecesOf(picker.pick(honest, 2));
  const own = picker.pick(suspect, 2);
  ok(!begun.includes(piecesOf(own)[0] ?? -1));
  picker.setSequential({ cursor: 0, window: 30 }); // even where everything is urgent
  const others = picker.pick(honest, 200);
  ok(others.every(({ piece }) => piece !== own[0]?.piece));
});

test("in order: the window first and together, then on from there, and before the cursor last", () => {
  const picker = pickerOf({ pieces: 20, blocks: 2 });
  const [a, b] = [join(picker, 1, "all"), join(picker, 2, "all")];
  picker.setSequential({ cursor: 10, window: 3 });
  deepEqual(piecesOf([...picker.pick(a, 3), ...picker.pick(b, 3)]), [10, 11, 12]);
  const rest = piecesOf(picker.pick(a, 100));
  deepEqual(rest.slice(0, 7), upTo(20).slice(13));
  equal(rest.length, 17);
});

test("in order: a block of the window that another peer owes is not waited for", () => {
  const picker = pickerOf({ pieces: 20, blocks: 2 });
  const a = join(picker, 1, "all");
  const slow = join(picker, 2, "all");
  picker.setSequential({ cursor: 0, window: 4 });
  const owed = picker.pick(slow, 1);
  picker.release(owed[0] as Block);
  deepEqual(picker.pick(a, 1), owed);
});

test("blocks from an earlier run are not asked for again, wanted now or later", () => {
  for (const wanted of [true, false]) {
    const picker = pickerOf({ pieces: 2, blocks: 4 });
    if (!wanted) picker.setPriority(0, 0);
    const blocks = new Bitfield(4);
    for (const block of [0, 2]) blocks.set(block);
    picker.resume(0, blocks);
    if (!wanted) picker.setPriority(0, 4);
    const asked = picker.pick(join(picker, 1, [0]), 10);
    deepEqual(asked.map(keyOf), ["0/1", "0/3"]);
    deepEqual([...(picker.partial(0)?.contributors ?? [])], [fromDisk, fromDisk, fromDisk, fromDisk]);
  }
});

test("a piece that is lost from the disk is wanted again", () => {
  const picker = pickerOf({ pieces: 3, blocks: 1, have: [0, 1, 2] });
  equal(picker.wantedLeft, 0);
  picker.lose(1);
  picker.lose(1);
  equal(picker.wantedLeft, 1);
  deepEqual(piecesOf(picker.pick(join(picker, 1, "all"), 10)), [1]);
  picker.setPriority(2, 0);
  picker.lose(2);
  equal(picker.wantedLeft, 1);
  picker.setPriority(2, 1);
  equal(picker.wantedLeft, 2);
});

test("two million pieces cost a second of processor time at most, and a seed's next hundred thousand blocks no more", () => {
  const pieceCount = 2_000_000;
  const started = cpuMilliseconds();
  const picker = new Picker(
    { pieceCount, pieceBytes: blockBytes, totalBytes: pieceCount * blockBytes },
    new Bitfield(pieceCount),
    new Prng(1),
  );
  const constructed = cpuMilliseconds();
  const seeder = join(picker, 1, "all");
  let picks = 0;
  while (picks < 100_000) {
    const blocks = picker.pick(seeder, 32);
    picks += blocks.length;
    deliver(picker, seeder, blocks);
  }
  const picked = cpuMilliseconds();
  ok(constructed - started < 1000, `made in ${constructed - started} ms`);
  ok(picked - constructed < 1000, `picked in ${picked - constructed} ms`);
});

/** Of the processor, not of the wall: other tests run beside this one. */
function cpuMilliseconds(): number {
  return process.cpuUsage().user / 1000;
}
