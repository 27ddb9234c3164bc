import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Ms, minutes, ms, Prng, seconds } from "@dure/base";
import { metadataLimits } from "./limits.ts";
import type { MetadataInput } from "./messages.ts";
import { MetadataFetch } from "./metadata-fetch.ts";

const pieceBytes = metadataLimits.pieceBytes;

/** A fetch on virtual time, and its transcript: what was heard and said, one line each. */
class Story {
  now: Ms = ms(0);
  readonly fetch = new MetadataFetch();
  readonly lines: string[] = [];
  readonly info: Uint8Array;
  readonly check: (bytes: Uint8Array) => boolean;
  done: Uint8Array | undefined;

  constructor(size: number) {
    this.info = new Prng(9).bytes(size);
    this.check = (bytes) => bytes.length === size && bytes.every((byte, index) => byte === this.info[index]);
  }

  join(peer: number, metadataBytes = this.info.length): this {
    return this.hear({ type: "peer", peer, metadataBytes });
  }

  /** The peer sends the true piece, or one of these bytes. */
  data(peer: number, piece: number, how: "true" | "false" | "short" = "true"): this {
    const from = piece * pieceBytes;
    const bytes = this.info.slice(from, from + pieceBytes);
    if (how === "false") bytes.fill(0x78);
    const sent = how === "short" ? bytes.subarray(1) : bytes;
    return this.hear({ type: "data", peer, piece, totalBytes: this.info.length, bytes: sent });
  }

  hear(input: MetadataInput): this {
    this.fetch.handle(this.now, input);
    for (let output = this.fetch.poll(); output !== undefined; output = this.fetch.poll()) {
      if (output.type === "request") this.lines.push(`ask ${output.peer} for ${output.piece}`);
      else if (output.type === "blame") this.lines.push(`blame ${output.peer}`);
      else if (output.type === "done") {
        this.done = output.infoBytes;
        this.lines.push("done");
      } else {
        const good = this.check(output.bytes);
        this.lines.push(good ? "right" : "wrong");
        this.fetch.handle(this.now, { type: "checked", good });
      }
    }
    return this;
  }

  /** Time passes, with a wake at each deadline on the way. */
  wait(duration: number): this {
    const until = this.now + duration;
    for (;;) {
      const due = this.fetch.deadline();
      if (due === undefined || due > until) break;
      this.now = due;
      this.hear({ type: "wake" });
    }
    this.now = ms(until);
    return this;
  }

  /** The lines since the last call. */
  said(): string[] {
    return this.lines.splice(0);
  }
}

test("metadata of one piece comes from the first peer that has it", () => {
  const story = new Story(1000);
  deepEqual(story.join(1).said(), ["ask 1 for 0"]);
  deepEqual(story.join(2).said(), []);
  deepEqual(story.data(1, 0).said(), ["right", "done"]);
  deepEqual(story.done, story.info);
  equal(story.fetch.deadline(), undefined);
  deepEqual(story.join(3).wait(minutes(5)).said(), []);
});

test("several peers share the pieces, the least busy is asked first, eight at a time", () => {
  const story = new Story(11 * pieceBytes + 1);
  deepEqual(
    story.join(1).said(),
    [0, 1, 2, 3, 4, 5, 6, 7].map((piece) => `ask 1 for ${piece}`),
  );
  deepEqual(
    story.join(2).said(),
    [8, 9, 10, 11].map((piece) => `ask 2 for ${piece}`),
  );
  for (const piece of [0, 1, 2, 3, 4, 5, 6, 7]) story.data(1, piece);
  for (const piece of [11, 10, 9, 8]) story.data(2, piece);
  deepEqual(story.said(), ["right", "done"]);
});

test("a piece that is slow to come is asked of a second peer after two seconds, and who comes first counts", () => {
  const story = new Story(1000);
  story.join(1).join(2).join(3);
  deepEqual(story.wait(1999).said(), ["ask 1 for 0"]);
  deepEqual(story.wait(1).said(), ["ask 2 for 0"]);
  deepEqual(story.wait(7000).said(), [], "not of a third");
  deepEqual(story.data(2, 0).data(1, 0).said(), ["right", "done"]);
});

test("a silent peer is given up after ten seconds, rests, and is asked again when nobody else is there", () => {
  const story = new Story(1000);
  story.join(1);
  deepEqual(story.wait(14_999).said(), ["ask 1 for 0"]);
  deepEqual(story.wait(1).said(), ["ask 1 for 0"]);
  story.join(2).wait(10_000);
  deepEqual(story.said(), ["ask 2 for 0"]);
});

test("a peer that says no is not asked for fifteen seconds, and its pieces go to others at once (BEP 9)", () => {
  const story = new Story(2 * pieceBytes);
  story.join(1);
  story.said();
  story.hear({ type: "reject", peer: 1, piece: 0 });
  story.join(2);
  deepEqual(story.said(), ["ask 2 for 0"]);
  story.hear({ type: "reject", peer: 1, piece: 1 });
  deepEqual(story.said(), ["ask 2 for 1"]);
  deepEqual(story.data(2, 0).data(2, 1).said(), ["right", "done"]);
});

test("a peer that left gives its pieces back", () => {
  const story = new Story(2 * pieceBytes);
  story.join(1).join(2);
  deepEqual(story.said(), ["ask 1 for 0", "ask 1 for 1"]);
  deepEqual(story.hear({ type: "peer-left", peer: 1 }).said(), ["ask 2 for 0", "ask 2 for 1"]);
});

test("who sent everything alone and was wrong is named", () => {
  const story = new Story(2 * pieceBytes);
  story.join(1);
  story.said();
  deepEqual(story.data(1, 0, "false").data(1, 1).said(), ["wrong", "blame 1"]);
  deepEqual(story.join(2).said(), ["ask 2 for 0", "ask 2 for 1"]);
  deepEqual(story.data(2, 0).data(2, 1).said(), ["right", "done"]);
});

test("when a mix was wrong one peer sends all anew, and being right it shows who had lied", () => {
  const story = new Story(9 * pieceBytes);
  story.join(1).join(2);
  story.said();
  for (const piece of [0, 1, 2, 3, 4, 5, 6, 7]) story.data(1, piece, piece === 3 ? "false" : "true");
  story.data(2, 8);
  const again = story.said();
  equal(again[0], "wrong");
  ok(again.slice(1).every((line) => line.startsWith("ask 1 for ")));
  // It is the liar's turn first; it leaves, so that the other one has to send all.
  story.hear({ type: "peer-left", peer: 1 });
  for (let piece = 0; piece < 9; piece += 1) story.data(2, piece);
  deepEqual(story.said().slice(-3), ["right", "blame 1", "done"]);
});

test("a liar that has to send all alone is named by it, and only then the next one is asked", () => {
  const story = new Story(9 * pieceBytes);
  story.join(1).join(2);
  for (const piece of [0, 1, 2, 3, 4, 5, 6, 7]) story.data(1, piece, "false");
  story.data(2, 8);
  story.said();
  for (let piece = 0; piece < 9; piece += 1) story.data(1, piece, "false");
  const said = story.said();
  deepEqual(said.slice(1, 3), ["wrong", "blame 1"]);
  ok(said.slice(3).every((line) => line.startsWith("ask 2 for ")));
  for (let piece = 0; piece < 9; piece += 1) story.data(2, piece);
  deepEqual(story.said().slice(-2), ["right", "done"]);
});

test("a sole peer that stops half way loses its turn, and what it sent accuses nobody wrongly", () => {
  const story = new Story(9 * pieceBytes);
  story.join(1).join(2).join(3);
  for (const piece of [0, 1, 2, 3, 4, 5, 6, 7]) story.data(1, piece);
  story.data(2, 8, "false");
  story.said(); // wrong; all again from 1
  for (const piece of [0, 1, 2]) story.data(1, piece, "false"); // now it lies, over its own true bytes
  story.wait(10_000);
  ok(story.said().includes("ask 2 for 0"));
  for (let piece = 0; piece < 9; piece += 1) story.data(2, piece);
  deepEqual(story.said().slice(-3), ["right", "blame 1", "done"]);
});

test("a sole peer that is slow loses its turn to another one", () => {
  const story = new Story(20 * pieceBytes);
  story.join(1).join(2);
  // A mix that fails, so that the next attempt is one peer's alone.
  for (let said = story.said(); !said.includes("wrong"); said = story.said()) {
    for (const { peer, piece } of requestsIn(said)) story.data(peer, piece, peer === 1 ? "false" : "true");
    if (story.lines.includes("wrong")) break;
  }
  const began = story.now;
  const waiting = requestsIn(story.said());
  ok(waiting.length > 0 && waiting.every(({ peer }) => peer === 1));
  while (waiting.every(({ peer }) => peer === 1)) {
    ok(story.now - began < seconds(30), "2 never had its turn");
    const [first] = waiting.splice(0, 1);
    ok(first !== undefined);
    story.wait(1200).data(1, first.piece);
    waiting.push(...requestsIn(story.said()));
  }
  ok(story.now - began >= seconds(20));
});

test("a size that more peers claim is preferred to the one that was heard first", () => {
  const story = new Story(1000);
  story.join(1, 30 * 1024 * 1024);
  equal(story.said().length, 8);
  deepEqual(story.join(2).said(), ["ask 2 for 0"]); // one against one: the smaller costs less to try
  deepEqual(story.data(2, 0).said(), ["right", "done"]);
});

test("many that claim one wrong size keep the honest peer waiting for one attempt only", () => {
  const story = new Story(1000);
  for (let peer = 1; peer <= 5; peer += 1) story.join(peer, 500);
  story.join(6);
  deepEqual(story.said(), ["ask 1 for 0"]);
  story.hear({ type: "data", peer: 1, piece: 0, totalBytes: 500, bytes: new Uint8Array(500) });
  deepEqual(story.said(), ["wrong", "blame 1", "ask 6 for 0"]);
});

test("a size whose peers dawdle is left for another one after a while", () => {
  const story = new Story(1000);
  const size = 500 * pieceBytes;
  for (const peer of [1, 2]) story.join(peer, size);
  story.join(3);
  // Both answer everything just before it would be given up.
  for (let said = story.said(); !said.includes("ask 3 for 0"); said = story.said()) {
    ok(story.now < minutes(3), "the honest peer was never asked");
    story.wait(9999);
    for (const { peer, piece } of requestsIn(said)) {
      story.hear({ type: "data", peer, piece, bytes: new Uint8Array(pieceBytes) });
    }
  }
  ok(story.now >= seconds(70), `${story.now}`);
  deepEqual(story.data(3, 0).said(), ["right", "done"]);
});

test("sizes of nothing, of more than 30 MiB, and of 200 peers and one more", () => {
  const story = new Story(1000);
  deepEqual(story.join(1, 0).join(2, -1).join(3, 31_457_281).said(), []);
  equal(story.join(4, 31_457_280).said().length, 8);
  const crowd = new Story(1000);
  for (let peer = 1; peer <= 201; peer += 1) crowd.join(peer);
  for (let peer = 1; peer <= 200; peer += 1) crowd.hear({ type: "peer-left", peer });
  crowd.said();
  crowd.data(201, 0);
  deepEqual(crowd.said(), [], "the one past the ceiling was never asked");
});

test("data of the wrong length or total size is not taken, and its peer not asked again", () => {
  const story = new Story(1000);
  story.join(1).join(2);
  deepEqual(story.data(1, 0, "short").said(), ["ask 1 for 0", "ask 2 for 0"]);
  story.hear({ type: "data", peer: 2, piece: 0, totalBytes: 999, bytes: story.info });
  deepEqual(story.wait(minutes(1)).said(), []);
  deepEqual(story.join(3).data(3, 0).said(), ["ask 3 for 0", "right", "done"]);
});

test("data nobody asked for is ignored, and so is a stranger", () => {
  const story = new Story(2 * pieceBytes);
  story.join(1);
  story.said();
  story.data(2, 0).data(1, 7).hear({ type: "reject", peer: 2, piece: 0 });
  story.hear({ type: "peer-left", peer: 9 });
  deepEqual(story.said(), []);
});

test("a peer that changes its mind about the size starts anew", () => {
  const story = new Story(1000);
  story.join(1, 2000);
  deepEqual(story.join(1).said(), ["ask 1 for 0", "ask 1 for 0"]);
  deepEqual(story.join(1).said(), [], "saying the same again changes nothing");
  deepEqual(story.data(1, 0).said(), ["right", "done"]);
});

test("data without a total size is taken by its length", () => {
  const story = new Story(1000);
  story.join(1).hear({ type: "data", peer: 1, piece: 0, bytes: story.info });
  deepEqual(story.said(), ["ask 1 for 0", "right", "done"]);
});

function requestsIn(lines: readonly string[]): { peer: number; piece: number }[] {
  return lines.flatMap((line) => {
    const match = /^ask (\d+) for (\d+)$/.exec(line);
    return match === null ? [] : [{ peer: Number(match[1]), piece: Number(match[2]) }];
  });
}
