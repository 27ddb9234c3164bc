import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { equalBytes, type Ms, ms, Prng, seconds } from "@dure/base";
import fc from "fast-check";
import { metadataLimits } from "./limits.ts";
import type { MetadataInput } from "./messages.ts";
import { MetadataFetch } from "./metadata-fetch.ts";

const pieceBytes = metadataLimits.pieceBytes;
const trueSize = 3 * pieceBytes + 100;
const info = new Prng(4).bytes(trueSize);

type Step =
  | { do: "join"; honest: boolean; size: number }
  | { do: "leave"; peer: number }
  | { do: "answer"; peer: number; how: "true" | "false" | "short" | "size" | "reject" }
  | { do: "stray"; peer: number; piece: number }
  | { do: "wait"; ms: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("join" as const),
      honest: fc.boolean(),
      size: fc.constantFrom(1, pieceBytes, trueSize, trueSize, trueSize + 1, 9 * pieceBytes),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), peer: fc.nat(9) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      peer: fc.nat(9),
      how: fc.constantFrom("true", "false", "short", "size", "reject"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("stray" as const), peer: fc.nat(9), piece: fc.nat(5) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  },
);

interface ModelPeer {
  readonly id: number;
  readonly honest: boolean;
  readonly size: number;
  readonly asked: number[];
}

/** Peers that are honest or not, and what must hold of everything the fetch says. */
class World {
  now: Ms = ms(0);
  readonly fetch = new MetadataFetch();
  readonly present: ModelPeer[] = [];
  readonly liedOnce = new Set<number>();
  readonly blamed = new Set<number>();
  done: Uint8Array | undefined;
  #nextId = 1;

  run(step: Step): void {
    switch (step.do) {
      case "join": {
        const peer: ModelPeer = {
          id: this.#nextId,
          honest: step.honest,
          size: step.honest ? trueSize : step.size,
          asked: [],
        };
        this.#nextId += 1;
        this.present.push(peer);
        return this.hear({ type: "peer", peer: peer.id, metadataBytes: peer.size });
      }
      case "leave": {
        const [peer] = this.present.splice(step.peer, 1);
        if (peer !== undefined) this.hear({ type: "peer-left", peer: peer.id });
        return;
      }
      case "answer": {
        const peer = this.present[step.peer];
        if (peer !== undefined) this.answer(peer, step.how);
        return;
      }
      case "stray": {
        const { peer: id, piece } = step;
        if (this.present.some((peer) => peer.id === id && peer.asked.includes(piece))) return;
        return this.hear({ type: "data", peer: id, piece, bytes: new Uint8Array(pieceBytes) });
      }
      case "wait":
        return this.wait(step.ms);
    }
  }

  answer(peer: ModelPeer, how: "true" | "false" | "short" | "size" | "reject"): void {
    const piece = peer.asked.shift();
    if (piece === undefined) return;
    if (how === "reject") return this.hear({ type: "reject", peer: peer.id, piece });
    const from = piece * pieceBytes;
    const bytes = new Uint8Array(Math.max(0, Math.min(pieceBytes, peer.size - from)));
    bytes.set(info.subarray(from, from + bytes.length));
    if (!peer.honest && how !== "true") bytes.fill(peer.id);
    if (!equalBytes(bytes, info.subarray(from, from + pieceBytes)) || peer.size !== trueSize)
      this.liedOnce.add(peer.id);
    const sent = !peer.honest && how === "short" ? bytes.subarray(1) : bytes;
    const totalBytes = !peer.honest && how === "size" ? peer.size + 1 : peer.size;
    this.hear({ type: "data", peer: peer.id, piece, totalBytes, bytes: sent });
  }

  wait(duration: number): void {
    const until = this.now + duration;
    for (;;) {
      const due = this.fetch.deadline();
      if (due === undefined || due > until) break;
      this.now = due;
      this.hear({ type: "wake" });
    }
    this.now = ms(until);
  }

  hear(input: MetadataInput): void {
    this.fetch.handle(this.now, input);
    for (let output = this.fetch.poll(); output !== undefined; output = this.fetch.poll()) {
      if (output.type === "request") {
        const { peer: id, piece } = output;
        const peer = this.present.find((other) => other.id === id);
        ok(peer !== undefined, `asked ${id}, which is not there`);
        ok(piece >= 0 && piece * pieceBytes < peer.size, `asked for piece ${piece} of ${peer.size} bytes`);
        ok(!this.blamed.has(id), `asked ${id}, which was named`);
        peer.asked.push(piece);
      } else if (output.type === "check") {
        ok(this.done === undefined);
        this.fetch.handle(this.now, { type: "checked", good: equalBytes(output.bytes, info) });
      } else if (output.type === "done") {
        deepEqual(output.infoBytes, info);
        this.done = output.infoBytes.slice();
      } else {
        ok(this.liedOnce.has(output.peer), `named ${output.peer}, which never lied`);
        ok(!this.blamed.has(output.peer), `named ${output.peer} twice`);
        this.blamed.add(output.peer);
      }
    }
    const due = this.fetch.deadline();
    ok(due === undefined || due > this.now, "a deadline lies ahead");
    if (this.done !== undefined) equal(due, undefined);
  }
}

test("whatever peers do nobody honest is named, and one honest peer that answers is enough in the end", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80 }), fc.nat(4), (story, stay) => {
      const world = new World();
      for (const step of story) world.run(step);
      // The second act: some of the peers stay and say nothing more, one honest peer comes and answers.
      while (world.present.length > stay) world.run({ do: "leave", peer: 0 });
      world.run({ do: "join", honest: true, size: trueSize });
      const honest = world.present[world.present.length - 1];
      const began = world.now;
      while (world.done === undefined) {
        ok(world.now - began < seconds(300), "done within five minutes");
        world.wait(500);
        while (honest !== undefined && honest.asked.length > 0) world.answer(honest, "true");
      }
      deepEqual(world.done, info);
    }),
    { numRuns: 300 },
  );
});
