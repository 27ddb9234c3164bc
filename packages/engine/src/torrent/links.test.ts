import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Bitfield, minutes, seconds } from "@dure/base";
import {
  decodeMetadataMessage,
  encodeDontHave,
  encodeExtensionHandshake,
  encodeMetadataData,
  encodeMetadataReject,
  encodeUploadOnly,
  extensionName,
  type PeerMessage,
  type TrackerAnswer,
} from "@dure/protocol";
import type { AnnouncerOutput } from "../announcer/index.ts";
import { type Puppet, Stage } from "../testing/puppet.ts";
import { idOf, infoOf, type TorrentShape, torrentOf } from "../testing/torrents.ts";

const all: PeerMessage = { type: "have-all" };

function stageOf(shape: { pieces: number; private?: boolean } & TorrentShape): Stage {
  const info = infoOf({ pieces: shape.pieces, pieceBytes: 32_768, private: shape.private ?? false });
  return new Stage(torrentOf(info, shape));
}

const hello = (fields: Parameters<typeof encodeExtensionHandshake>[0]): PeerMessage => ({
  type: "extended",
  id: 0,
  payload: encodeExtensionHandshake(fields),
});

const peerOf = (stage: Stage, puppet: Puppet) => {
  const peer = stage.torrent.peers.get(puppet.link);
  if (peer === undefined) throw new Error(`${puppet.name} is gone`);
  return peer;
};

test("haves, bitfields and have-all say what a peer holds, and interest follows", () => {
  const stage = stageOf({ pieces: 10, have: [0] });
  const a = stage.join("a");
  stage.taken();
  a.say({ type: "have", piece: 0 });
  deepEqual(stage.taken(), [], "nothing there for us");
  a.say({ type: "have", piece: 3 });
  deepEqual(stage.taken(), ["a < interested"]);
  a.say({ type: "bitfield", bytes: Uint8Array.of(0x80, 0) });
  stage.later(seconds(1));
  deepEqual(stage.taken(), [], "another piece may follow at once, as from a super-seed (BEP 16)");
  a.say({ type: "have", piece: 5 });
  a.say({ type: "bitfield", bytes: Uint8Array.of(0x80, 0) });
  stage.later(seconds(3));
  deepEqual(stage.taken(), ["a < not-interested"]);
  a.say(all);
  deepEqual(stage.taken(), ["a < interested"]);
  equal(peerOf(stage, a).interesting, 9);
  a.say({ type: "have", piece: 4 }, all, { type: "have-none" });
  equal(peerOf(stage, a).interesting, 9);
});

test("a peer whose haves add up to everything is a seed like any other", () => {
  const stage = stageOf({ pieces: 10 });
  const a = stage.join("a", { fast: false });
  for (let piece = 0; piece < 10; piece += 1) a.say({ type: "have", piece });
  ok(peerOf(stage, a).seed);
});

test("bitfields that are too short, too long or have spare bits, and haves of no piece, close the link", () => {
  const wrong: PeerMessage[] = [
    { type: "bitfield", bytes: new Uint8Array(1) },
    { type: "bitfield", bytes: new Uint8Array(3) },
    { type: "bitfield", bytes: Uint8Array.of(0xff, 0xe0) },
    { type: "have", piece: 10 },
    { type: "have", piece: 2 ** 32 - 1 },
    { type: "extended", id: 0, payload: Uint8Array.of(0x69) },
    { type: "extended", id: 1, payload: Uint8Array.of(0x69) },
    { type: "extended", id: 2, payload: Uint8Array.of(1) },
    { type: "extended", id: 3, payload: new Uint8Array(5) },
    { type: "extended", id: 2, payload: encodeDontHave(10) },
  ];
  for (const message of wrong) {
    const stage = stageOf({ pieces: 10 });
    const rude = stage.join("rude", { extended: true });
    const good = stage.join("good").say(all);
    const copies = stage.torrent.ready?.picker.distributedCopies();
    rude.say(message);
    equal(rude.closed, "bad-message", `${message.type} ${JSON.stringify(message)}`);
    equal(stage.torrent.ready?.picker.distributedCopies(), copies, "it leaves no trace in what is rare");
    equal(good.closed, undefined);
  }
});

test("messages of the fast extension from a peer without it close the link (BEP 6)", () => {
  for (const type of ["have-all", "have-none"] as const) {
    const stage = stageOf({ pieces: 10 });
    equal(stage.join("rude", { fast: false }).say({ type }).closed, "bad-message");
  }
});

test("a piece that a peer lets go is not asked of it any more (BEP 54)", () => {
  const stage = stageOf({ pieces: 4 });
  const a = stage.join("a", { extended: true }).say(all);
  a.say({ type: "extended", id: 2, payload: encodeDontHave(1) });
  equal(peerOf(stage, a).interesting, 3);
  ok(!peerOf(stage, a).seed);
  a.say({ type: "unchoke" });
  ok(a.requests.every(({ piece }) => piece !== 1));
});

test("pieces that we lose are taken back from those who can hear it, and fetched again", () => {
  const stage = stageOf({ pieces: 4, have: "all" });
  const hears = stage.join("hears", { extended: true });
  hears.say(hello({ m: { [extensionName.dontHave]: 7 } }), { type: "bitfield", bytes: Uint8Array.of(0x60) });
  stage.join("deaf").say({ type: "bitfield", bytes: Uint8Array.of(0x60) });
  stage.taken();
  stage.tell({ type: "gone", piece: 2 });
  deepEqual(stage.taken(), ["hears < extended 7", "hears < interested", "deaf < interested"]);
  equal(stage.torrent.complete, false);
  hears.say({ type: "unchoke" });
  deepEqual(
    hears.requests.map(({ piece }) => piece),
    [2, 2],
  );
});

test("seeds have nothing for one another, whichever of the two becomes one", () => {
  const seeding = stageOf({ pieces: 4, have: "all" });
  equal(seeding.join("seed").say(all).closed, "both-seeds");
  equal(
    seeding.join("plain", { fast: false }).say({ type: "bitfield", bytes: Uint8Array.of(0xf0) }).closed,
    "both-seeds",
  );
  const leecher = seeding.join("leecher").say({ type: "bitfield", bytes: Uint8Array.of(0x70) });
  leecher.say({ type: "have", piece: 0 });
  equal(leecher.closed, "both-seeds");
  const leeching = stageOf({ pieces: 1 });
  const [seed, partial, other] = ["seed", "partial", "other"].map((name) =>
    leeching.join(name, { extended: true }),
  );
  seed?.say(all, { type: "unchoke" });
  partial?.say({ type: "extended", id: 3, payload: encodeUploadOnly(true) });
  seed?.send(9);
  equal(seed?.closed, "both-seeds");
  equal(partial?.closed, "both-seeds");
  equal(other?.closed, undefined);
});

test("when everything wanted is here, peers that can hear it are told (BEP 21)", () => {
  const stage = stageOf({ pieces: 1 });
  const hears = stage.join("hears", { extended: true }).say(hello({ m: { [extensionName.uploadOnly]: 5 } }));
  const seed = stage.join("seed").say(all, { type: "unchoke" });
  seed.send(9);
  ok(stage.taken().includes("hears < extended 5"));
  equal(hears.closed, undefined);
  const late = stage.join("late", { extended: true });
  ok(stage.taken().includes("late < extension handshake, upload only"));
  equal(late.closed, undefined);
});

test("the metadata comes piece by piece, and what peers said before is heard then (BEP 9)", () => {
  const info = infoOf({ pieces: 2000, pieceBytes: 32_768 });
  const stage = new Stage(torrentOf(info, { magnet: true }));
  const a = stage.join("a", { extended: true });
  deepEqual(stage.taken(), ["a < have-none", "a < extension handshake"]);
  a.say(all, { type: "unchoke" });
  deepEqual(stage.taken(), ["a < interested"]);
  const size = info.infoBytes.length;
  a.say(hello({ m: { [extensionName.metadata]: 9 }, metadataSize: size }));
  const asked = stage.outputs.flatMap((output) => {
    if (output.type !== "send" || output.message.type !== "extended" || output.message.id !== 9) return [];
    const message = decodeMetadataMessage(output.message.payload);
    return message.ok && message.value.type === "request" ? [message.value.piece] : [];
  });
  deepEqual(asked, [0, 1, 2]);
  for (const piece of [2, 0, 1]) {
    const bytes = info.infoBytes.subarray(piece * 16_384, (piece + 1) * 16_384);
    a.say({ type: "extended", id: 1, payload: encodeMetadataData({ piece, totalBytes: size, bytes }) });
  }
  const came = stage.outputs.find((output) => output.type === "metadata");
  deepEqual(came?.type === "metadata" && came.infoBytes, info.infoBytes);
  stage.taken();
  stage.torrent.setReady(stage.now, { info, have: new Bitfield(2000), partial: [], files: undefined });
  stage.drain();
  equal(a.requests.length, 0);
  stage.later(seconds(2));
  ok(a.requests.length > 0);
  equal(peerOf(stage, a).interesting, 2000);
});

test("who sends false metadata alone is named; who has none is asked later", () => {
  const info = infoOf({ pieces: 4, pieceBytes: 32_768 });
  const stage = new Stage(torrentOf(info, { magnet: true }));
  const liar = stage.join("liar", { extended: true });
  const size = info.infoBytes.length;
  liar.say(hello({ m: { [extensionName.metadata]: 1 }, metadataSize: size }));
  const bytes = info.infoBytes.map((byte) => byte ^ 1);
  liar.say({ type: "extended", id: 1, payload: encodeMetadataData({ piece: 0, totalBytes: size, bytes }) });
  equal(liar.closed, "banned");
  const none = stage.join("none", { extended: true });
  none.say(hello({ m: { [extensionName.metadata]: 1 }, metadataSize: size }));
  none.say({ type: "extended", id: 1, payload: encodeMetadataReject(0) });
  equal(none.closed, undefined);
});

test("nonsense that a peer said before the metadata costs it the link then, and leaves no trace", () => {
  const info = infoOf({ pieces: 4, pieceBytes: 32_768 });
  const stage = new Stage(torrentOf(info, { magnet: true }));
  const rude = stage.join("rude", { extended: true });
  for (const piece of [1, 9, 2, 3, 3, 9]) rude.say({ type: "have", piece });
  const good = stage.join("good", { extended: true }).say({ type: "have", piece: 0 });
  stage.torrent.setReady(stage.now, { info, have: new Bitfield(4), partial: [], files: undefined });
  stage.drain();
  equal(rude.closed, "bad-message");
  equal(good.closed, undefined);
  const copies = stage.torrent.ready?.picker.distributedCopies() ?? 0;
  equal(copies, 0.25, "one piece of four, once");
});

test("our metadata is served, as often as a peer can need it (BEP 9)", () => {
  const stage = stageOf({ pieces: 10, have: "all" });
  const asks = stage.join("asks", { extended: true }).say(hello({ m: { [extensionName.metadata]: 4 } }));
  stage.outputs.length = 0;
  const request = new TextEncoder().encode("d8:msg_typei0e5:piecei0ee");
  for (let turn = 0; turn < 20; turn += 1) asks.say({ type: "extended", id: 1, payload: request });
  const kinds = stage.outputs.flatMap((output) => {
    if (output.type !== "send" || output.message.type !== "extended") return [];
    const message = decodeMetadataMessage(output.message.payload);
    return message.ok ? [message.value.type] : [];
  });
  equal(kinds.filter((kind) => kind === "data").length, 3);
  equal(kinds.filter((kind) => kind === "reject").length, 17);
});

test("a private torrent whose tracker changed drops its peers (BEP 27)", () => {
  const urls = ["http://one.example/announce", "http://two.example/announce"];
  const stage = stageOf({ pieces: 4, private: true, trackers: [[urls[0] ?? "", urls[1] ?? ""]] });
  let working = "";
  const answer = (fail: (url: string) => boolean) => {
    for (let turn = 0; turn < 20; turn += 1) {
      const asked = stage.outputs
        .splice(0)
        .flatMap((output) =>
          output.type === "tracker" && output.output.type === "announce" ? [output.output] : [],
        );
      for (const question of asked) reply(stage, question, fail(question.url));
      for (const { url } of asked) if (!fail(url)) working = url;
    }
  };
  answer(() => false);
  const peer = stage.join("peer").say(all);
  const first = working;
  let spoke = 0;
  stage.later(minutes(120), () => {
    answer((url) => url === first);
    if (stage.now - spoke < 60_000) return;
    spoke = stage.now;
    peer.say({ type: "keep-alive" });
  });
  ok(working !== first, "the other tracker was asked");
  equal(peer.closed, "private");
});

const announced: TrackerAnswer = {
  type: "announced",
  reply: { interval: seconds(60), seeders: undefined, leechers: undefined, peers: [] },
};

function reply(stage: Stage, question: Extract<AnnouncerOutput, { type: "announce" }>, fails: boolean): void {
  const { request } = question;
  if (fails) {
    stage.tell({
      type: "tracker",
      input: { type: "failed", request, reason: "unreachable", detail: undefined },
    });
    return;
  }
  stage.tell({ type: "tracker", input: { type: "reply", request, reply: announced } });
}

test("after sleep or with another address: trackers are told and silent peers dialled anew within a minute", () => {
  const stage = stageOf({ pieces: 400, trackers: [["http://one.example/announce"]] });
  for (const output of stage.outputs.splice(0))
    if (output.type === "tracker" && output.output.type === "announce") reply(stage, output.output, false);
  stage.tell({ type: "add-peers", addresses: [{ ip: "203.0.113.7", port: 6881 }], source: "resume" });
  const outgoing = { incoming: false, address: { ip: "203.0.113.7", port: 6881 } };
  const dead = stage.join("dead", outgoing).say(all, { type: "unchoke" });
  const alive = stage.join("alive").say(all, { type: "unchoke" });
  stage.later(seconds(55));
  stage.taken();
  stage.outputs.length = 0;
  stage.tell({ type: "network-changed" });
  stage.later(seconds(60), () => alive.send(1));
  equal(dead.closed, "idle");
  equal(alive.closed, undefined);
  ok(stage.taken().includes("connect 203.0.113.7"), "the dead one is dialled anew");
  ok(stage.outputs.some((output) => output.type === "tracker" && output.output.type === "announce"));
});

test("who is silent for two and a half minutes is closed; who says keep-alive is not, and hears one itself", () => {
  const stage = stageOf({ pieces: 4 });
  const silent = stage.join("silent");
  const polite = stage.join("polite");
  stage.taken();
  let next = 100_000;
  stage.later(seconds(400), () => {
    if (stage.now < next) return;
    next += 100_000;
    polite.say({ type: "keep-alive" });
  });
  equal(silent.closed, "idle");
  equal(polite.closed, undefined);
  const heard = stage.taken().filter((line) => line === "polite < keep-alive");
  ok(heard.length >= 3 && heard.length <= 5, `${heard.length}`);
});

test("our own peer id, a second link and a banned address are refused", () => {
  const stage = stageOf({ pieces: 4 });
  equal(stage.join("us", { peerId: idOf("us") }).closed, "self");
  const first = stage.join("first");
  equal(stage.join("first").closed, "duplicate");
  equal(first.closed, undefined);
  stage.torrent.book.ban({ ip: "203.0.113.5", port: 7 }, "bad-data");
  equal(stage.join("banned", { address: { ip: "203.0.113.5", port: 7 } }).closed, "banned");
});

test("a stopped torrent says so to its trackers and holds nothing", () => {
  const stage = stageOf({ pieces: 4, trackers: [["http://one.example/announce"]] });
  for (const output of stage.outputs.splice(0))
    if (output.type === "tracker" && output.output.type === "announce") reply(stage, output.output, false);
  const peer = stage.join("peer").say(all, { type: "unchoke" });
  stage.tell({ type: "stop" });
  equal(peer.closed, "stopped");
  equal(stage.torrent.settled, false);
  const last = stage.outputs.at(-1);
  ok(last?.type === "tracker" && last.output.type === "announce" && last.output.event === "stopped");
  for (const output of stage.outputs.splice(0))
    if (output.type === "tracker" && output.output.type === "announce") reply(stage, output.output, false);
  ok(stage.torrent.settled);
  equal(stage.torrent.deadline(), undefined);
  equal(stage.join("late").closed, "stopped");
});
