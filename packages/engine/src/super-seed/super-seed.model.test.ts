import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Ms, ms, must, Prng } from "@dure/base";
import fc from "fast-check";
import type { SuperSeedInput } from "./messages.ts";
import { SuperSeed } from "./super-seed.ts";

type Step =
  | { do: "join"; has: readonly number[] }
  | { do: "leave" | "give" | "half" | "silent"; which: number }
  | { do: "tell"; which: number; piece: number }
  | { do: "wait"; ms: number };

const pieces = 6;
const pieceBytes = 100;
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("join" as const),
      has: fc.array(fc.nat(pieces - 1), { maxLength: 2 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "leave" as const,
        "give" as const,
        "give" as const,
        "half" as const,
        "silent" as const,
      ),
      which: fc.nat(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("tell" as const), which: fc.nat(), piece: fc.nat(pieces - 1) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(30_000) }) },
);

interface Known {
  readonly held: Set<number>;
  readonly told: Set<number>;
  readonly shown: Set<number>;
  readonly given: Map<number, number>;
}

/** The peers, what they were shown, and what must hold of it. */
class World {
  now: Ms = ms(0);
  readonly machine = new SuperSeed({ pieceCount: pieces, pieceLength: () => pieceBytes, prng: new Prng(3) });
  readonly peers = new Map<number, Known>();
  over: string | undefined;
  #joined = 0;

  take(step: Step): void {
    if (step.do === "join") return this.join(step.has, true);
    if (step.do === "silent") return this.join([], false);
    if (step.do === "wait") return this.wait(step.ms);
    const peer = [...this.peers.keys()][step.which % Math.max(1, this.peers.size)];
    if (peer === undefined) return;
    if (step.do === "leave") {
      this.peers.delete(peer);
      this.tell({ type: "leave", peer });
    } else if (step.do === "tell") this.gain(peer, step.piece, { type: "have", peer, piece: step.piece });
    else this.give(peer, step.do === "give" ? pieceBytes : pieceBytes / 2);
  }

  join(has: readonly number[], speaks: boolean): void {
    this.#joined += 1;
    const peer = this.#joined;
    const known = { held: new Set<number>(), told: new Set<number>() };
    this.peers.set(peer, { ...known, shown: new Set(), given: new Map() });
    this.tell({ type: "join", peer });
    for (const set of Object.values(known)) for (const piece of has) set.add(piece);
    if (speaks)
      this.tell({ type: "holds", peer, holdings: { all: false, has: (piece) => has.includes(piece) } });
  }

  give(peer: number, bytes: number): void {
    const { shown, given, held } = must(this.peers.get(peer), "it is here");
    const piece = [...shown].find((one) => !held.has(one));
    if (piece === undefined) return;
    const sum = (given.get(piece) ?? 0) + bytes;
    given.set(piece, sum);
    const input = { type: "given", peer, piece, bytes } as const;
    if (sum >= pieceBytes) this.gain(peer, piece, input);
    else this.tell(input);
  }

  gain(peer: number, piece: number, input: SuperSeedInput): void {
    this.peers.get(peer)?.held.add(piece);
    if (input.type === "have") this.peers.get(peer)?.told.add(piece);
    this.tell(input);
  }

  wait(duration: number): void {
    const until = this.now + duration;
    for (
      let due = this.machine.deadline();
      due !== undefined && due <= until;
      due = this.machine.deadline()
    ) {
      ok(due >= this.now, "time does not go back");
      const before = due;
      this.now = due;
      this.tell({ type: "wake" });
      ok((this.machine.deadline() ?? Number.POSITIVE_INFINITY) > before, "a deadline that was kept is over");
    }
    this.now = ms(until);
  }

  tell(input: SuperSeedInput): void {
    this.machine.handle(this.now, input);
    for (let output = this.machine.poll(); output !== undefined; output = this.machine.poll()) {
      equal(this.over, undefined, "nothing is said after the end");
      if (output.type === "over") this.over = output.why;
      else this.shows(output.peer, output.piece);
    }
    this.check();
  }

  shows(peer: number, piece: number): void {
    const known = must(this.peers.get(peer), "only who is here is shown anything");
    ok(!known.held.has(piece) && !known.shown.has(piece), "a piece is shown once, to who lacks it");
    for (const { held } of this.peers.values()) ok(!held.has(piece), "and only if nobody has it");
    known.shown.add(piece);
  }

  check(): void {
    const told = new Set([...this.peers.values()].flatMap((peer) => [...peer.told]));
    if (this.over === undefined) ok(told.size < pieces, "a swarm with a copy of its own is left to itself");
    for (const [peer, { shown }] of this.peers)
      for (let piece = 0; piece < pieces; piece += 1)
        equal(this.machine.revealed(peer, piece), this.over !== undefined || shown.has(piece));
  }
}

test("whatever peers do, a piece is shown once, to who lacks it, and only while nobody has it", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 60 }), (story) => {
      const world = new World();
      for (const step of story) world.take(step);
      // Whoever is left gets everything in the end.
      if (world.peers.size === 0) world.join([], true);
      for (let turn = 0; turn < 200 && world.over === undefined; turn += 1) {
        for (const peer of [...world.peers.keys()])
          if (world.over === undefined) world.give(peer, pieceBytes);
        world.wait(30_000);
      }
      ok(world.over !== undefined, "it comes to an end");
    }),
    { numRuns: 1000 },
  );
});
