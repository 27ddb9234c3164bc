import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Bitfield } from "@dure/base";
import fc from "fast-check";
import type { Block, Picker } from "./picker.ts";
import type { Priority } from "./rarity.ts";
import { join, keyOf, pickerOf, type TestPeer } from "./testing/swarm.ts";

const pieces = 9;
const blocks = 3;
const peerIds = 5;
const requestersMax = 3;

/** What must be true of a picker, kept beside it in the simplest way. */
class Model {
  readonly peers = new Map<number, TestPeer>();
  /** Blocks each peer was asked for and has not answered. */
  readonly asked = new Map<number, Map<string, Block>>();
  readonly received = new Map<number, Set<number>>();
  readonly have = new Set<number>();
  readonly priority = new Array<Priority>(pieces).fill(4);
  readonly picker: Picker;

  constructor(seed: number) {
    this.picker = pickerOf({ pieces, blocks, seed });
  }

  wants(piece: number): boolean {
    return (this.priority[piece] ?? 0) > 0 && !this.have.has(piece);
  }

  pick(peer: TestPeer, count: number): void {
    const own = this.askedOf(peer.id);
    const picked = this.picker.pick(peer, count);
    ok(picked.length <= count);
    for (const block of picked) {
      equal(this.requesters(block), 0, `${keyOf(block)} is asked for once outside the end-game`);
      this.#ask(peer, block);
    }
    if (!this.picker.endGame || picked.length >= count) return;
    const again = this.picker.pickAgain(peer, (block) => own.has(keyOf(block)), count - picked.length);
    ok(again.length <= count - picked.length);
    for (const block of again) this.#ask(peer, block);
  }

  #ask(peer: TestPeer, block: Block): void {
    ok(peer.holdings.has(block.piece), "a peer is asked for what it holds");
    ok(this.wants(block.piece), "only what is wanted is asked for");
    ok(!this.received.get(block.piece)?.has(block.block), "and not what is here");
    const own = this.askedOf(peer.id);
    ok(!own.has(keyOf(block)), "no peer is asked twice");
    own.set(keyOf(block), block);
    ok(this.requesters(block) <= requestersMax, `${this.requesters(block)} peers owe ${keyOf(block)}`);
  }

  receive(peer: TestPeer, block: Block): void {
    const here = this.received.get(block.piece)?.has(block.block) === true;
    equal(this.picker.receive(block, peer.id), !here);
    // As the torrent does: the others are told not to send it.
    for (const [id, own] of this.asked) {
      if (own.delete(keyOf(block)) && id !== peer.id) this.picker.release(block);
    }
    const got = this.received.get(block.piece) ?? new Set();
    this.received.set(block.piece, got.add(block.block));
  }

  forgetRequests(piece: number): void {
    for (const own of this.asked.values())
      for (const [key, block] of [...own]) if (block.piece === piece) own.delete(key);
    this.received.delete(piece);
  }

  leave(peer: TestPeer): void {
    for (const block of this.askedOf(peer.id).values()) this.picker.release(block);
    this.asked.delete(peer.id);
    for (const piece of this.picker.disown(peer.id)) this.forgetRequests(piece);
    this.picker.peerLeft(peer.holdings);
    this.peers.delete(peer.id);
  }

  askedOf(id: number): Map<string, Block> {
    const own = this.asked.get(id) ?? new Map<string, Block>();
    this.asked.set(id, own);
    return own;
  }

  requesters(block: Block): number {
    let count = 0;
    for (const own of this.asked.values()) if (own.has(keyOf(block))) count += 1;
    return count;
  }

  whole(): number[] {
    return [...this.picker.partials].filter((partial) => partial.complete).map((partial) => partial.piece);
  }

  check(): void {
    const { picker } = this;
    let wanted = 0;
    for (let piece = 0; piece < pieces; piece += 1) {
      if (this.wants(piece)) wanted += 1;
      equal(picker.have.has(piece), this.have.has(piece), `piece ${piece} had`);
      equal(picker.wants(piece), this.wants(piece), `piece ${piece} wanted`);
      const partial = picker.partial(piece);
      equal(partial?.receivedCount ?? 0, this.received.get(piece)?.size ?? 0, `piece ${piece} received`);
      if (partial === undefined) continue;
      ok(!this.have.has(piece));
      let open = 0;
      for (let block = 0; block < partial.blockCount; block += 1) {
        equal(partial.isReceived(block), this.received.get(piece)?.has(block) === true);
        if (partial.isReceived(block)) continue;
        equal(partial.requesters(block), this.requesters({ piece, block }), `${piece}/${block} requesters`);
        if (partial.requesters(block) === 0) open += 1;
      }
      equal(partial.openCount, open, `piece ${piece} open blocks`);
    }
    equal(picker.wantedLeft, wanted);
    for (const { holdings } of this.peers.values()) {
      const interesting = Array.from(
        { length: pieces },
        (_, piece) => holdings.has(piece) && this.wants(piece),
      );
      equal(picker.interesting(holdings), interesting.filter(Boolean).length);
    }
  }

  /** The end of every story: one good seed, everybody else gone, and all of it arrives. */
  finish(): void {
    for (const peer of [...this.peers.values()]) this.leave(peer);
    this.picker.setSequential(undefined);
    const seeder = join(this.picker, 99, "all");
    this.peers.set(99, seeder);
    for (let turn = 0; turn < pieces * blocks + 2 && this.picker.wantedLeft > 0; turn += 1) {
      this.pick(seeder, 4);
      for (const block of [...this.askedOf(99).values()]) this.receive(seeder, block);
      for (const piece of this.whole()) this.verify(piece, true);
      this.check();
    }
    equal(this.picker.wantedLeft, 0, "a seed alone is enough");
  }

  verify(piece: number, good: boolean, exclusive = false): void {
    if (good) {
      this.picker.complete(piece);
      this.have.add(piece);
    } else this.picker.restart(piece, exclusive);
    this.forgetRequests(piece);
  }
}

type Step = (model: Model) => void;
const peer = fc.nat(peerIds - 1);
const piece = fc.nat(pieces - 1);
const withPeer = (id: number, act: (model: Model, peer: TestPeer) => void): Step => {
  return (model) => {
    const known = model.peers.get(id);
    if (known !== undefined) act(model, known);
  };
};

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(peer, fc.uniqueArray(piece), fc.boolean(), fc.boolean(), fc.nat(3)).map(
    ([id, held, all, alone, lot]): Step =>
      (model) => {
        if (model.peers.has(id)) return;
        const joined = join(model.picker, id, all ? "all" : held);
        joined.alone = alone;
        joined.suspect = lot === 0;
        model.peers.set(id, joined);
      },
  ),
  {
    weight: 5,
    arbitrary: fc
      .tuple(peer, fc.integer({ min: 1, max: 7 }))
      .map(([id, count]) => withPeer(id, (model, known) => model.pick(known, count))),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(peer, fc.nat(6)).map(([id, count]) =>
      withPeer(id, (model, known) => {
        for (const block of [...model.askedOf(id).values()].slice(0, count)) model.receive(known, block);
      }),
    ),
  },
  fc.tuple(peer, fc.nat(3)).map(([id, count]) =>
    withPeer(id, (model) => {
      for (const block of [...model.askedOf(id).values()].slice(0, count)) {
        model.picker.release(block);
        model.askedOf(id).delete(keyOf(block));
      }
    }),
  ),
  peer.map((id) => withPeer(id, (model, known) => model.leave(known))),
  fc.tuple(peer, piece).map(([id, gained]) =>
    withPeer(id, (model, known) => {
      if (known.holdings.has(gained)) return;
      model.picker.peerGains(known.holdings, gained);
      known.holdings.gain(gained);
    }),
  ),
  {
    weight: 3,
    arbitrary: fc.tuple(fc.boolean(), fc.boolean()).map(
      ([good, exclusive]): Step =>
        (model) => {
          for (const whole of model.whole()) model.verify(whole, good, exclusive);
        },
    ),
  },
  fc.tuple(piece, fc.integer({ min: 0, max: 7 })).map(
    ([at, priority]): Step =>
      (model) => {
        model.picker.setPriority(at, priority as Priority);
        model.priority[at] = priority as Priority;
      },
  ),
  piece.map(
    (at): Step =>
      (model) => {
        model.picker.lose(at);
        model.have.delete(at);
      },
  ),
  fc.tuple(piece, fc.array(fc.nat(blocks - 1), { maxLength: 3 })).map(
    ([at, list]): Step =>
      (model) => {
        if (model.have.has(at) || model.picker.partial(at) !== undefined) return;
        const field = new Bitfield(model.picker.blockCount(at));
        for (const block of list) if (block < field.length) field.set(block);
        model.picker.resume(at, field);
        model.received.set(at, new Set(field));
      },
  ),
  fc.tuple(fc.boolean(), piece, fc.nat(4)).map(
    ([on, cursor, window]): Step =>
      (model) => {
        model.picker.setSequential(on ? { cursor, window } : undefined);
      },
  ),
);

test("whatever happens, no block is lost, doubled or asked of the wrong peer, and a seed completes it", () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(steps, { maxLength: 80 }), (seed, story) => {
      const model = new Model(seed);
      for (const step of story) {
        step(model);
        model.check();
      }
      model.finish();
    }),
    { numRuns: 600 },
  );
});

test("one seed picks the same blocks each time, another seed others", () => {
  const picks = (seed: number) => {
    const picker = pickerOf({ pieces: 100, blocks: 1, seed });
    return picker.pick(join(picker, 1, "all"), 50).map(keyOf);
  };
  deepEqual(picks(3), picks(3));
  ok(picks(3).join() !== picks(4).join());
});
