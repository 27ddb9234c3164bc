import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Bitfield, seconds } from "@dure/base";
import { slabBytes } from "./pool.ts";
import type { StateJob } from "./ports/index.ts";
import { CarrierStage, type WirePeer } from "./testing/stage.ts";

/** Everyone sends what is asked for until the torrent is complete or nobody is asked any more. */
function finish(stage: CarrierStage, ...peers: readonly WirePeer[]): void {
  for (let turn = 0; turn < 4000 && !stage.torrent.engine.complete; turn += 1) {
    let sent = 0;
    for (const peer of peers) {
      peer.deliver();
      sent += peer.send(8);
    }
    if (sent === 0) stage.later(seconds(1));
  }
}

const commits = (jobs: readonly StateJob[]) => jobs.flatMap((job) => (job.type === "commit" ? [job] : []));

test("a torrent crosses: every byte on disk, synced, saved, and said to be done", () => {
  const stage = new CarrierStage({ pieces: 12, blocks: 20 });
  finish(stage, stage.seed());
  stage.later(seconds(10));
  deepEqual(stage.disk.bytes, stage.content);
  ok(stage.reports.some(({ type }) => type === "done"));
  equal(stage.reports.filter(({ type }) => type === "piece").length, 12);
  const last = commits(stage.stateJobs).at(-1);
  equal(Bitfield.fromBytes(last?.have ?? new Uint8Array(), 12)?.all, true);
  equal(stage.carrier.pool.usedBytes, 0);
  equal(stage.carrier.exposure.bytes, 0);
});

test("bytes in any chunks make the same file", () => {
  for (const size of [1, 7, 100, 16_384, 100_000]) {
    const stage = new CarrierStage({ pieces: 2, blocks: 3 });
    const seed = stage.seed();
    for (let turn = 0; turn < 10 && seed.requests.length > 0; turn += 1) {
      const stream = Buffer.concat(seed.requests.splice(0).map((span) => seed.blockOf(span)));
      for (let at = 0; at < stream.length; at += size) seed.raw(stream.subarray(at, at + size));
    }
    deepEqual(stage.disk.bytes, stage.content);
  }
});

test("no piece is saved as had before a sync that was asked for after it was verified", () => {
  const stage = new CarrierStage({ pieces: 40, blocks: 4 });
  const syncedByThen = new Set<number>();
  let asked: readonly number[] = [];
  stage.disk.hold = (job) => {
    if (job.type === "sync") asked = [...(stage.torrent.engine.ready?.picker.have ?? [])];
    return job.type === "sync";
  };
  const seed = stage.seed();
  let seen = 0;
  for (let turn = 0; turn < 60; turn += 1) {
    seed.send(3);
    stage.later(700);
    if (turn % 3 === 0 && stage.disk.held.length > 0) {
      for (const piece of asked) syncedByThen.add(piece);
      stage.answerDisk();
    }
    for (const { have } of commits(stage.stateJobs.slice(seen))) {
      for (const piece of Bitfield.fromBytes(have, 40) ?? []) ok(syncedByThen.has(piece), `piece ${piece}`);
    }
    seen = stage.stateJobs.length;
  }
  ok(syncedByThen.size > 20, `${syncedByThen.size} pieces were saved`);
});

test("when memory is full reading stops, and goes on when the disk has taken some", () => {
  const stage = new CarrierStage({ pieces: 24, blocks: 16, slabs: 2 });
  stage.disk.hold = (job) => job.type === "write";
  const seed = stage.seed();
  for (let turn = 0; turn < 40; turn += 1) seed.send(8);
  ok(!seed.flowing, "it waits");
  ok(stage.carrier.pool.usedBytes <= 2 * slabBytes);
  equal(seed.closed, false);
  for (let turn = 0; turn < 2000 && !stage.torrent.engine.complete; turn += 1) {
    stage.answerDisk(1);
    seed.deliver();
    seed.send(8);
    if (stage.disk.held.length === 0) stage.later(seconds(1));
  }
  deepEqual(stage.disk.bytes, stage.content);
  ok(stage.effects.some((effect) => effect.type === "tcp-read" && effect.flowing));
});

test("two peers share little memory without standing in each other's way", () => {
  const stage = new CarrierStage({ pieces: 16, blocks: 16, slabs: 1 });
  const peers = [stage.seed(), stage.seed(), stage.seed()];
  finish(stage, ...peers);
  deepEqual(stage.disk.bytes, stage.content);
});

test("a block that arrives on two links at once is taken from one; the other's goes by", () => {
  const stage = new CarrierStage({ pieces: 1, blocks: 4 });
  const [a, b] = [stage.seed(), stage.seed()];
  const span = a.requests[0] ?? { piece: 0, begin: 0, length: 16_384 };
  const bytes = a.blockOf(span);
  b.requests.length = 0;
  a.raw(bytes.subarray(0, 5000));
  b.raw(b.blockOf(span, true).subarray(0, 9000)); // what it says is wrong, and does not count
  a.raw(bytes.subarray(5000));
  b.raw(b.blockOf(span, true).subarray(9000));
  finish(stage, a);
  deepEqual(stage.disk.bytes, stage.content);
  equal(b.closed, true, "both have everything now");
});

test("a link that breaks in the middle of a block leaves no trace: another sends it whole", () => {
  const stage = new CarrierStage({ pieces: 3, blocks: 4 });
  const broken = stage.seed();
  broken.raw(
    broken.blockOf(broken.requests[0] ?? { piece: 0, begin: 0, length: 16_384 }, true).subarray(0, 8000),
  );
  ok(stage.carrier.pool.usedBytes > 0);
  broken.leave();
  equal(stage.carrier.pool.usedBytes, 0);
  finish(stage, stage.seed());
  deepEqual(stage.disk.bytes, stage.content);
});

test("a full disk: said once, nothing is lost, nothing is fetched twice, and it goes on by itself", () => {
  const stage = new CarrierStage({ pieces: 30, blocks: 16 });
  const seed = stage.seed();
  seed.send(100);
  stage.disk.fault = (job) => (job.type === "write" ? "full" : undefined);
  for (let turn = 0; turn < 5; turn += 1) seed.send(100);
  stage.later(seconds(40), () => seed.say({ type: "keep-alive" }));
  const faults = stage.reports.filter(({ type }) => type === "disk-fault");
  equal(faults.length, 1);
  equal(seed.requests.length, 0);
  equal(stage.torrent.engine.complete, false);
  stage.disk.fault = undefined;
  stage.later(seconds(16));
  ok(stage.reports.some(({ type }) => type === "disk-back"));
  finish(stage, seed);
  stage.later(seconds(10));
  deepEqual(stage.disk.bytes, stage.content);
  const blocks = stage.torrent.engine.downloaded / 16_384;
  ok(blocks - 30 * 16 <= 16, `${blocks - 30 * 16} blocks came twice`);
});

test("what the process would lose when killed stays under 16 MiB, whatever the disk and the database do", () => {
  for (const slow of ["disk", "database", "both", "neither"] as const) {
    const stage = new CarrierStage({ pieces: 24, blocks: 256, slabs: 256 }); // 96 MiB in pieces of 4 MiB
    if (slow === "disk" || slow === "both")
      stage.disk.hold = (job) => job.type === "write" || job.type === "verify";
    if (slow === "database" || slow === "both") stage.holdState = () => true;
    const seed = stage.seed();
    let most = 0;
    for (let turn = 0; turn < 3000 && !stage.torrent.engine.complete; turn += 1) {
      seed.deliver();
      seed.send(16);
      most = Math.max(most, stage.carrier.exposure.bytes);
      if (turn % 4 === 3) stage.answerDisk(2);
      if (turn % 10 === 9) stage.answerState();
      if (turn % 20 === 19) stage.later(100);
    }
    ok(stage.torrent.engine.complete, `${slow}: it is complete`);
    ok(most < 16 << 20, `${slow}: ${most}`);
  }
});

test("blocks are read in batches, sent as they are, and their memory comes back", () => {
  const stage = new CarrierStage({ pieces: 4, blocks: 16, have: "all", slabs: 8 });
  const leecher = stage.join().say({ type: "interested" });
  const wanted = Array.from({ length: 64 }, (_, index) => ({
    piece: index >> 4,
    begin: (index % 16) * 16_384,
    length: 16_384,
  }));
  leecher.say(...wanted.map((span) => ({ type: "request", ...span }) as const));
  deepEqual(
    leecher.blocks.map(({ span }) => span),
    wanted,
  );
  for (const { span, bytes } of leecher.blocks) {
    const from = span.piece * stage.info.pieceBytes + span.begin;
    deepEqual(bytes, stage.content.slice(from, from + span.length));
  }
  ok(stage.disk.log.filter(({ type }) => type === "read").length <= 6, "sixty-four blocks in a few reads");
  equal(stage.torrent.engine.uploaded, 64 * 16_384);
  equal(stage.carrier.pool.usedBytes, 0);
});

test("a leecher that goes while its blocks are read or sent leaves no memory behind", () => {
  for (const moment of ["read", "write"] as const) {
    const stage = new CarrierStage({ pieces: 4, blocks: 16, have: "all", slabs: 4 });
    if (moment === "read") stage.disk.hold = (job) => job.type === "read";
    const leecher = stage.join().say({ type: "interested" });
    leecher.reads = false;
    for (let block = 0; block < 16; block += 1)
      leecher.say({ type: "request", piece: 1, begin: block * 16_384, length: 16_384 });
    ok(stage.carrier.pool.usedBytes > 0);
    leecher.leave();
    stage.answerDisk();
    equal(stage.carrier.pool.usedBytes, 0, moment);
  }
});

test("a leecher that asks and does not read holds two megabytes at most", () => {
  const stage = new CarrierStage({ pieces: 16, blocks: 16, have: "all", slabs: 64 });
  const leecher = stage.join().say({ type: "interested" });
  leecher.reads = false;
  for (let turn = 0; turn < 400; turn += 1)
    leecher.say({
      type: "request",
      piece: turn % 16,
      begin: ((turn >> 4) * 16_384) % (16 * 16_384),
      length: 16_384,
    });
  ok(stage.carrier.pool.usedBytes <= 8 * slabBytes, `${stage.carrier.pool.usedBytes}`);
});

test("a peer that makes us talk and does not listen is let go before it holds much", () => {
  const stage = new CarrierStage({ pieces: 4000, blocks: 1, slabs: 4 });
  const deaf = stage.join({ fast: false });
  deaf.reads = false;
  const full = Bitfield.full(4000).toBytes();
  deaf.say({ type: "bitfield", bytes: full });
  let turns = 0;
  for (; !deaf.closed && turns < 5000; turns += 1) {
    for (let pair = 0; pair < 10; pair += 1) deaf.say({ type: "unchoke" }, { type: "choke" });
    deaf.messages.length = 0;
    stage.later(1000);
  }
  ok(deaf.closed, "it was let go");
  equal(stage.carrier.linkCount, 0);
});

test("peers that stop amid their blocks do not keep memory from those who send", () => {
  const stage = new CarrierStage({ pieces: 60, blocks: 16, slabs: 4 });
  const stalled = Array.from({ length: 12 }, () => stage.seed());
  const span = (peer: WirePeer) => peer.requests[0] ?? { piece: 0, begin: 0, length: 16_384 };
  const halves = stalled.map((peer) => ({ peer, block: peer.blockOf(span(peer)) }));
  for (const { peer, block } of halves) peer.raw(block.subarray(0, 500));
  equal(stage.carrier.pool.usedBytes, 4 * slabBytes);
  const good = stage.seed();
  for (let second = 0; second < 40; second += 1) {
    good.deliver();
    good.send(100);
    stage.later(1000);
  }
  const had = stage.torrent.engine.ready?.picker.have.count ?? 0;
  ok(had >= 30, `${had} pieces of 60 from the one that sends`);
  for (const { peer, block } of halves) peer.raw(block.subarray(500)); // late, and of no harm
  finish(stage, good, ...stalled);
  deepEqual(stage.disk.bytes, stage.content);
});

test("who does not say its handshake within ten seconds is let go, however it drips", () => {
  const stage = new CarrierStage({ pieces: 1, blocks: 1 });
  const silent = stage.dial();
  const dripping = stage.dial();
  const good = stage.join();
  const name = "\x13BitTorrent protocol";
  for (let second = 0; second < 9; second += 1) {
    stage.later(1000);
    dripping.raw(Uint8Array.of(name.charCodeAt(second)));
  }
  equal(dripping.closed, false);
  stage.later(3000);
  deepEqual([silent.closed, dripping.closed, good.closed], [true, true, false]);
});

test("a sync that fails is not believed the next time: pieces are read again first", () => {
  const stage = new CarrierStage({ pieces: 6, blocks: 4 });
  const seed = stage.seed();
  let failures = 0;
  stage.disk.fault = (job) => {
    if (job.type !== "sync" || failures > 0) return undefined;
    failures += 1;
    stage.disk.pieceOf(2).fill(0); // the kernel could not write this one, and forgets it
    return "io";
  };
  finish(stage, seed);
  stage.later(seconds(30), () => seed.say({ type: "keep-alive" }));
  equal(failures, 1);
  const again = stage.seed({ id: 99 });
  finish(stage, again);
  stage.later(seconds(20));
  deepEqual(stage.disk.bytes, stage.content);
  for (const { have } of commits(stage.stateJobs)) {
    for (const piece of Bitfield.fromBytes(have, 6) ?? []) ok(stage.disk.isRight(piece));
  }
});

test("stopping writes, syncs and saves everything, then says so", () => {
  const stage = new CarrierStage({ pieces: 10, blocks: 8 });
  const seed = stage.seed();
  for (let turn = 0; turn < 6; turn += 1) seed.send(5);
  stage.carrier.turn(stage.now, () => stage.torrent.stop(stage.now));
  stage.drain();
  stage.later(seconds(2));
  ok(stage.reports.some(({ type }) => type === "stopped"));
  ok(seed.closed);
  const had = [...(stage.torrent.engine.ready?.picker.have ?? [])];
  deepEqual(
    [...(Bitfield.fromBytes(commits(stage.stateJobs).at(-1)?.have ?? new Uint8Array(), 10) ?? [])],
    had,
  );
  const journal = stage.stateJobs.flatMap((job) => (job.type === "journal" ? job.partial : []));
  ok(journal.length > 0, "the unfinished piece is on record");
  stage.carrier.remove(stage.key.infoHash);
  stage.drain();
  equal(stage.carrier.pool.usedBytes, 0);
});

test("a piece whose verdict comes while the last sync is under way is synced and saved before the end is said", () => {
  const stage = new CarrierStage({ pieces: 10, blocks: 8 });
  const seed = stage.seed();
  stage.disk.hold = ({ type }) => type === "verify" || type === "sync";
  for (let turn = 0; turn < 6; turn += 1) seed.send(5);
  ok(
    stage.disk.held.some(({ type }) => type === "verify"),
    "a verdict is awaited",
  );
  stage.carrier.turn(stage.now, () => stage.torrent.stop(stage.now));
  stage.drain();
  stage.disk.hold = undefined;
  stage.answerDisk();
  stage.later(seconds(1));
  ok(stage.reports.some(({ type }) => type === "stopped"));
  const had = [...(stage.torrent.engine.ready?.picker.have ?? [])];
  ok(had.length > 0);
  const saved = Bitfield.fromBytes(commits(stage.stateJobs).at(-1)?.have ?? new Uint8Array(), 10) ?? [];
  deepEqual([...saved], had);
});
