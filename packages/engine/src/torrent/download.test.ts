import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { ms, seconds } from "@dure/base";
import type { PeerMessage } from "@dure/protocol";
import { type Puppet, Stage, spanOf } from "../testing/puppet.ts";
import { infoOf, type TorrentShape, torrentOf } from "../testing/torrents.ts";

const all: PeerMessage = { type: "have-all" };
const unchoke: PeerMessage = { type: "unchoke" };
const choke: PeerMessage = { type: "choke" };

function stageOf(shape: { pieces: number; blocks?: number } & TorrentShape): Stage {
  return new Stage(
    torrentOf(infoOf({ pieces: shape.pieces, pieceBytes: (shape.blocks ?? 2) * 16_384 }), shape),
  );
}

/** A seed that has unchoked us. */
function seedOf(stage: Stage, name: string, fast = true): Puppet {
  const puppet = stage.join(name, { fast });
  if (fast) puppet.say(all);
  else puppet.say({ type: "bitfield", bytes: fullBitfield(stage) });
  return puppet.say(unchoke);
}

function fullBitfield(stage: Stage): Uint8Array {
  const pieces = stage.torrent.ready?.info.pieceCount ?? 0;
  const bytes = new Uint8Array(Math.ceil(pieces / 8)).fill(0xff);
  if (pieces % 8 > 0) bytes[bytes.length - 1] = (0xff << (8 - (pieces % 8))) & 0xff;
  return bytes;
}

/** Everyone sends all they are asked for until nothing more is asked. */
function finish(stage: Stage, ...puppets: readonly Puppet[]): void {
  for (let turn = 0; turn < 2000; turn += 1) {
    const sent = puppets.reduce((sum, puppet) => sum + puppet.send(100), 0);
    if (sent === 0 && turn > 0) break;
  }
  stage.later(seconds(0));
}

test("a leecher takes everything from one seed, then has nothing more to say to it", () => {
  const stage = stageOf({ pieces: 2 });
  const seed = stage.join("seed");
  deepEqual(stage.taken(), ["seed < have-none"]);
  seed.say(all);
  deepEqual(stage.taken(), ["seed < interested"]);
  seed.say(unchoke);
  const requests = stage.taken();
  deepEqual(
    [...requests].sort(),
    ["0/0", "0/1", "1/0", "1/1"].map((block) => `seed < request ${block}`),
  );
  const first = Number(requests[0]?.match(/(\d)\/0$/)?.[1]);
  seed.send(4);
  deepEqual(stage.taken(), [
    `verify ${first}`,
    `good ${first}`,
    `verify ${1 - first}`,
    `good ${1 - first}`,
    "seed < not-interested",
    "complete",
    "seed closed: both-seeds",
  ]);
  ok(stage.torrent.complete);
});

test("a peer without the fast extension is greeted with nothing, or with a bitfield", () => {
  const stage = stageOf({ pieces: 10, have: [0, 9] });
  stage.join("plain", { fast: false });
  deepEqual(stage.taken(), ["plain < bitfield 10000000 01000000"]);
  const seeding = stageOf({ pieces: 10, have: "all" });
  seeding.join("plain", { fast: false });
  deepEqual(seeding.taken(), ["plain < bitfield 11111111 11000000"]);
  seeding.join("fast", { address: { ip: "2001:db8::1", port: 1 } });
  deepEqual(seeding.taken(), ["fast < have-all"]);
});

test("a choke without the fast extension takes requests back; after the unchoke they are made again", () => {
  const stage = stageOf({ pieces: 1, blocks: 8 });
  const seed = seedOf(stage, "seed", false);
  const asked = seed.requests.splice(0).map(({ begin }) => begin);
  equal(asked.length, 8);
  seed.say(choke);
  stage.later(seconds(5));
  equal(seed.requestsHeard, 8, "nothing is asked of who chokes us");
  seed.say(unchoke);
  deepEqual(
    seed.requests.map(({ begin }) => begin),
    asked,
  );
});

test("with the fast extension a choke takes nothing back: each request is rejected or answered (BEP 6)", () => {
  const stage = stageOf({ pieces: 1, blocks: 8 });
  const seed = seedOf(stage, "seed");
  const asked = seed.requests.splice(0);
  seed.say(choke);
  ok(seed.sendBlock(asked[0] ?? spanOf(0)), "what was on its way is taken");
  for (const span of asked.slice(1)) seed.say({ type: "reject", ...span });
  stage.later(seconds(5));
  equal(seed.requestsHeard, 8);
  seed.say(unchoke);
  ok(seed.requestsHeard > 8);
  finish(stage, seed);
  ok(stage.torrent.complete);
});

test("what one peer rejects is asked of another", () => {
  const stage = stageOf({ pieces: 1, blocks: 4 });
  const a = seedOf(stage, "a");
  const b = seedOf(stage, "b");
  for (const span of a.requests.splice(0)) a.say({ type: "reject", ...span });
  stage.later(seconds(2));
  finish(stage, b);
  ok(stage.torrent.complete);
});

test("a peer that rejects everything is asked a few times, then about once a second, not once a round trip", () => {
  const stage = stageOf({ pieces: 50, blocks: 4 });
  const liar = seedOf(stage, "liar");
  const rejectAll = () => {
    for (let turn = 0; turn < 1000; turn += 1) {
      const span = liar.requests.shift();
      if (span === undefined) return;
      liar.say({ type: "reject", ...span });
    }
    throw new Error("it is asked without end");
  };
  rejectAll();
  const first = liar.requestsHeard;
  ok(first < 60, `${first} requests at once`);
  stage.later(seconds(60), rejectAll);
  ok(liar.requestsHeard - first <= 120, `${liar.requestsHeard - first} requests in a minute`);
  ok(liar.requestsHeard > first, "it is still asked now and then");
});

test("a silent peer is snubbed after a minute: its requests go to others, and it is asked for one block at a time", () => {
  const stage = stageOf({ pieces: 40, blocks: 4 });
  const silent = seedOf(stage, "silent");
  equal(silent.requests.length, 8);
  stage.later(seconds(59));
  equal(stage.taken(/keep-alive/).filter((line) => line.includes("cancel")).length, 0);
  stage.later(seconds(3));
  equal(stage.taken().filter((line) => line.includes("cancel")).length, 8);
  equal(silent.requests.length, 1);
  ok([...stage.torrent.peers.values()][0]?.snubbed);
  const good = seedOf(stage, "good");
  finish(stage, good);
  stage.later(seconds(2));
  finish(stage, good);
  ok(stage.torrent.complete);
});

test("a snubbed peer that speaks again is one like the others", () => {
  const stage = stageOf({ pieces: 40, blocks: 4 });
  const peer = seedOf(stage, "peer");
  stage.later(seconds(62));
  peer.send(1);
  equal([...stage.torrent.peers.values()][0]?.snubbed, false);
  for (let turn = 0; turn < 10; turn += 1) peer.send(1);
  ok(peer.requests.length >= 8);
});

test("in the end-game the last blocks are asked of everyone, and cancelled elsewhere when one comes", () => {
  const stage = stageOf({ pieces: 1, blocks: 4 });
  const slow = seedOf(stage, "slow");
  equal(slow.requests.length, 4);
  stage.taken();
  const quick = seedOf(stage, "quick");
  equal(quick.requests.length, 4);
  stage.taken();
  quick.send(2);
  deepEqual(stage.taken(), ["slow < cancel 0/0", "slow < cancel 0/1"]);
  equal(slow.sendBlock(spanOf(0, 0)), false, "a block that crossed the cancel is not of use");
  quick.send(2);
  ok(stage.torrent.complete);
  equal(stage.torrent.ready?.downloads.wasted, 16_384);
});

test("a piece that fails is fetched anew from one peer alone, and names whoever sent the false block", () => {
  const stage = stageOf({ pieces: 1, blocks: 4 });
  const peers = ["a", "b", "c"].map((name) => seedOf(stage, name));
  const [a, b, c] = peers as [Puppet, Puppet, Puppet];
  stage.verdict = () => false;
  stage.spoilt.set("0/1", 66);
  stage.taken();
  a.sendBlock(spanOf(0, 0));
  b.sendBlock(spanOf(0, 1)); // the lie
  a.sendBlock(spanOf(0, 2));
  a.sendBlock(spanOf(0, 3));
  deepEqual(stage.taken(/cancel/, /request/), ["verify 0", "verify 0 by block", "bad 0"]);
  stage.verdict = () => true;
  stage.spoilt.clear();
  stage.later(seconds(2));
  const sole = peers.filter((peer) => peer.requests.length > 0);
  equal(sole.length, 1, "one peer alone is asked");
  if (sole[0] === b) throw new Error("the seed of this test must be another");
  finish(stage, ...sole);
  const lines = stage.taken(/request/, /interested/, /keep-alive/);
  ok(lines.includes("ban 192.0.2.2 for bad-data"), lines.join("; "));
  equal(lines.filter((line) => line.startsWith("ban")).length, 1);
  equal(b.closed, "banned");
  equal(a.closed ?? c.closed, "both-seeds");
  ok(stage.torrent.complete);
});

test("a peer that alone sent a piece that fails is named at once", () => {
  const stage = stageOf({ pieces: 2, blocks: 2 });
  const liar = seedOf(stage, "liar");
  stage.verdict = () => false;
  liar.send(2);
  equal(liar.closed, "banned");
  const again = stage.join("liar", { address: { ip: "192.0.2.1", port: 6881 } });
  equal(again.closed, "banned");
});

test("a peer that chokes us amid a piece only it may send does not hold the piece back", () => {
  for (const fast of [true, false]) {
    const stage = stageOf({ pieces: 1, blocks: 8 });
    const a = seedOf(stage, "a", fast);
    const b = seedOf(stage, "b", fast);
    stage.verdict = () => false;
    a.sendBlock(spanOf(0, 0));
    finish(stage, b);
    stage.verdict = () => true;
    stage.later(seconds(2));
    const sole = a.requests.length > 0 ? a : b;
    const other = sole === a ? b : a;
    equal(other.requests.length, 0);
    sole.send(2);
    const owed = sole.requests.splice(0);
    sole.say(choke);
    if (fast) for (const span of owed) sole.say({ type: "reject", ...span });
    stage.later(seconds(3));
    ok(other.requests.length > 0, `${fast ? "fast" : "plain"}: the other one is asked`);
    finish(stage, other);
    stage.later(seconds(2));
    finish(stage, other);
    ok(stage.torrent.complete);
  }
});

test("allowed-fast pieces are fetched while the peer chokes us, and nothing else is (BEP 6)", () => {
  const stage = stageOf({ pieces: 10, blocks: 2 });
  const seed = stage
    .join("seed")
    .say(all, { type: "allowed-fast", piece: 7 }, { type: "allowed-fast", piece: 99 });
  deepEqual(
    seed.requests.map(({ piece }) => piece),
    [7, 7],
  );
  seed.send(2);
  ok(stage.torrent.ready?.picker.have.has(7));
  stage.later(seconds(3));
  equal(seed.requestsHeard, 2);
  seed.say({ type: "allowed-fast", piece: 8 });
  for (const span of seed.requests.splice(0)) seed.say({ type: "reject", ...span });
  stage.later(seconds(3));
  equal(seed.requestsHeard, 4, "a rejected allowed-fast piece is not asked for again");
});

test("blocks that nobody asked for are no use, whatever they say of themselves", () => {
  const stage = stageOf({ pieces: 4, blocks: 2, have: [3] });
  const seed = seedOf(stage, "seed");
  const strange = [
    spanOf(3, 0), // had
    spanOf(4, 0), // no such piece
    spanOf(0, 2), // no such block
    { piece: 0, begin: 1, length: 16_384 },
    { piece: 0, begin: 0, length: 16_383 },
    { piece: 0, begin: 0, length: 0 },
    { piece: 2 ** 32 - 1, begin: 2 ** 32 - 1, length: 16_384 },
  ];
  for (const span of strange) equal(seed.sendBlock(span), false);
  const [asked] = seed.requests;
  seed.send(1);
  equal(seed.sendBlock(asked ?? spanOf(0)), false, "nor a second time");
  const stranger = stage.join("stranger").say(all);
  equal(stranger.sendBlock(spanOf(0, 0)), false, "nor from a peer that was not asked");
  equal(stage.torrent.downloaded, 16_384);
});

test("blocks that were never asked for end the link; those whose requests were taken back do not", () => {
  const stage = stageOf({ pieces: 40, blocks: 4, have: [3] });
  const flood = seedOf(stage, "flood");
  for (let block = 0; block < 8; block += 1) flood.sendBlock(spanOf(3));
  equal(flood.closed, undefined);
  flood.sendBlock(spanOf(3));
  equal(flood.closed, "flood");
  const late = seedOf(stage, "late", false);
  for (let turn = 0; turn < 20; turn += 1) {
    const asked = late.requests.splice(0);
    late.say(choke);
    for (const span of asked) late.sendBlock(span); // they crossed the choke
    late.say(unchoke);
    stage.later(seconds(1));
  }
  equal(late.closed, undefined);
});

test("peers that promise and never send do not use up the download rate", () => {
  const stage = stageOf({ pieces: 400, blocks: 4, limits: { downRateMax: 100_000 } });
  const promise = seedOf(stage, "promise", false);
  const good = seedOf(stage, "good");
  let sent = 0;
  stage.later(seconds(30), () => {
    promise.say(choke, unchoke);
    sent += good.send(100);
  });
  ok(sent * 16_384 > 90_000 * 30, `${sent} blocks`);
});

test("a peer that leaves takes nothing with it: what it owed and what it began goes on elsewhere", () => {
  const stage = stageOf({ pieces: 6, blocks: 4 });
  const a = seedOf(stage, "a");
  a.send(3);
  a.leave();
  const b = seedOf(stage, "b");
  finish(stage, b);
  stage.later(seconds(2));
  finish(stage, b);
  ok(stage.torrent.complete);
  equal(a.requestsHeard - 3 + b.requestsHeard >= 21, true);
});

test("while the disk refuses, nothing is asked for; when it is back, everything goes on", () => {
  const stage = stageOf({ pieces: 6, blocks: 4 });
  const seed = seedOf(stage, "seed");
  seed.send(2);
  stage.tell({ type: "disk", ready: false });
  const asked = seed.requestsHeard;
  stage.later(seconds(30));
  equal(seed.requestsHeard, asked);
  stage.tell({ type: "disk", ready: true });
  finish(stage, seed);
  stage.later(seconds(2));
  finish(stage, seed);
  ok(stage.torrent.complete);
});

test("a verdict that comes twice counts once", () => {
  const stage = stageOf({ pieces: 3, blocks: 1 });
  const seed = seedOf(stage, "seed");
  stage.verdict = undefined;
  const [asked] = seed.requests;
  seed.send(1);
  for (let turn = 0; turn < 3; turn += 1)
    stage.tell({ type: "verified", piece: asked?.piece ?? 0, good: true, blocks: null });
  const interesting = [...stage.torrent.peers.values()][0]?.interesting;
  equal(interesting, 2);
});

test("interest in a peer outlives a piece that stopped being wanted while it was on its way", () => {
  const info = infoOf({ pieces: 3, pieceBytes: 32_768, files: [1, 1, 1] });
  const stage = new Stage(torrentOf(info));
  const seed = seedOf(stage, "seed");
  stage.verdict = undefined;
  const piece = seed.requests[0]?.piece ?? 0;
  for (const span of seed.requests.filter((asked) => asked.piece === piece)) seed.sendBlock(span);
  const others = [0, 1, 2].filter((file) => file !== piece);
  stage.tell({ type: "select", files: others });
  stage.tell({ type: "verified", piece, good: true, blocks: null });
  stage.verdict = () => true;
  equal([...stage.torrent.peers.values()][0]?.interesting, 2);
  finish(stage, seed);
  stage.later(seconds(2));
  finish(stage, seed);
  ok(stage.torrent.complete);
});

test("only the wanted files are fetched, a shared piece whole, and that is complete", () => {
  const info = infoOf({ pieces: 6, pieceBytes: 16_384, files: [2, 2, 2] });
  const stage = new Stage(torrentOf(info, { files: [1] }));
  const seed = seedOf(stage, "seed");
  finish(stage, seed);
  ok(stage.torrent.complete);
  deepEqual([...(stage.torrent.ready?.picker.have ?? [])], [2, 3]);
  stage.tell({ type: "select", files: undefined });
  equal(stage.torrent.complete, false);
});

test("in order means in order, from wherever the reader is", () => {
  const stage = stageOf({ pieces: 30, blocks: 2 });
  stage.tell({ type: "sequential", from: 10 * 32_768 + 5, window: 3 * 32_768 });
  const seed = stage.join("seed").say(all, unchoke);
  seed.send(100);
  const order = stage.taken().flatMap((line) => line.match(/request (\d+)/)?.[1] ?? []);
  deepEqual(
    [...new Set(order.map(Number))].slice(0, 20),
    Array.from({ length: 20 }, (_, index) => 10 + index),
  );
  equal(stage.torrent.complete, true);
  stage.later(ms(0));
});
