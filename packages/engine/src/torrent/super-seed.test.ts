import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { must, seconds } from "@dure/base";
import { decodeExtensionHandshake, type PeerMessage } from "@dure/protocol";
import { type Puppet, Stage, spanOf } from "../testing/puppet.ts";
import { infoOf, torrentOf } from "../testing/torrents.ts";

const interested: PeerMessage = { type: "interested" };
const none: PeerMessage = { type: "have-none" };
const request = (piece: number, block: number): PeerMessage => ({ type: "request", ...spanOf(piece, block) });

function superSeeding(pieces: number): Stage {
  const info = infoOf({ pieces, pieceBytes: 32_768 });
  return new Stage(torrentOf(info, { have: "all", superSeed: true }));
}

/** The pieces that the torrent has told the peers of, by name. */
function shown(stage: Stage): [name: string, piece: number][] {
  return stage.taken().flatMap((line) => {
    const match = /^(\w+) < have (\d+)$/.exec(line);
    return match === null ? [] : [[match[1] ?? "", Number(match[2])] as [string, number]];
  });
}

function fetch(peer: Puppet, piece: number): void {
  peer.say(request(piece, 0), request(piece, 1));
  while (peer.take() > 0);
}

test("a super-seed greets as one that has nothing, and shows each peer a piece of its own", () => {
  const stage = superSeeding(10);
  const a = stage.join("a", { extended: true });
  const hello = stage.outputs.flatMap((output) =>
    output.type === "send" && output.message.type === "extended" ? [output.message.payload] : [],
  );
  const decoded = decodeExtensionHandshake(must(hello[0], "an extension handshake"));
  ok(decoded.ok && decoded.value.uploadOnly === undefined, "it does not say that it is a seed");
  const lines = stage.taken();
  ok(lines.includes("a < have-none"));
  ok(!lines.some((line) => /bitfield|have-all|allowed-fast/.test(line)));
  a.say(none);
  const [first] = shown(stage);
  stage.join("b").say(none);
  const [second] = shown(stage);
  deepEqual([first?.[0], second?.[0]], ["a", "b"]);
  ok(first?.[1] !== second?.[1]);
});

test("a peer that sends no bitfield is shown a piece a moment later", () => {
  const stage = superSeeding(10);
  stage.join("a", { fast: false });
  deepEqual(shown(stage), []);
  stage.later(seconds(2));
  equal(shown(stage).length, 1);
});

test("only what was shown is served; the next piece follows when another peer tells of the last", () => {
  const stage = superSeeding(10);
  const [a, b] = [stage.join("a"), stage.join("b")];
  a.say(none, interested);
  b.say(none, interested);
  const pieces = new Map(shown(stage));
  const [ofA, ofB] = [must(pieces.get("a"), "a is shown one"), must(pieces.get("b"), "b is shown one")];
  a.say(request(ofB, 0));
  deepEqual(stage.taken(), [`a < reject ${ofB}/0`]);
  fetch(a, ofA);
  deepEqual(shown(stage), []);
  b.say({ type: "have", piece: ofA });
  const [next] = shown(stage);
  equal(next?.[0], "a");
  fetch(a, must(next, "another piece")[1]);
  ok(stage.torrent.uploaded === 4 * 16_384);
});

test("when another seed appears everyone is told everything, and anything is served", () => {
  const stage = superSeeding(6);
  const a = stage.join("a").say(none, interested);
  const before = shown(stage).map(([, piece]) => piece);
  stage.join("b").say({ type: "have-all" });
  const all = shown(stage).filter(([name]) => name === "a");
  deepEqual(new Set([...before, ...all.map(([, piece]) => piece)]).size, 6);
  a.say(request(0, 0), request(5, 1));
  deepEqual(stage.taken(/have|closed/), ["a < block 0/0", "a < block 5/1"]);
  stage.join("c");
  ok(stage.taken().includes("c < have-all"), "newcomers meet a seed");
});

test("a torrent that is not complete does not super-seed, and neither does one that becomes so", () => {
  const info = infoOf({ pieces: 2, pieceBytes: 32_768 });
  const stage = new Stage(torrentOf(info, { have: [0], superSeed: true }));
  stage.join("a");
  ok(stage.taken().some((line) => line.startsWith("a < bitfield")));
});

test("the only seed of several peers suggests super-seeding once; one that super-seeds does not", () => {
  const info = infoOf({ pieces: 4, pieceBytes: 32_768 });
  const suggestions = (superSeed: boolean) => {
    const stage = new Stage(torrentOf(info, { have: "all", superSeed }));
    for (const name of ["a", "b"]) stage.join(name).say(none);
    stage.later(seconds(100));
    return stage.taken().filter((line) => line === "super-seed-suggested").length;
  };
  deepEqual([suggestions(false), suggestions(true)], [1, 0]);
});
