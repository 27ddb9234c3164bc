import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { concat, infoHash, must, peerId, seconds, utf8 } from "@dure/base";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  encodeHandshake,
  MseIncoming,
  type MseMethod,
  TorrentMarks,
} from "@dure/protocol";
import { CarrierStage, type StageShape, WirePeer } from "./testing/stage.ts";
import { VeiledPeer } from "./testing/veiled-peer.ts";

const theirId = must(peerId(new Uint8Array(20).fill(9)), "an id");
const otherHash = must(infoHash("ab".repeat(20)), "a hash");
const both: readonly MseMethod[] = ["rc4", "plain"];

const stageOf = (shape: Partial<StageShape>) => new CarrierStage({ pieces: 4, blocks: 8, ...shape });
const greetingOf = (stage: CarrierStage, hash = stage.key.infoHash) =>
  encodeHandshake({ infoHash: hash, peerId: theirId, fast: true, extended: false });

/** It connects, encrypts, and says its handshake as IA. */
function veiled(stage: CarrierStage, methods = both, greeting = greetingOf(stage)): VeiledPeer {
  let made: VeiledPeer | undefined;
  const { infoHash: hash } = stage.key;
  stage.dial((socket) => {
    made = new VeiledPeer(stage, socket, { infoHash: hash, methods, initialPayload: greeting });
    return made;
  });
  return must(made, "it was made").begin();
}

const contains = (wire: readonly Uint8Array[], text: string) =>
  Buffer.concat(wire).includes(Buffer.from(utf8(text)));

for (const methods of [["rc4"], ["plain"]] as const) {
  test(`a torrent crosses with ${methods[0]} payload, little memory and reads that are cut anywhere`, () => {
    const stage = stageOf({ pieces: 24, blocks: 16, slabs: 2, encryption: "prefer" });
    stage.disk.hold = (job) => job.type === "write";
    const seed = veiled(stage, methods);
    equal(seed.end?.method, methods[0]);
    seed.say({ type: "have-all" }, { type: "unchoke" });
    for (let turn = 0; turn < 40; turn += 1) seed.send(8);
    ok(!seed.flowing, "memory is full, and a part of the stream is held");
    for (let turn = 0; turn < 2000 && !stage.torrent.engine.complete; turn += 1) {
      stage.answerDisk(1);
      seed.deliver();
      seed.send(8);
      if (stage.disk.held.length === 0) stage.later(seconds(1));
    }
    deepEqual(stage.disk.bytes, stage.content);
  });
}

test("blocks are served under the cipher, and memory comes back as it went", () => {
  const stage = stageOf({ have: "all", encryption: "require" });
  const leecher = veiled(stage);
  equal(leecher.end?.method, "rc4");
  leecher.say({ type: "interested" });
  stage.later(seconds(2));
  for (let block = 0; block < 8; block += 1)
    leecher.say({ type: "request", piece: 1, begin: block * 16_384, length: 16_384 });
  stage.later(seconds(2));
  const piece = stage.info.pieceBytes;
  deepEqual(concat(leecher.blocks.map(({ bytes }) => bytes)), stage.content.slice(piece, 2 * piece));
  equal(stage.carrier.pool.usedBytes, 0);
  ok(!contains(leecher.wire, "BitTorrent protocol"), "nothing of the protocol is seen on the wire");
  deepEqual(stage.disk.bytes, stage.content, "what lies on the disk is as it was");
});

test("of both methods the cheap one is taken by `prefer`, and RC4 by `require`", () => {
  equal(veiled(stageOf({ encryption: "prefer" })).end?.method, "plain");
  equal(veiled(stageOf({ encryption: "require" })).end?.method, "rc4");
  const insists = veiled(stageOf({ encryption: "require" }), ["plain"]);
  deepEqual([insists.end, insists.closed], [undefined, true]);
});

test("`prefer` hears plain and encrypted peers alike, `require` none that is plain, `off` none that is not", () => {
  const stage = stageOf({ encryption: "prefer" });
  equal(stage.join().closed, false);
  equal(veiled(stage).closed, false);
  equal(stageOf({ encryption: "require" }).join().closed, true);
  const off = stageOf({ encryption: "off" });
  equal(veiled(off).closed, true);
  equal(off.join().closed, false);
});

test("who names one torrent under the cipher and another in it is let go", () => {
  const stage = stageOf({ encryption: "prefer" });
  const peer = veiled(stage, both, greetingOf(stage, otherHash));
  equal(peer.closed, true);
});

test("a torrent that was taken away is none that a stranger may name", () => {
  const stage = stageOf({ encryption: "prefer" });
  stage.carrier.turn(stage.now, () => stage.torrent.stop(stage.now));
  stage.drain();
  stage.carrier.remove(stage.key.infoHash);
  stage.drain();
  const peer = veiled(stage);
  deepEqual([peer.end, peer.closed], [undefined, true]);
});

test("half a key and silence end after ten seconds, noise as soon as it is known for such", () => {
  const stage = stageOf({ encryption: "prefer" });
  const silent = stage.dial().raw(new Uint8Array(95).fill(7));
  const noisy = stage.dial().raw(new Uint8Array(96 + 532).fill(7));
  equal(noisy.closed, false);
  noisy.raw(Uint8Array.of(7));
  equal(noisy.closed, true);
  stage.later(seconds(9));
  equal(silent.closed, false);
  stage.later(seconds(2));
  equal(silent.closed, true);
  equal(stage.carrier.linkCount, 0);
});

// ---- connections of ours

/** Those that the carrier has asked for and that are not open. */
const dialled = (stage: CarrierStage) =>
  stage.effects.flatMap((effect) => (effect.type === "tcp-connect" ? [effect.socket] : []));

/** The one that it asked for last is open; what it says is kept. */
class Remote extends WirePeer {
  said: Uint8Array = new Uint8Array(0);

  override heard(bytes: Uint8Array): void {
    this.said = concat([this.said, bytes]);
    this.unread += 1;
  }
}

function opened(stage: CarrierStage): Remote {
  const socket = must(dialled(stage).at(-1), "a connection was asked for");
  const remote = new Remote(stage, socket);
  stage.peers.set(socket, remote);
  stage.tell({ type: "tcp-open", socket });
  return remote;
}

const address = { ip: "192.0.2.77", port: 6881 };
function connects(stage: CarrierStage, hints: { prefersEncryption?: boolean } = {}): void {
  stage.carrier.turn(stage.now, () => {
    stage.torrent.engine.book.add(stage.now, address, "pex", hints);
    stage.torrent.input(stage.now, { type: "add-peers", addresses: [address], source: "user" });
  });
  stage.drain();
}

/** It answers an encrypted connection, and greets in it. */
function answers(stage: CarrierStage, remote: Remote): void {
  const torrents = new TorrentMarks();
  torrents.add(stage.key.infoHash);
  const chance = {
    secret: new Uint8Array(20).fill(3),
    keyPadding: new Uint8Array(9),
    optionsPaddingBytes: 0,
  };
  const machine = new MseIncoming({ torrents, chance: () => chance, methods: ["rc4"] });
  for (let heard = 0; ; ) {
    const news = remote.said.slice(heard);
    if (news.length === 0) throw new Error("nothing more is said");
    heard += news.length;
    machine.receive(news);
    for (let output = machine.poll(); output !== undefined; output = machine.poll()) {
      if (output.type === "send") remote.raw(output.bytes);
      else if (output.type === "established") {
        const greeting = greetingOf(stage).slice();
        output.send?.apply(greeting);
        remote.raw(greeting);
        return;
      } else throw new Error(output.type);
    }
  }
}

const methodOf = (stage: CarrierStage) =>
  [...stage.torrent.engine.peers.values()].map(({ facts }) => facts.encryption);
const knowsPlain = (remote: Remote) => Buffer.from(remote.said).includes("BitTorrent protocol");

test("a peer that hangs up on a plain greeting is met encrypted at once, and from then on first", () => {
  const stage = stageOf({ encryption: "prefer" });
  connects(stage);
  const plain = opened(stage);
  ok(knowsPlain(plain));
  plain.leave();
  equal(dialled(stage).length, 2, "at once: it is one try for the engine");
  const second = opened(stage);
  ok(!knowsPlain(second));
  answers(stage, second);
  deepEqual(methodOf(stage), ["rc4"]);
  second.leave();
  equal(dialled(stage).length, 2);
  stage.later(seconds(900));
  const third = opened(stage);
  ok(dialled(stage).length === 3 && !knowsPlain(third));
});

test("a peer that says that it prefers encryption is dialled so (BEP 11, `e`); we say it under `require`", () => {
  for (const mode of ["prefer", "require"] as const) {
    const stage = stageOf({ encryption: mode });
    const greeting = encodeHandshake({
      infoHash: stage.key.infoHash,
      peerId: theirId,
      fast: true,
      extended: true,
    });
    const peer = veiled(stage, both, greeting);
    const said = peer.messages.flatMap((message) =>
      message.type === "extended" && message.id === 0 ? [decodeExtensionHandshake(message.payload)] : [],
    );
    const own = said[0];
    ok(own?.ok === true);
    equal(own.value.prefersEncryption, mode === "require" ? true : undefined);
    const payload = encodeExtensionHandshake({ m: {}, p: 6999, prefersEncryption: true });
    peer.say({ type: "extended", id: 0, payload });
    peer.leave();
    stage.later(seconds(900));
    ok(!knowsPlain(opened(stage)));
  }
});

test("two ways to be hung up on are one failed try, and no third follows", () => {
  const stage = stageOf({ encryption: "prefer" });
  connects(stage, { prefersEncryption: true });
  const first = opened(stage);
  ok(!knowsPlain(first), "gossip says that it prefers encryption");
  first.leave();
  const second = opened(stage);
  ok(knowsPlain(second));
  second.leave();
  equal(dialled(stage).length, 2);
  equal(stage.torrent.engine.book.stats().connecting, 0);
  equal(stage.carrier.linkCount, 0);
});

test("an answer that is no encryption is followed by a plain greeting; `require` never sends one", () => {
  for (const mode of ["prefer", "require"] as const) {
    const stage = stageOf({ encryption: mode });
    connects(stage, { prefersEncryption: true });
    const first = opened(stage);
    ok(!knowsPlain(first));
    first.raw(greetingOf(stage));
    equal(first.closed, true);
    equal(dialled(stage).length, mode === "prefer" ? 2 : 1);
  }
});

test("a stopped torrent dials nobody again", () => {
  const stage = stageOf({ encryption: "prefer" });
  connects(stage);
  const first = opened(stage);
  stage.carrier.turn(stage.now, () => stage.torrent.stop(stage.now));
  stage.drain();
  if (!first.closed) first.leave();
  equal(dialled(stage).length, 1);
});

test("`off` dials plain whatever is said of the peer, and once", () => {
  const stage = stageOf({ encryption: "off" });
  connects(stage, { prefersEncryption: true });
  const first = opened(stage);
  ok(knowsPlain(first));
  first.leave();
  equal(dialled(stage).length, 1);
});
