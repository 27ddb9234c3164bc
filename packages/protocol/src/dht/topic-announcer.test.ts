import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type InfoHash, infoHash, type Ms, minutes, ms, Prng } from "@dure/base";
import { TopicAnnouncer } from "./topic-announcer.ts";

const announce = { port: 6881, seed: false };

test("a torrent is announced at once, and again every 13.5 to 16.5 minutes", () => {
  const announcer = new TopicAnnouncer(new Prng(1));
  announcer.handle(ms(0), { type: "add", infoHash: topic(1), announce });
  const times = play(announcer, minutes(65)).map(({ at }) => at / 60_000);
  equal(times[0], 0);
  equal(times.length, 5);
  for (let index = 1; index < times.length; index += 1) {
    const wait = times[index]! - times[index - 1]!;
    ok(wait >= 13.5 && wait <= 16.6, `waited ${wait} minutes`);
  }
});

test("hundreds of torrents begin four a second at most, and new ones go first", () => {
  const announcer = new TopicAnnouncer(new Prng(2));
  for (let index = 0; index < 300; index += 1) {
    announcer.handle(ms(0), { type: "add", infoHash: topic(index), announce });
  }
  const all = play(announcer, minutes(16));
  equal(new Set(all.slice(0, 300).map((one) => one.infoHash)).size, 300);
  for (let index = 4; index < all.length; index += 1) ok(all[index]!.at - all[index - 4]!.at >= 1000);
  announcer.handle(minutes(16), { type: "add", infoHash: topic(999), announce });
  const [next] = play(announcer, minutes(17), minutes(16));
  equal(next?.infoHash, topic(999));
});

test("no more than eight run at once, however long they take", () => {
  const announcer = new TopicAnnouncer(new Prng(3));
  for (let index = 0; index < 20; index += 1) {
    announcer.handle(ms(0), { type: "add", infoHash: topic(index), announce });
  }
  const started: InfoHash[] = [];
  for (let now = 0; now < 20_000; now += 250) {
    announcer.handle(ms(now), { type: "wake" });
    for (let output = announcer.poll(); output !== undefined; output = announcer.poll())
      started.push(output.infoHash);
  }
  equal(started.length, 8);
  equal(announcer.deadline(), undefined);
  announcer.handle(ms(20_000), { type: "ended", infoHash: started[0]! });
  equal(announcer.poll()?.infoHash, topic(8));
});

test("a removed torrent is announced no more; one that changed is announced as it is now", () => {
  const announcer = new TopicAnnouncer(new Prng(4));
  announcer.handle(ms(0), { type: "add", infoHash: topic(1), announce });
  announcer.handle(ms(0), { type: "add", infoHash: topic(2), announce });
  announcer.handle(ms(0), { type: "add", infoHash: topic(2), announce: { port: 6881, seed: true } });
  announcer.handle(ms(0), { type: "remove", infoHash: topic(1) });
  const all = play(announcer, minutes(20));
  deepEqual(new Set(all.filter(({ at }) => at > 0).map((one) => one.infoHash)), new Set([topic(2)]));
  ok(all.some((one) => one.seed));
});

test("a torrent removed and added again while it is announced waits for its next turn", () => {
  const announcer = new TopicAnnouncer(new Prng(5));
  announcer.handle(ms(0), { type: "add", infoHash: topic(1), announce });
  equal(announcer.poll()?.infoHash, topic(1));
  announcer.handle(ms(1), { type: "remove", infoHash: topic(1) });
  announcer.handle(ms(2), { type: "add", infoHash: topic(1), announce });
  equal(announcer.poll(), undefined);
  announcer.handle(ms(3), { type: "ended", infoHash: topic(1) });
  const deadline = announcer.deadline();
  ok(deadline !== undefined && deadline > minutes(13));
});

function topic(index: number): InfoHash {
  return infoHash(index.toString(16).padStart(40, "0"))!;
}

// Each announce takes two seconds.
function play(announcer: TopicAnnouncer, until: Ms, from: Ms = ms(0)) {
  const all: { at: number; infoHash: InfoHash; seed: boolean }[] = [];
  const ends: { at: number; infoHash: InfoHash }[] = [];
  let now: number = from;
  for (;;) {
    for (let output = announcer.poll(); output !== undefined; output = announcer.poll()) {
      all.push({ at: now, infoHash: output.infoHash, seed: output.announce.seed });
      ends.push({ at: now + 2000, infoHash: output.infoHash });
    }
    const wake = announcer.deadline() ?? Number.POSITIVE_INFINITY;
    const end = ends[0]?.at ?? Number.POSITIVE_INFINITY;
    now = Math.max(now, Math.min(wake, end));
    if (now > until) return all;
    if (end <= wake) announcer.handle(ms(now), { type: "ended", infoHash: ends.shift()!.infoHash });
    else announcer.handle(ms(now), { type: "wake" });
  }
}
