import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Ms, ms, Prng, seconds } from "@dure/base";
import fc from "fast-check";
import { Choker, type ChokerPeer, chokerLimits } from "./choker.ts";

/** A choker and the peers it looks at, on virtual time. */
class Story {
  now: Ms = seconds(100);
  slots = 8;
  seeding = false;
  creditBytes = 65_536;
  readonly peers = new Map<number, ChokerPeer>();
  readonly choker: Choker;
  unchoked: ReadonlySet<number> = new Set();

  constructor(seed = 1) {
    this.choker = new Choker(new Prng(seed));
  }

  join(id: number, facts: Partial<ChokerPeer> = {}): void {
    this.peers.set(id, {
      id,
      interested: true,
      snubbed: false,
      uploadOnly: false,
      canTake: true,
      downRate: 0,
      uploadedSinceUnchoke: 0,
      balance: 0,
      gave: false,
      ...facts,
    });
  }

  set(id: number, facts: Partial<ChokerPeer>): void {
    this.join(id, { ...this.peers.get(id), ...facts });
  }

  round(): number[] {
    this.#take(this.choker.round(this.now, [...this.peers.values()], this));
    return [...this.unchoked].sort((a, b) => a - b);
  }

  fill(): number[] {
    this.#take(this.choker.fill(this.now, [...this.peers.values()], this));
    return [...this.unchoked].sort((a, b) => a - b);
  }

  later(duration: number): number[] {
    this.now = ms(this.now + duration);
    return this.round();
  }

  #take(unchoked: ReadonlySet<number>): void {
    for (const id of unchoked) if (!this.unchoked.has(id)) this.set(id, { uploadedSinceUnchoke: 0 });
    this.unchoked = unchoked;
  }
}

test("seven of eight slots go to the peers that give most, one goes to somebody else (BEP 3)", () => {
  const story = new Story();
  for (let id = 1; id <= 20; id += 1) story.join(id, { downRate: id * 1000 });
  const unchoked = story.round();
  equal(unchoked.length, 8);
  deepEqual(unchoked.slice(-7), [14, 15, 16, 17, 18, 19, 20]);
  ok((unchoked[0] ?? 99) < 14);
});

test("who gives nothing gets no regular slot, even when one is free", () => {
  const story = new Story();
  story.join(1, { downRate: 5000 });
  for (let id = 2; id <= 20; id += 1) story.join(id);
  equal(story.round().length, 2);
});

test("a peer that let us wait for a minute loses its regular slot, however much it gave before", () => {
  const story = new Story();
  for (let id = 1; id <= 8; id += 1) story.join(id, { downRate: 1000 });
  story.slots = 4;
  const [first = 0] = story.round();
  story.later(10_000);
  story.set(first, { snubbed: true, downRate: 9000 });
  for (let rounds = 0; rounds < 30; rounds += 1) story.later(10_000);
  const turns = Array.from({ length: 30 }, () => Number(story.later(10_000).includes(first)));
  ok(turns.includes(0), "it has no slot of its own");
  ok(turns.includes(1), "and still gets the optimistic one in turn");
});

test("the optimistic unchoke moves on after thirty seconds, not sooner however often rounds are held", () => {
  const story = new Story();
  story.slots = 1;
  for (let id = 1; id <= 10; id += 1) story.join(id);
  const first = story.round();
  for (let at = 1; at < 30; at += 1) deepEqual(story.later(1000), first);
  const second = story.later(1000);
  equal(second.length, 1);
  ok(second[0] !== first[0]);
});

test("a lone peer keeps the optimistic slot without being choked in between", () => {
  const story = new Story();
  story.join(1);
  for (let rounds = 0; rounds < 20; rounds += 1) deepEqual(story.later(10_000), [1]);
});

test("new connections are three times as likely to be the next optimistic unchoke (BEP 3)", () => {
  let newcomers = 0;
  const campaigns = 600;
  for (let seed = 0; seed < campaigns; seed += 1) {
    const story = new Story(seed);
    story.slots = 1;
    for (const id of [1, 2, 3, 4]) story.join(id);
    for (let rounds = 0; rounds < 24; rounds += 1) story.later(10_000); // all four were served by now
    for (const id of [5, 6, 7, 8]) story.join(id);
    story.fill();
    const [held = 0] = story.later(30_000);
    if (held > 4) newcomers += 1;
  }
  // Four newcomers of weight three against three others of weight one: twelve fifteenths.
  ok(Math.abs(newcomers / campaigns - 12 / 15) < 0.08, `${newcomers} of ${campaigns}`);
});

test("a peer that begins to give moves from the optimistic slot to one of its own, and the next comes at once", () => {
  const story = new Story();
  for (let id = 1; id <= 5; id += 1) story.join(id);
  const [lucky = 0] = story.round();
  story.set(lucky, { downRate: 20_000 });
  const unchoked = story.later(10_000);
  equal(unchoked.length, 2);
  ok(unchoked.includes(lucky));
});

test("peers that want nothing, and peers that cannot be sent to, hold no slot", () => {
  const story = new Story();
  story.join(1, { interested: false, downRate: 9000 });
  story.join(2, { uploadOnly: true, downRate: 9000 });
  story.join(3, { canTake: false, downRate: 9000 });
  deepEqual(story.round(), []);
  story.set(1, { interested: true });
  deepEqual(story.round(), [1]);
  story.set(1, { interested: false });
  deepEqual(story.round(), []);
});

test("with no slots nobody is unchoked, and with fewer than before the excess is choked", () => {
  const story = new Story();
  for (let id = 1; id <= 30; id += 1) story.join(id, { downRate: 1000 });
  story.slots = 24;
  equal(story.round().length, 24);
  story.slots = 3;
  equal(story.later(10_000).length, 3);
  story.slots = 0;
  deepEqual(story.later(10_000), []);
  story.seeding = true;
  story.slots = 5;
  equal(story.later(10_000).length, 5);
  story.slots = 2;
  equal(story.later(10_000).length, 2);
});

test("a peer that becomes interested is unchoked at once when a slot is free, and takes nobody's place", () => {
  const story = new Story();
  story.seeding = true;
  story.slots = 2;
  story.join(1);
  deepEqual(story.fill(), [1]);
  story.join(2);
  story.join(3);
  deepEqual(story.fill(), [1, 2]);
  deepEqual(story.fill(), [1, 2]);
  story.peers.delete(1);
  deepEqual(story.fill(), [2, 3]);
});

test("between rounds a free slot of a leecher goes to a giver, its optimistic one to anybody", () => {
  const story = new Story();
  story.join(1);
  deepEqual(story.fill(), [1]);
  story.join(2);
  deepEqual(story.fill(), [1]);
  story.set(2, { downRate: 100 });
  deepEqual(story.fill(), [1, 2]);
});

test("seeding, a fast leecher that has had its bytes goes behind those who waited", () => {
  const story = new Story();
  story.seeding = true;
  story.slots = 1;
  story.join(1);
  story.join(2);
  story.join(3);
  deepEqual(story.round(), [1]);
  story.set(1, { uploadedSinceUnchoke: 10 * chokerLimits.turnBytes });
  deepEqual(story.later(20_000), [1]);
  deepEqual(story.later(10_000), [2]);
  story.set(2, { uploadedSinceUnchoke: 10 * chokerLimits.turnBytes });
  deepEqual(story.later(30_000), [3]);
  story.set(3, { uploadedSinceUnchoke: 10 * chokerLimits.turnBytes });
  deepEqual(story.later(30_000), [1]);
});

test("seeding, of two that wait equally long the one that was never served goes first", () => {
  const story = new Story();
  story.seeding = true;
  story.slots = 1;
  story.join(1);
  story.join(2);
  story.round();
  story.set(1, { uploadedSinceUnchoke: 1e9 });
  story.join(3);
  deepEqual(story.later(30_000), [2]); // 1 begins to wait now, and so does 3
  story.set(2, { uploadedSinceUnchoke: 1e9 });
  deepEqual(story.later(30_000), [3]);
});

test("seeding, a peer that reads slowly holds its slot for ninety seconds at most while others wait", () => {
  const story = new Story();
  story.seeding = true;
  story.slots = 1;
  story.join(1);
  story.join(2);
  story.round();
  for (let at = 10; at < 90; at += 10) deepEqual(story.later(10_000), [1]);
  deepEqual(story.later(10_000), [2]);
});

test("seeding, who waits for nobody keeps its slot for ever", () => {
  const story = new Story();
  story.seeding = true;
  story.join(1, { uploadedSinceUnchoke: 1e12 });
  for (let rounds = 0; rounds < 100; rounds += 1) deepEqual(story.later(10_000), [1]);
});

test("seeding, connecting again moves nobody forward", () => {
  const story = new Story();
  story.seeding = true;
  story.slots = 1;
  for (const id of [1, 2, 3]) story.join(id);
  story.round();
  story.peers.delete(1);
  story.join(101); // the same peer under a new number
  deepEqual(story.later(10_000), [2]);
  story.set(2, { uploadedSinceUnchoke: 1e9 });
  deepEqual(story.later(30_000), [3]);
});

test("seeding, three attackers among thirty leechers get three of thirty-three shares of time (Adamsky 2014)", () => {
  const story = new Story();
  story.seeding = true;
  story.slots = 4;
  const attacker = (id: number) => id % 100 > 30;
  for (let id = 1; id <= 33; id += 1) story.join(id);
  const time = { attackers: 0, all: 0 };
  for (let round = 1; round <= 2000; round += 1) {
    // An attacker drains whatever it is given, and connects again as soon as it is choked.
    for (const id of [...story.peers.keys()]) {
      if (story.unchoked.has(id)) story.set(id, { uploadedSinceUnchoke: attacker(id) ? 1e12 : 1e6 });
      else if (attacker(id) && round % 5 === 0) {
        story.peers.delete(id);
        story.join(id + 100);
      }
    }
    const unchoked = story.later(10_000);
    time.all += unchoked.length;
    time.attackers += unchoked.filter(attacker).length;
  }
  ok(time.attackers / time.all <= 3 / 33, `${time.attackers} of ${time.all}`);
});

test("a free rider's share of our time is no more than its share of the optimistic slot", () => {
  const story = new Story();
  const riders = 8;
  for (let id = 1; id <= 12; id += 1) story.join(id, { downRate: 10_000 + id });
  for (let id = 101; id <= 100 + riders; id += 1) story.join(id);
  let ridden = 0;
  let all = 0;
  for (let round = 0; round < 1000; round += 1) {
    const unchoked = story.later(10_000);
    all += unchoked.length;
    ridden += unchoked.filter((id) => id > 100).length;
  }
  // One slot in eight is optimistic; the five givers without a slot of their own take their turns in it too.
  ok(ridden / all <= 1 / 8, `${ridden} of ${all}`);
});

test("where others give, an optimistic turn ends with a piece that is not answered, and nobody gets the rest of it", () => {
  const story = new Story();
  for (const id of [1, 2]) story.join(id, { downRate: 1000 });
  for (const id of [3, 4]) story.join(id);
  const [, , lucky = 0] = story.round();
  story.set(lucky, { uploadedSinceUnchoke: story.creditBytes - 1 });
  deepEqual(story.fill(), [1, 2, lucky]);
  story.set(lucky, { uploadedSinceUnchoke: story.creditBytes });
  deepEqual(story.fill(), [1, 2]);
  deepEqual(story.later(10_000), [1, 2]);
  deepEqual(story.later(20_000).length, 3, "after thirty seconds it is somebody's turn again");
});

test("who answers within its optimistic turn keeps its place, and who begins to give later gets one", () => {
  const story = new Story();
  for (const id of [1, 2]) story.join(id, { downRate: 1000 });
  story.join(3);
  story.round();
  story.set(3, { uploadedSinceUnchoke: story.creditBytes, downRate: 10 });
  deepEqual(story.fill(), [1, 2, 3]);
  story.set(3, { downRate: 0 });
  deepEqual(story.later(10_000), [1, 2]);
  story.set(3, { downRate: 10 });
  deepEqual(story.fill(), [1, 2, 3]);
});

test("where nobody else gives, a peer that only takes has its whole turn", () => {
  const story = new Story();
  story.join(1, { downRate: 1000 });
  story.join(2);
  story.round();
  story.set(2, { uploadedSinceUnchoke: 1e9 });
  for (let rounds = 0; rounds < 9; rounds += 1) deepEqual(story.later(10_000), [1, 2]);
});

test("a peer that is alone with those who give and only takes has a piece of every turn", () => {
  const story = new Story();
  for (const id of [1, 2]) story.join(id, { downRate: 1000 });
  story.join(3);
  let turns = 0;
  for (let rounds = 0; rounds < 30; rounds += 1) {
    if (!story.later(10_000).includes(3)) continue;
    turns += 1;
    story.set(3, { uploadedSinceUnchoke: story.creditBytes });
  }
  ok(turns >= 7 && turns <= 11, `${turns} turns in five minutes`);
});

test("a peer that gave as much as it took comes first once we seed, and one that came back does not", () => {
  const story = new Story();
  story.seeding = true;
  story.slots = 1;
  story.join(1, { gave: true, balance: -10 * story.creditBytes });
  story.join(2);
  deepEqual(story.round(), [1], "neither earned it: who waits longest of equals, the lower number");
  story.join(3, { gave: true, balance: 5 });
  story.set(1, { uploadedSinceUnchoke: 10 * chokerLimits.turnBytes });
  deepEqual(story.later(30_000), [3]);
});

const peers: fc.Arbitrary<ChokerPeer> = fc.record({
  id: fc.integer({ min: 0, max: 15 }),
  interested: fc.boolean(),
  snubbed: fc.boolean(),
  uploadOnly: fc.boolean(),
  canTake: fc.boolean(),
  downRate: fc.integer({ min: 0, max: 3 }),
  uploadedSinceUnchoke: fc.constantFrom(0, chokerLimits.turnBytes),
  balance: fc.constantFrom(-chokerLimits.turnBytes, 0),
  gave: fc.boolean(),
});
const rounds = fc.array(
  fc.record({
    peers: fc.uniqueArray(peers, { selector: (peer) => peer.id, maxLength: 16 }),
    slots: fc.integer({ min: 0, max: 10 }),
    seeding: fc.boolean(),
    fill: fc.boolean(),
    wait: fc.integer({ min: 0, max: 40_000 }),
  }),
  { maxLength: 40 },
);

test("whatever the peers do: no more than the slots, only who wants and can take, whatever order they come in", () => {
  fc.assert(
    fc.property(rounds, fc.integer(), (story, seed) => {
      const choker = new Choker(new Prng(seed));
      const mirror = new Choker(new Prng(seed));
      let now = ms(0);
      let before: ReadonlySet<number> = new Set();
      for (const { peers: present, slots, seeding, fill, wait } of story) {
        now = ms(now + wait);
        const plan = { slots, seeding, creditBytes: 1 };
        const reversed = [...present].reverse();
        const unchoked = fill ? choker.fill(now, present, plan) : choker.round(now, present, plan);
        const mirrored = fill ? mirror.fill(now, reversed, plan) : mirror.round(now, reversed, plan);
        deepEqual(unchoked, mirrored, "the order of the list decides nothing");
        const able = present.filter((peer) => peer.interested && !peer.uploadOnly && peer.canTake);
        const ids = new Set(able.map((peer) => peer.id));
        for (const id of unchoked) ok(ids.has(id));
        if (!fill) ok(unchoked.size <= slots);
        const took = able.filter(
          (peer) => peer.uploadedSinceUnchoke > 0 && !(peer.downRate > 0 && !peer.snubbed),
        );
        const takers = new Set(took.map((peer) => peer.id));
        if (fill)
          for (const id of before)
            ok(
              !ids.has(id) || unchoked.has(id) || takers.has(id),
              "fill takes only the slots of those who only take",
            );
        if (!fill && seeding) equal(unchoked.size, Math.min(slots, ids.size), "a seed leaves no slot empty");
        if (slots > 0 && !fill && ids.size > 0) ok(unchoked.size > 0);
        before = unchoked;
      }
    }),
    { numRuns: 500 },
  );
});

test("everyone who waits is served: within a bound that grows with the line, seeding or not", () => {
  fc.assert(
    fc.property(
      fc.record({
        count: fc.integer({ min: 1, max: 12 }),
        slots: fc.integer({ min: 1, max: 9 }),
        givers: fc.integer({ min: 0, max: 9 }),
        seeding: fc.boolean(),
        greed: fc.constantFrom(0, 1e12),
        seed: fc.integer(),
      }),
      ({ count, slots, givers, seeding, greed, seed }) => {
        const story = new Story(seed);
        Object.assign(story, { slots, seeding });
        for (let id = 1; id <= givers; id += 1) story.join(id, { downRate: 1000 });
        for (let id = 101; id <= 100 + count; id += 1) story.join(id);
        const all = count + givers;
        const turn = seeding ? chokerLimits.turnMax : chokerLimits.optimisticTurn;
        const bound = 3 * all * turn + 20_000;
        const waited = new Map([...story.peers.keys()].map((id) => [id, 0]));
        for (let at = 0; at < 3 * bound; at += 10_000) {
          for (const id of story.unchoked) story.set(id, { uploadedSinceUnchoke: greed });
          const unchoked = new Set(story.later(10_000));
          for (const id of story.peers.keys()) {
            const wait = unchoked.has(id) ? 0 : (waited.get(id) ?? 0) + 10_000;
            ok(wait <= bound, `peer ${id} waited ${wait} ms of ${bound}`);
            waited.set(id, wait);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});
