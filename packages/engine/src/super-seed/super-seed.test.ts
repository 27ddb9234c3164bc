import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Ms, ms, Prng, seconds } from "@dure/base";
import type { SuperSeedInput } from "./messages.ts";
import { SuperSeed } from "./super-seed.ts";

const pieceBytes = 32_768;
const nothing = { all: false, has: () => false };

/** A super-seed and what it has shown to whom, as text. */
class Story {
  now: Ms = ms(0);
  readonly machine: SuperSeed;
  readonly lines: string[] = [];
  /** The piece shown last to each peer. */
  readonly shown = new Map<number, number>();

  constructor(pieceCount: number) {
    const pieceLength = () => pieceBytes;
    this.machine = new SuperSeed({ pieceCount, pieceLength, prng: new Prng(1) });
  }

  tell(input: SuperSeedInput): this {
    this.machine.handle(this.now, input);
    for (let output = this.machine.poll(); output !== undefined; output = this.machine.poll()) {
      if (output.type === "over") this.lines.push(`over: ${output.why}`);
      else {
        this.lines.push(`${output.peer} is shown ${output.piece}`);
        this.shown.set(output.peer, output.piece);
      }
    }
    return this;
  }

  join(...peers: readonly number[]): this {
    for (const peer of peers) {
      this.tell({ type: "join", peer });
      this.tell({ type: "holds", peer, holdings: nothing });
    }
    return this;
  }

  /** The peer has got all of what it was shown last. */
  give(peer: number): this {
    return this.tell({ type: "given", peer, piece: this.pieceOf(peer), bytes: pieceBytes });
  }

  /** One peer has told that it has what was shown to the other. */
  spread(from: number, to: number): this {
    return this.tell({ type: "have", peer: to, piece: this.pieceOf(from) });
  }

  pieceOf(peer: number): number {
    return this.shown.get(peer) ?? -1;
  }

  later(duration: number): this {
    const until = this.now + duration;
    for (
      let due = this.machine.deadline();
      due !== undefined && due <= until;
      due = this.machine.deadline()
    ) {
      ok(due > this.now || this.now === until, "a deadline lies ahead");
      this.now = due;
      this.tell({ type: "wake" });
    }
    this.now = ms(until);
    return this;
  }

  taken(): string[] {
    return this.lines.splice(0);
  }
}

test("a peer is shown its next piece when another one has told of its last", () => {
  const story = new Story(10).join(1, 2, 3);
  deepEqual(
    story.taken().map((line) => line.slice(0, 10)),
    ["1 is shown", "2 is shown", "3 is shown"],
  );
  equal(new Set(story.shown.values()).size, 3, "each another piece");
  story.give(1);
  deepEqual(story.taken(), [], "it has it, and nobody else");
  story.spread(1, 2);
  deepEqual(story.taken(), [`1 is shown ${story.pieceOf(1)}`]);
  ok(story.machine.revealed(1, story.pieceOf(1)) && !story.machine.revealed(2, story.pieceOf(1)));
});

test("a peer that is alone is shown one piece after the other", () => {
  const story = new Story(4).join(1);
  for (let piece = 0; piece < 3; piece += 1) story.give(1);
  equal(story.taken().length, 4);
  story.give(1);
  deepEqual(story.taken(), ["over: another-seed"]);
});

test("half a piece is not a piece", () => {
  const story = new Story(4).join(1);
  story.taken();
  story.tell({ type: "given", peer: 1, piece: story.pieceOf(1), bytes: pieceBytes - 1 });
  deepEqual(story.taken(), []);
  story.tell({ type: "given", peer: 1, piece: story.pieceOf(1), bytes: 1 });
  equal(story.taken().length, 1);
});

test("it is over when another peer has everything, told at once or piece by piece", () => {
  const story = new Story(3).join(1);
  story.taken();
  story.tell({ type: "join", peer: 2 });
  story.tell({ type: "holds", peer: 2, holdings: { all: true, has: () => true } });
  deepEqual(story.taken(), ["over: another-seed"]);
  ok(story.machine.revealed(7, 2), "everything is shown to everyone");
  const other = new Story(3).join(1);
  other.taken();
  for (let piece = 0; piece < 3; piece += 1) other.tell({ type: "have", peer: 1, piece });
  equal(other.taken().at(-1), "over: another-seed");
});

test("it is over when the others together have everything, and when we have it no more", () => {
  const story = new Story(2).join(1, 2);
  story.taken();
  story.give(1).give(2);
  deepEqual(story.taken(), [], "it is under way");
  story.spread(1, 2).spread(2, 1);
  deepEqual(story.taken(), ["over: another-seed"]);
  const three = new Story(2).join(1, 2, 3);
  three.give(1).give(2).spread(1, 3);
  three.taken();
  three.tell({ type: "have", peer: 2, piece: three.pieceOf(2) });
  deepEqual(three.taken(), ["over: copied"]);
  const silent = new Story(2).join(1, 2);
  silent.give(1).give(2).later(seconds(19));
  equal(silent.taken().length, 2);
  silent.later(seconds(1));
  deepEqual(silent.taken(), ["over: copied"], "nobody tells of it, and it need not be told");
  const other = new Story(2).join(1);
  other.taken();
  other.tell({ type: "gone" });
  deepEqual(other.taken(), ["over: no-seed"]);
  equal(other.machine.deadline(), undefined);
});

test("a piece is shown to one peer alone; when it leaves, another may have it", () => {
  const story = new Story(1).join(1, 2);
  deepEqual(story.taken(), ["1 is shown 0"]);
  story.tell({ type: "leave", peer: 1 });
  deepEqual(story.taken(), ["2 is shown 0"]);
});

test("what peers had is gone with them", () => {
  const other = new Story(2).join(1, 2);
  other.taken();
  other.give(1).tell({ type: "leave", peer: 1 }).give(2);
  deepEqual(other.taken(), [`2 is shown ${other.pieceOf(2)}`], "and not over");
});

test("a peer that says nothing has nothing; one that has pieces is not shown those", () => {
  const story = new Story(2);
  story.tell({ type: "join", peer: 1 });
  deepEqual(story.taken(), []);
  story.later(seconds(1));
  equal(story.taken().length, 1);
  const other = new Story(2);
  other.tell({ type: "join", peer: 1 });
  other.tell({ type: "holds", peer: 1, holdings: { all: false, has: (piece) => piece === 0 } });
  deepEqual(other.taken(), ["1 is shown 1"]);
});

test("a piece that does not get on holds up neither the peer nor the piece", () => {
  const story = new Story(3).join(1, 2, 3);
  story.taken();
  const stuck = story.pieceOf(1);
  story.give(2).give(3);
  story.spread(2, 3).spread(3, 2);
  deepEqual(story.taken(), [], "all that is left is on its way to 1");
  story.later(seconds(19));
  deepEqual(story.taken(), []);
  story.later(seconds(1));
  deepEqual(story.taken(), [`2 is shown ${stuck}`]);
  // As long as bytes come it is not stuck.
  for (let turn = 0; turn < 10; turn += 1) {
    story.tell({ type: "given", peer: 2, piece: stuck, bytes: 1 }).later(seconds(15));
  }
  deepEqual(story.taken(), []);
});

test("a peer from which nothing gets on is not starved for ever", () => {
  const story = new Story(100).join(1, 2);
  story.taken();
  story.give(1);
  story.later(seconds(20));
  ok(story.taken().some((line) => line.startsWith("1 is shown")));
});
