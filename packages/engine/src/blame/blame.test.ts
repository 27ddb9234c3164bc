import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { concat } from "@dure/base";
import { Blame, type BlockSource, blameLimits, soleContributor } from "./blame.ts";

/** A piece as text: the peers that sent its blocks, one letter each, and `-` for the disk; the bytes likewise. */
function piece(index: number, peers: string, bytes: string) {
  return {
    piece: index,
    contributors: Array.from(peers, (peer): BlockSource => (peer === "-" ? null : peer)),
    blockDigests: concat(Array.from(bytes, (byte) => new Uint8Array(20).fill(byte.charCodeAt(0)))),
  };
}

test("a peer that alone sent a piece that failed is named at once, and nobody need be alone again", () => {
  const blame = new Blame();
  deepEqual(blame.failed(piece(0, "aaaa", "xxxx")), { liars: ["a"], sole: false });
  equal(blame.mustBeSole(0), false);
  equal(blame.pending, 0);
});

test("of several nobody is named until the piece was right once, then the one whose block differed", () => {
  const blame = new Blame();
  deepEqual(blame.failed(piece(0, "abca", "rxrr")), { liars: [], sole: true });
  equal(blame.mustBeSole(0), true);
  deepEqual(blame.passed(piece(0, "dddd", "rrrr")), ["b"]);
  equal(blame.mustBeSole(0), false);
});

test("a liar that left meanwhile is named all the same", () => {
  const blame = new Blame();
  blame.failed(piece(0, "ab", "rx"));
  // b is gone; a fetches the piece alone.
  deepEqual(blame.passed(piece(0, "aa", "rr")), ["b"]);
});

test("who sends a failed piece alone and fails again is named, and the first failure still waits", () => {
  const blame = new Blame();
  blame.failed(piece(0, "ab", "rx"));
  deepEqual(blame.failed(piece(0, "cc", "ry")), { liars: ["c"], sole: true });
  deepEqual(blame.passed(piece(0, "aa", "rr")), ["b"]);
});

test("two that lie in one piece are both named, and in several failures of one piece each", () => {
  const blame = new Blame();
  blame.failed(piece(0, "abc", "xyr"));
  blame.failed(piece(0, "dbc", "ryr"));
  blame.failed(piece(0, "aec", "rxr"));
  deepEqual(new Set(blame.passed(piece(0, "ffff".slice(0, 3), "rrr"))), new Set(["a", "b", "e"]));
  equal(blame.pending, 0);
});

test("blocks that were on disk accuse nobody", () => {
  const blame = new Blame();
  deepEqual(blame.failed(piece(0, "----", "xxxx")), { liars: [], sole: false });
  equal(blame.mustBeSole(0), false);
  deepEqual(blame.failed(piece(0, "a---", "rxxx")), { liars: [], sole: true });
  deepEqual(blame.passed(piece(0, "bbbb", "rrrr")), []);
});

test("whoever took part in a failure is on parole until it is settled", () => {
  const blame = new Blame();
  blame.failed(piece(0, "ab", "rx"));
  blame.failed(piece(1, "ac", "rx"));
  deepEqual(
    ["a", "b", "c", "d"].map((peer) => blame.onParole(peer)),
    [true, true, true, false],
  );
  blame.passed(piece(0, "dd", "rr"));
  deepEqual(
    ["a", "b", "c", "d"].map((peer) => blame.onParole(peer)),
    [true, false, true, false],
  );
  blame.passed(piece(1, "dd", "rr"));
  equal(blame.onParole("a"), false);
});

test("a piece that never failed names nobody, and its digests are not needed", () => {
  const blame = new Blame();
  blame.failed(piece(0, "ab", "rx"));
  deepEqual(blame.passed({ piece: 1, contributors: ["a"], blockDigests: new Uint8Array() }), []);
});

test("evidence is kept as it was: later changes of the caller's arrays change nothing", () => {
  const blame = new Blame();
  const evidence = piece(0, "ab", "rx");
  blame.failed(evidence);
  evidence.contributors.fill("z");
  evidence.blockDigests.fill(0);
  deepEqual(blame.passed(piece(0, "cc", "rr")), ["b"]);
});

test("256 failures are kept, and the oldest goes for the next, with its paroles", () => {
  const blame = new Blame();
  for (let index = 0; index < blameLimits.failuresMax; index += 1) blame.failed(piece(index, "ab", "rx"));
  equal(blame.pending, 256);
  blame.failed(piece(256, "cd", "rx"));
  equal(blame.pending, 256);
  equal(blame.mustBeSole(0), false);
  deepEqual(blame.passed(piece(0, "ee", "rr")), []);
  deepEqual(blame.passed(piece(1, "ee", "rr")), ["b"]);
});

test("the blocks kept are bounded too, but the latest piece is kept whatever its size", () => {
  const blame = new Blame({ blocksMax: 6 });
  blame.failed(piece(0, "abab", "rrrx"));
  blame.failed(piece(1, "cdcd", "rrrx"));
  equal(blame.pending, 1);
  equal(blame.onParole("a"), false);
  deepEqual(blame.passed(piece(1, "eeee", "rrrr")), ["d"]);
  blame.failed(piece(2, "abababab", "rrrrrrrx"));
  equal(blame.pending, 1);
  deepEqual(blame.passed(piece(2, "eeeeeeee", "rrrrrrrr")), ["b"]);
});

test("evidence of the wrong shape is our mistake", () => {
  const blame = new Blame();
  throws(() => blame.failed({ piece: 0, contributors: ["a", "b"], blockDigests: new Uint8Array(20) }));
  throws(() => blame.failed({ piece: 0, contributors: [], blockDigests: new Uint8Array() }));
});

test("a sole contributor is one that sent every block", () => {
  equal(soleContributor([]), undefined);
  equal(soleContributor(["a"]), "a");
  equal(soleContributor(["a", "a", null]), undefined);
  equal(soleContributor([null, null]), undefined);
  ok(soleContributor(["a", "b"]) === undefined);
});
