import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { infoHash, type Ms, minutes, ms, must, Prng, peerId, seconds } from "@dure/base";
import type { AnnounceReply } from "@dure/protocol";
import { Announcer, type AnnouncerOptions } from "./announcer.ts";
import type { AnnounceFailure, AnnouncerInput, AnnouncerOutput } from "./messages.ts";

type Announce = Extract<AnnouncerOutput, { type: "announce" }>;

/** An announcer on virtual time, with everything it said as readable lines. */
class Story {
  now: Ms = ms(0);
  readonly announcer: Announcer;
  lines: string[] = [];
  readonly asked = new Map<string, Announce>();
  scrapes: number[] = [];
  outputs: AnnouncerOutput[] = [];

  constructor(tiers: readonly (readonly string[])[], options: Partial<AnnouncerOptions> = {}) {
    this.announcer = new Announcer({
      tiers,
      infoHash: must(infoHash("aa".repeat(20)), "a hash"),
      peerId: must(peerId("bb".repeat(20)), "an id"),
      port: 6881,
      key: 7,
      prng: new Prng(1),
      private: false,
      totals: { uploaded: 0, downloaded: 0, left: 100 },
      ...options,
    });
  }

  do(input: AnnouncerInput): void {
    this.announcer.handle(this.now, input);
    for (let output = this.announcer.poll(); output !== undefined; output = this.announcer.poll()) {
      this.outputs.push(output);
      this.lines.push(`${this.now / 1000} ${describe(output)}`);
      if (output.type === "announce") this.asked.set(`${output.url} ${output.family}`, output);
      if (output.type === "scrape") this.scrapes.push(output.request);
    }
  }

  /** Answers the last announce to `url`; over IPv6 there is no address unless said otherwise. */
  reply(url: string, reply: Partial<AnnounceReply> = {}, family: 4 | 6 = 4): void {
    const { request } = must(this.asked.get(`${url} ${family}`), `${url} was asked over ${family}`);
    const whole = { interval: minutes(30), seeders: 1, leechers: 2, peers: [], ...reply };
    this.do({ type: "reply", request, reply: { type: "announced", reply: whole } });
  }

  refuse(url: string, failure: string, retryIn?: Ms | "never"): void {
    const { request } = must(this.asked.get(`${url} 4`), `${url} was asked`);
    this.do({ type: "reply", request, reply: { type: "refused", failure, retryIn } });
  }

  fail(url: string, reason: AnnounceFailure = "no-answer", family: 4 | 6 = 4): void {
    const { request } = must(this.asked.get(`${url} ${family}`), `${url} was asked over ${family}`);
    this.do({ type: "failed", request, reason });
  }

  /** No IPv6 anywhere: the families are another test's business. */
  only4(): this {
    for (const [key, { request }] of this.asked) {
      if (key.endsWith(" 6")) this.do({ type: "failed", request, reason: "no-address" });
    }
    for (const key of [...this.asked.keys()]) if (key.endsWith(" 6")) this.asked.delete(key);
    return this;
  }

  wait(time: number): void {
    this.now = ms(this.now + time);
    this.do({ type: "wake" });
  }

  /** Jumps to the next deadline. */
  jump(): void {
    const deadline = must(this.announcer.deadline(), "something is due some day");
    ok(deadline > this.now, "the deadline lies ahead");
    this.now = deadline;
    this.do({ type: "wake" });
  }

  /** The lines since the last call that begin with one of the words. */
  said(...words: string[]): string[] {
    const lines = this.lines.filter((line) => words.some((word) => line.split(" ")[1] === word));
    this.lines = [];
    return lines;
  }
}

function describe(output: AnnouncerOutput): string {
  switch (output.type) {
    case "announce":
      return `announce ${output.event} ${output.url} ${output.family}`;
    case "scrape":
      return `scrape ${output.url} ${output.family}`;
    case "peers":
      return `peers ${output.addresses.length} ${output.url}`;
    case "external-ip":
      return `external-ip ${output.ip}`;
    case "switch":
      return `switch ${output.from} ${output.to}`;
    case "status":
      return `status ${output.state} ${output.url}`;
  }
}

const a = "http://a.example/announce";
const b = "http://b.example/announce";
const c = "udp://c.example:6969/announce";

test("a tracker is asked over both families, heard, and asked again after its interval", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  story.reply(a, { interval: minutes(20), peers: [{ ip: "192.0.2.1", port: 1 }], externalIp: "203.0.113.5" });
  story.fail(a, "no-address", 6);
  story.jump();
  deepEqual(story.lines, [
    `0 announce started ${a} 4`,
    `0 announce started ${a} 6`,
    `0 external-ip 203.0.113.5`,
    `0 peers 1 ${a}`,
    `0 status working ${a}`,
    `0 status unsupported ${a}`,
    `1200 announce none ${a} 4`,
  ]);
});

test("stop is said once wherever started was heard, and nowhere else", () => {
  const story = new Story([[a], [b]]);
  story.do({ type: "start" });
  story.reply(a);
  story.said();
  story.do({ type: "stop" });
  deepEqual(story.said("announce"), [`0 announce stopped ${a} 4`]);
  equal(must(story.asked.get(`${a} 4`), "asked").numwant, 0);
  equal(story.announcer.deadline(), undefined);
  story.reply(a);
  story.reply(b); // `started` was heard after all
  deepEqual(story.said("announce"), [`0 announce stopped ${b} 4`]);
  story.fail(b);
  equal(story.announcer.settled, false); // the two over IPv6
  story.only4();
  equal(story.announcer.settled, true);
  deepEqual(story.said("announce", "status"), []);
});

test("after stop and start the trackers hear started again", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  story.only4();
  story.reply(a);
  story.do({ type: "stop" });
  story.said();
  story.do({ type: "start" });
  deepEqual(story.said("announce"), [`0 announce started ${a} 4`, `0 announce started ${a} 6`]);
});

test("completed is said once to each endpoint that had heard started, at once", () => {
  const story = new Story([[a], [b]]);
  story.do({ type: "start" });
  story.only4();
  story.reply(a);
  story.said();
  story.wait(1000);
  story.announcer.setTotals({ uploaded: 5, downloaded: 100, left: 0 });
  story.do({ type: "completed" });
  story.do({ type: "completed" });
  deepEqual(story.said("announce"), [`1 announce completed ${a} 4`]);
  const { left, uploaded, downloaded } = must(story.asked.get(`${a} 4`), "asked");
  deepEqual({ left, uploaded, downloaded }, { left: 0, uploaded: 5, downloaded: 100 });
  story.reply(b); // it heard `started` with bytes left
  deepEqual(story.said("announce"), [`1 announce completed ${b} 4`]);
  story.reply(a);
  story.reply(b);
  story.jump();
  deepEqual(story.said("announce"), [`1801 announce none ${a} 4`, `1801 announce none ${b} 4`]);
});

test("a tracker that hears started only after completion hears no completed (BEP 3)", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  story.only4();
  story.do({ type: "completed" });
  story.fail(a);
  story.jump();
  story.reply(a);
  story.jump();
  deepEqual(
    story.said("announce").map((line) => line.split(" ")[2]),
    ["started", "started", "started", "none"],
  );
});

test("a tier goes on to the next tracker when one fails, and the one that answers moves to the front (BEP 12)", () => {
  const story = new Story([[a, b, c]], { prng: new Prng(3) });
  story.do({ type: "start" });
  const order = story.said("announce").map((line) => line.split(" ")[3]);
  const first = must(order[0], "one is asked");
  story.only4();
  story.fail(first);
  const second = must(story.said("announce")[0], "the next is asked").split(" ")[3] ?? "";
  ok(second !== first);
  story.only4();
  story.reply(second);
  story.wait(minutes(29));
  deepEqual(story.said("announce"), []);
  story.jump();
  deepEqual(story.said("announce"), [`1800 announce none ${second} 4`]);
  story.fail(second);
  equal(story.said("announce")[0], `1800 announce started ${first} 4`);
});

test("a silent tracker holds up the next one for 20 s only, and its late answer still counts", () => {
  const story = new Story([[a], [b, c]]);
  story.do({ type: "start" });
  story.only4();
  const first = story.asked.has(`${b} 4`) ? b : c;
  const second = first === b ? c : b;
  story.reply(a);
  story.said();
  story.jump();
  deepEqual(story.said("announce").slice(0, 1), [`20 announce started ${second} 4`]);
  story.only4();
  story.reply(second);
  story.reply(first);
  story.jump();
  deepEqual(story.said("announce").slice(-1), [`1800 announce none ${a} 4`]);
  story.jump();
  deepEqual(story.said("announce"), [`1820 announce none ${first} 4`]);
});

test("failures back off from 15 s to half an hour, with chance, and a success forgets them", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  story.only4();
  const waits: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    const { now } = story;
    story.fail(a);
    story.said();
    while (story.said("announce").filter((line) => line.endsWith(" 4")).length === 0) story.jump();
    waits.push((story.now - now) / 1000);
    story.only4();
  }
  for (const [index, wait] of waits.entries()) {
    const mean = Math.min(15 * 2 ** index, 1800);
    ok(wait >= Math.max(15, mean * 0.75) && wait <= Math.min(1800, mean * 1.25), `wait ${index} is ${wait}`);
  }
  story.reply(a);
  story.jump();
  story.only4();
});

test("intervals are held between 30 s and an hour, and a longer min interval wins", () => {
  for (const [reply, expected] of [
    [{ interval: ms(0) }, 30],
    [{ interval: minutes(600) }, 3600],
    [{ interval: minutes(1), minInterval: minutes(120) }, 7200],
    [{ interval: seconds(2 ** 31), minInterval: seconds(2 ** 31) }, 86_400],
  ] as const) {
    const story = new Story([[a]]);
    story.do({ type: "start" });
    story.reply(a, reply);
    const status = story.outputs.at(-1);
    equal(status?.type === "status" && status.state === "working" && status.nextAt, seconds(expected));
  }
});

test("a wish for peers brings the announce forward, but not before the min interval", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  story.only4();
  story.reply(a, { interval: minutes(30), minInterval: minutes(10) });
  story.wait(minutes(1));
  story.said();
  story.do({ type: "need-peers" });
  deepEqual(story.said("announce"), []);
  story.jump();
  deepEqual(story.said("announce"), [`600 announce none ${a} 4`]);
});

test("after sleep or a new address every tracker is asked at once, and at most once a minute", () => {
  const story = new Story([[a], [b]]);
  story.do({ type: "start" });
  story.only4();
  story.reply(a, { minInterval: minutes(30) });
  story.wait(minutes(5)); // b stays silent
  story.said();
  story.do({ type: "reannounce" });
  deepEqual(
    story.said("announce").filter((line) => line.endsWith("4")),
    [`300 announce none ${a} 4`, `300 announce started ${b} 4`],
  );
  story.reply(a);
  story.wait(seconds(10));
  story.do({ type: "reannounce" });
  deepEqual(story.said("announce"), []);
  while (story.now < seconds(360)) story.jump();
  equal(story.now, seconds(360));
  deepEqual(
    story.said("announce").filter((line) => line.endsWith("4")),
    [`360 announce none ${a} 4`, `360 announce started ${b} 4`],
  );
});

test("retry in is honoured and outlives a forced announce; never is for ever (BEP 31)", () => {
  const story = new Story([[a], [b]]);
  story.do({ type: "start" });
  story.only4();
  story.refuse(a, "overloaded", minutes(5));
  story.refuse(b, "not a tracker", "never");
  story.wait(minutes(2));
  story.said();
  story.do({ type: "reannounce" });
  story.only4();
  deepEqual(
    story.said("announce").filter((line) => line.endsWith("4")),
    [],
  );
  while (story.asked.get(`${a} 4`)?.request === 1) story.jump();
  equal(story.now, minutes(5));
  story.reply(a);
  story.do({ type: "stop" });
  story.do({ type: "start" });
  for (let round = 0; round < 20; round += 1) {
    story.only4();
    story.jump();
  }
  equal(story.said("announce").filter((line) => line.endsWith(`${b} 4`)).length, 0);
});

test("a private torrent asks one tracker at a time and says when it switches (BEP 27)", () => {
  const story = new Story([[a], [b]], { private: true });
  story.do({ type: "start" });
  deepEqual(story.said("announce"), [`0 announce started ${a} 4`, `0 announce started ${a} 6`]);
  story.only4();
  story.reply(a);
  story.jump();
  story.fail(a);
  story.only4();
  story.said();
  story.reply(b, { peers: [{ ip: "192.0.2.1", port: 1 }] });
  deepEqual(story.said("announce", "switch", "peers"), [`1800 switch ${a} ${b}`, `1800 peers 1 ${b}`]);
  story.wait(minutes(29));
  deepEqual(story.said("announce"), []); // a stays unasked while b works
});

test("a private torrent gives up on a silent tracker when another's turn has come, and not before", () => {
  const story = new Story([[a], [b]], { private: true });
  story.do({ type: "start" });
  const late = must(story.asked.get(`${a} 4`), "asked");
  story.only4();
  story.jump();
  deepEqual(story.said("announce").slice(2, 3), [`20 announce started ${b} 4`]);
  story.do({
    type: "reply",
    request: late.request,
    reply: {
      type: "announced",
      reply: { interval: minutes(30), seeders: 1, leechers: 1, peers: [{ ip: "192.0.2.1", port: 1 }] },
    },
  });
  deepEqual(story.said("peers", "switch"), []);
  const alone = new Story([[a]], { private: true });
  alone.do({ type: "start" });
  alone.only4();
  for (let round = 0; round < 2; round += 1) alone.jump();
  equal(alone.said("announce").filter((line) => line.endsWith("4")).length, 1);
});

test("a family without an address is tried again after an hour, and at once when the address changes", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  story.only4();
  story.reply(a, { interval: minutes(60) });
  story.wait(minutes(2));
  story.said();
  story.do({ type: "reannounce" });
  deepEqual(story.said("announce"), [`120 announce none ${a} 4`, `120 announce started ${a} 6`]);
  story.fail(a, "no-address", 6);
  story.reply(a, { interval: minutes(60) });
  story.said();
  story.jump();
  deepEqual(story.said("announce"), [`3720 announce none ${a} 4`, `3720 announce started ${a} 6`]);
});

test("trackers of other schemes, broken URLs and those past a hundred are named once", () => {
  const many = Array.from({ length: 103 }, (_, index) => `http://t${index}.example/announce`);
  const story = new Story([
    ["wss://w.example", "no url", "udp://portless.example", a, a],
    [` ${a} `, ...many],
  ]);
  story.do({ type: "start" });
  const ignored = story.outputs.filter((output) => output.type === "status" && output.state === "ignored");
  deepEqual(
    ignored.map(
      (output) => output.type === "status" && output.state === "ignored" && [output.url, output.reason],
    ),
    [
      ["wss://w.example", "unknown-scheme"],
      ["no url", "bad-url"],
      ["udp://portless.example", "bad-url"],
      ["http://t99.example/announce", "too-many"],
    ],
  );
});

test("an added tracker joins its tier or makes a new one", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  story.said();
  story.do({ type: "add-tracker", url: b, tier: 0 });
  story.do({ type: "add-tracker", url: a, tier: 5 });
  deepEqual(story.said("announce"), []);
  story.do({ type: "add-tracker", url: c, tier: 5 });
  deepEqual(story.said("announce"), [`0 announce started ${c} 4`, `0 announce started ${c} 6`]);
  story.do({ type: "add-tracker", url: "ftp://x", tier: 0 });
  deepEqual(story.said("status"), ["0 status ignored ftp://x"]);
});

test("a partial seed says paused in each regular announce (BEP 21)", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  story.only4();
  story.reply(a);
  story.announcer.setTotals({ uploaded: 0, downloaded: 50, left: 50, partialSeed: true });
  story.jump();
  deepEqual(story.said("announce").slice(-1), [`1800 announce paused ${a} 4`]);
});

test("the tracker id goes back with the next announce, also when a reply leaves it out", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  story.only4();
  story.reply(a, { trackerId: "id" });
  for (let round = 0; round < 2; round += 1) {
    story.jump();
    story.only4();
    equal(story.asked.get(`${a} 4`)?.trackerId, "id");
    story.reply(a);
  }
});

test("a scrape asks the tracker in use, at most once a minute, and reports its counts", () => {
  const story = new Story([[a], ["http://n.example/x"], [c]]);
  story.do({ type: "start" });
  story.only4();
  story.reply(a);
  story.said();
  story.do({ type: "scrape" });
  story.do({ type: "scrape" });
  deepEqual(story.said("scrape"), [`0 scrape ${a} 4`, `0 scrape ${c} 4`]);
  const swarms = [{ seeders: 3, leechers: 4, downloaded: 5 }];
  story.do({ type: "reply", request: must(story.scrapes[0], "asked"), reply: { type: "scraped", swarms } });
  deepEqual(story.said("status"), [`0 status scraped ${a}`]);
  story.do({ type: "failed", request: must(story.scrapes[1], "asked"), reason: "no-answer" });
  deepEqual(story.said("status", "announce"), []);
});

test("peers that no one can connect to are left out", () => {
  const story = new Story([[a]]);
  story.do({ type: "start" });
  const peers = ["192.0.2.1", "192.0.2.1", "127.0.0.1", "0.0.0.0", "224.0.0.1", "::"].map((ip) => ({
    ip,
    port: 5,
  }));
  story.reply(a, { peers: [...peers, { ip: "198.51.100.1", port: 0 }] });
  const heard = story.outputs.find((output) => output.type === "peers");
  deepEqual(heard?.type === "peers" && heard.addresses.map(({ ip }) => ip), ["192.0.2.1", "127.0.0.1"]);
});

test("many torrents do not start in one instant", () => {
  const story = new Story([[a]], { startStagger: seconds(60) });
  story.do({ type: "start" });
  deepEqual(story.said("announce"), []);
  story.jump();
  ok(story.now > 0 && story.now <= seconds(60));
  equal(story.said("announce").length, 2);
});

test("a magnet link whose metadata says private asks one tracker at a time from then on (BEP 27)", () => {
  const asked = (learns: boolean) => {
    const announcer = new Announcer({
      tiers: [["http://a.test/announce"], ["http://b.test/announce"]],
      infoHash: must(infoHash("00".repeat(20)), "a hash"),
      peerId: must(peerId("11".repeat(20)), "an id"),
      port: 6881,
      key: 1,
      prng: new Prng(1),
      private: false,
      totals: { uploaded: 0, downloaded: 0, left: 1 },
    });
    if (learns) announcer.becomePrivate();
    announcer.handle(ms(0), { type: "start" });
    const urls = new Set<string>();
    for (let output = announcer.poll(); output !== undefined; output = announcer.poll()) {
      if (output.type === "announce") urls.add(output.url);
    }
    return urls.size;
  };
  deepEqual([asked(false), asked(true)], [2, 1]);
});
