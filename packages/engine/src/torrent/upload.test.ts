import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { ms, seconds } from "@dure/base";
import type { PeerMessage } from "@dure/protocol";
import { type Puppet, Stage, spanOf } from "../testing/puppet.ts";
import { infoOf, type TorrentShape, torrentOf } from "../testing/torrents.ts";
import { allowedFastSet } from "./allowed-fast.ts";
import { uploadQueueMax } from "./uploads.ts";

const request = (piece: number, block = 0): PeerMessage => ({ type: "request", ...spanOf(piece, block) });
const interested: PeerMessage = { type: "interested" };

function seeding(shape: Partial<TorrentShape> & { pieces?: number; blocks?: number } = {}): Stage {
  const info = infoOf({ pieces: shape.pieces ?? 64, pieceBytes: (shape.blocks ?? 16) * 16_384 });
  return new Stage(torrentOf(info, { have: "all", ...shape }));
}

/** Takes what it is sent, as long as something comes. */
function drainAll(puppet: Puppet): number {
  let taken = 0;
  for (let turn = 0; turn < 10_000; turn += 1) {
    const count = puppet.take();
    taken += count;
    if (count === 0) break;
  }
  return taken;
}

test("who becomes interested is unchoked at once while slots are free, and is sent what it asks for", () => {
  const stage = seeding();
  const leecher = stage.join("leecher");
  stage.taken();
  leecher.say(interested);
  deepEqual(stage.taken(), ["leecher < unchoke"]);
  leecher.say(request(3, 0), request(3, 1));
  deepEqual(stage.taken(), ["leecher < block 3/0", "leecher < block 3/1"]);
  equal(leecher.take(), 2);
  equal(stage.torrent.uploaded, 32_768);
});

test("a peer that is choked gets nothing: a reject with the fast extension, silence without", () => {
  const stage = seeding();
  const fast = stage.join("fast");
  const plain = stage.join("plain", { fast: false });
  stage.taken();
  const allowed = allowedFastSet("192.0.2.1", stage.torrent.options.infoHash, 64);
  const piece = allowed.includes(60) ? 61 : 60;
  fast.say(request(piece));
  plain.say(request(piece));
  deepEqual(stage.taken(), [`fast < reject ${piece}/0`]);
});

test("who asks for hashes is told no, as BEP 52 wants of each request; hashes that nobody asked for change nothing", () => {
  const stage = seeding();
  const peer = stage.join("peer");
  stage.taken();
  const span = { piecesRoot: new Uint8Array(32), baseLayer: 0, index: 0, length: 2, proofLayers: 0 };
  peer.say({ type: "hash-request", ...span });
  deepEqual(stage.taken(), ["peer < hash-reject"]);
  peer.say({ type: "hashes", ...span, hashes: new Uint8Array(64) }, { type: "hash-reject", ...span });
  deepEqual(stage.taken(), []);
});

test("requests in flight when we choke are rejected; the slot goes to the next who waits", () => {
  const stage = seeding({ limits: { uploadSlots: 1 } });
  const a = stage.join("a").say(interested);
  stage.taken();
  for (let block = 0; block < 16; block += 1) a.say(request(1, block));
  const b = stage.join("b").say(interested);
  stage.taken();
  stage.later(seconds(120), () => drainAll(a));
  const lines = stage.taken(/keep-alive/);
  ok(lines.includes("a < choke") && lines.includes("b < unchoke"), lines.join("; "));
  equal(b.closed, undefined);
});

test("a request for what we do not have, or that no piece has, is refused; after 300 the peer is dropped for good", () => {
  for (const fast of [true, false]) {
    const stage = seeding({ have: [0, 1, 2], pieces: 8 });
    const rude = stage.join("rude", { fast }).say(interested);
    const strange = [
      spanOf(5),
      spanOf(8),
      spanOf(0, 16),
      spanOf(0, 0, 0),
      spanOf(0, 0, 16_385),
      { piece: 0, begin: 2 ** 32 - 1, length: 2 ** 32 - 1 },
    ];
    for (let turn = 0; turn < 50; turn += 1)
      for (const span of strange) rude.say({ type: "request", ...span });
    equal(rude.closed, undefined);
    equal(rude.serving.length, 0);
    rude.say({ type: "request", ...spanOf(5) });
    equal(rude.closed, "bad-request");
    equal(stage.torrent.peers.size, 0, "nothing of it is left");
    equal(stage.torrent.limits.connections, 0);
    stage.later(seconds(200)); // and nothing is said to it any more: the stage would throw
  }
});

test("as many requests as we queue may cross our choke, for five seconds; more are made in spite of it", () => {
  const stage = seeding({ limits: { uploadSlots: 1 } });
  const a = stage.join("a").say(interested);
  const b = stage.join("b").say(interested);
  const peer = stage.torrent.peers.get(a.link);
  equal(peer?.amChoking, false);
  while (peer?.amChoking === false) {
    stage.later(seconds(1));
    for (const puppet of [a, b]) puppet.say({ type: "keep-alive" });
  }
  for (let turn = 0; turn < uploadQueueMax + 200; turn += 1) a.say(request(turn % 64));
  equal(a.closed, undefined);
  for (let turn = 0; turn < 400; turn += 1) a.say(request(turn % 64));
  equal(a.closed, "bad-request");
  const never = stage.join("never unchoked");
  for (let turn = 0; turn < 500 && never.closed === undefined; turn += 1) never.say(request(turn % 64));
  equal(never.closed, "bad-request");
});

test("at most 500 requests wait; the next one is rejected", () => {
  const stage = seeding({ limits: { upRateMax: 1000 } });
  const flood = stage.join("flood").say(interested);
  stage.taken();
  for (let turn = 0; turn < uploadQueueMax + 62; turn += 1) flood.say(request(turn >> 4, turn % 16));
  const lines = stage.taken();
  const rejected = lines.filter((line) => line.includes("reject")).length;
  const begun = lines.filter((line) => line.includes("block")).length;
  equal(rejected, 62 - begun, "what was handed on made room");
  ok(begun <= 60);
});

test("what is handed on to disk and socket is bounded, however much is asked for", () => {
  const stage = seeding();
  const leecher = stage.join("leecher").say(interested);
  for (let turn = 0; turn < 400; turn += 1) leecher.say(request(turn >> 4, turn % 16));
  equal(leecher.serving.length, 60);
  equal(drainAll(leecher), 400);
});

test("a cancelled block is not sent, and with the fast extension is rejected once (BEP 6)", () => {
  const stage = seeding();
  const a = stage.join("a").say(interested);
  for (let turn = 0; turn < 64; turn += 1) a.say(request(turn >> 4, turn % 16));
  stage.taken();
  const cancel: PeerMessage = { type: "cancel", ...spanOf(3, 15) };
  a.say(cancel, cancel, { type: "cancel", ...spanOf(60, 0) });
  deepEqual(stage.taken(), ["a < reject 3/15"]);
  equal(drainAll(a), 63);
});

test("a block that the disk cannot give is rejected, and others still go", () => {
  const stage = seeding();
  const a = stage.join("a").say(interested, request(1), request(2));
  stage.taken();
  const [first] = a.serving.splice(0, 1);
  stage.tell({ type: "serve-failed", link: a.link, span: first ?? spanOf(1) });
  deepEqual(stage.taken(), ["a < reject 1/0"]);
  equal(drainAll(a), 1);
});

test("allowed-fast pieces are given to a choked peer, three times each block and no more (BEP 6)", () => {
  const stage = seeding({ pieces: 1000, blocks: 2, limits: { uploadSlots: 0 } });
  const drain = stage.join("drain", { address: { ip: "80.4.4.200", port: 6881 } });
  const { infoHash } = stage.torrent.options;
  const set = allowedFastSet("80.4.4.200", infoHash, 1000);
  deepEqual(
    stage.taken().filter((line) => line.includes("allowed")),
    set.map((piece) => `drain < allowed-fast ${piece}`),
  );
  let served = 0;
  for (let turn = 0; turn < 200; turn += 1) {
    const piece = set[turn % set.length] ?? 0;
    drain.say(request(piece, turn % 2));
    served += drainAll(drain);
  }
  equal(served, set.length * 2 * 3);
  stage.later(seconds(10));
  for (let turn = 0; turn < 400; turn += 1) drain.say(request(set[0] ?? 0));
  equal(drain.closed, "bad-request");
});

test("slots are limited by the torrent and by the node", () => {
  for (const uploadSlots of [0, 1, 3]) {
    const stage = seeding({ limits: { uploadSlots } });
    for (let peer = 0; peer < 10; peer += 1) stage.join(`p${peer}`).say(interested);
    stage.later(seconds(60));
    const unchoked = [...stage.torrent.peers.values()].filter((peer) => !peer.amChoking).length;
    equal(unchoked, uploadSlots);
  }
});

test("a peer that blinks is not a reason to choose anew each time, and is dropped as a flood", () => {
  const stage = seeding({ limits: { uploadSlots: 4 } });
  const blinker = stage.join("blinker");
  for (let turn = 0; turn < 140; turn += 1) blinker.say(interested, { type: "not-interested" });
  equal(blinker.closed, undefined);
  const said = stage.taken().filter((line) => line.includes("choke")).length;
  ok(said <= 2, `${said} answers`);
  for (let turn = 0; turn < 20; turn += 1) blinker.say(interested, { type: "not-interested" });
  equal(blinker.closed, "flood");
});

test("floods of any talk end the link within a second's worth, and honest talk never does", () => {
  const floods: PeerMessage[][] = [
    [{ type: "keep-alive" }],
    [{ type: "choke" }, { type: "unchoke" }],
    [{ type: "have-all" }],
    [{ type: "bitfield", bytes: new Uint8Array(8) }],
    [{ type: "unknown", id: 99 }],
    [{ type: "suggest", piece: 1 }],
    [{ type: "port", port: 1 }],
    [{ type: "allowed-fast", piece: 1 }],
    [{ type: "have-none" }],
    [{ type: "have", piece: 2 }],
    [{ type: "extended", id: 0, payload: new TextEncoder().encode("de") }],
  ];
  const many: PeerMessage[] = [
    { type: "cancel", ...spanOf(1) },
    { type: "reject", ...spanOf(1) },
    { type: "extended", id: 99, payload: new Uint8Array(0) },
  ];
  for (const message of many) {
    const stage = seeding({ have: [1] });
    const peer = stage.join("many", { extended: true });
    for (let turn = 0; turn < 1000; turn += 1) peer.say(message);
    equal(peer.closed, undefined);
    for (let turn = 0; turn < 600; turn += 1) peer.say(message);
    equal(peer.closed, "flood", message.type);
  }
  for (const messages of floods) {
    const stage = seeding({ have: [1] });
    const peer = stage.join("flood");
    for (let turn = 0; turn < 310; turn += 1) peer.say(...messages);
    equal(peer.closed, "flood", messages[0]?.type);
    const slow = stage.join("slow");
    for (let turn = 0; turn < 100; turn += 1) {
      stage.later(seconds(1));
      slow.say(...messages);
    }
    equal(slow.closed, undefined, messages[0]?.type);
  }
});

test("thousands of haves at once are no flood: some clients send their pieces that way", () => {
  const stage = seeding({ have: [], pieces: 5000, blocks: 1 });
  const peer = stage.join("lazy");
  for (let piece = 0; piece < 4999; piece += 1) peer.say({ type: "have", piece });
  equal(peer.closed, undefined);
  equal([...stage.torrent.peers.values()][0]?.interesting, 4999);
});

test("what a peer says cannot make us answer more than a few times what it sent", () => {
  const stage = seeding({ have: [], pieces: 400 });
  const storm = stage.join("storm", { fast: false });
  storm.say({ type: "bitfield", bytes: new Uint8Array(50).fill(0xff) });
  let rounds = 0;
  for (; storm.closed === undefined; rounds += 1) {
    storm.say({ type: "unchoke" }, { type: "choke" });
    storm.requests.length = 0;
  }
  ok(rounds <= 16, `${rounds} rounds`);
  stage.later(ms(1));
});
