import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { infoHash, minutes, ms, must, Prng, peerId, seconds } from "@dure/base";
import { Announcer } from "./announcer.ts";

const announcer = () =>
  new Announcer({
    tiers: [["http://a.example/announce"]],
    infoHash: must(infoHash("aa".repeat(20)), "a hash"),
    peerId: must(peerId("bb".repeat(20)), "an id"),
    port: 6881,
    key: 7,
    prng: new Prng(1),
    private: false,
    totals: { uploaded: 0, downloaded: 0, left: 100 },
  });

/** `family port event` of each announce until now; each is answered. */
function announced(one: Announcer, now: number): string[] {
  const lines: string[] = [];
  one.handle(ms(now), { type: "wake" });
  for (let output = one.poll(); output !== undefined; output = one.poll()) {
    if (output.type !== "announce") continue;
    lines.push(`${output.family} ${output.port} ${output.event}`);
    const reply = { interval: minutes(30), seeders: 1, leechers: 1, peers: [] };
    one.handle(ms(now), { type: "reply", request: output.request, reply: { type: "announced", reply } });
  }
  return lines.sort();
}

test("trackers are told the port that a gateway maps to ours, over its family alone", () => {
  const one = announcer();
  one.handle(ms(0), { type: "external-port", family: 4, port: 50_000 });
  one.handle(ms(0), { type: "start" });
  deepEqual(announced(one, 0), ["4 50000 started", "6 6881 started"]);
});

test("a port that is learnt later is told within a minute, one that is ours changes nothing", () => {
  const one = announcer();
  one.handle(ms(0), { type: "start" });
  deepEqual(announced(one, 0), ["4 6881 started", "6 6881 started"]);
  one.handle(seconds(5), { type: "external-port", family: 4, port: 6881 });
  deepEqual(announced(one, minutes(2)), []);
  one.handle(minutes(3), { type: "external-port", family: 4, port: 50_000 });
  deepEqual(announced(one, minutes(4)), ["4 50000 none", "6 6881 none"]);
});
