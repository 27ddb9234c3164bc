import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Ms, ms } from "@dure/base";
import { blockBytes } from "../picker/index.ts";
import { Pipeline } from "./pipeline.ts";

/** A peer behind a line of this rate and round trip that answers requests in order. */
function run(line: { rate: number; roundTrip: number; reqq?: number }, duration: number): Pipeline {
  const pipeline = new Pipeline();
  if (line.reqq !== undefined) pipeline.setRequestsMax(line.reqq);
  const arrivals: { at: number; askedAt: number }[] = [];
  let lineFree = 0;
  let now = 0;
  const ask = () => {
    while (arrivals.length < pipeline.target) {
      const begins = Math.max(now + line.roundTrip, lineFree);
      lineFree = begins + (blockBytes * 1000) / line.rate;
      arrivals.push({ at: lineFree, askedAt: now });
    }
  };
  ask();
  while (now < duration) {
    const next = arrivals.shift();
    if (next === undefined) throw new Error("the pipeline ran dry");
    now = next.at;
    pipeline.received(ms(now), blockBytes, ms(now - next.askedAt));
    if (arrivals.length <= pipeline.refillAt) ask();
  }
  return pipeline;
}

const blocksOf = (rate: number, time: number) => (rate * time) / 1000 / blockBytes;

test("1 MB/s over 100 ms: requests for the round trip and the slack, no more", () => {
  const { target } = run({ rate: 1e6, roundTrip: 100 }, 20_000);
  ok(target >= blocksOf(1e6, 100), `${target} requests keep the line full`);
  ok(target <= blocksOf(1e6, 100 + 600), `${target} requests are not hoarded`);
});

test("100 MB/s over 1 ms: as many as may be, since the slack alone is 40 MB", () => {
  const { target } = run({ rate: 100e6, roundTrip: 1 }, 3000);
  equal(target, 250); // what a peer takes that says nothing
  equal(run({ rate: 100e6, roundTrip: 1, reqq: 2000 }, 3000).target, 512);
});

test("a slow peer is asked for little: what it owes is not to be had elsewhere", () => {
  for (const rate of [5e3, 20e3, 60e3]) {
    const { target } = run({ rate, roundTrip: 100 }, 60_000);
    ok(target <= 8, `${target} requests at ${rate} B/s`);
  }
});

test("the line is full within a second and a half, however far away the peer is", () => {
  const pipeline = run({ rate: 10e6, roundTrip: 200 }, 1500);
  ok(pipeline.target >= blocksOf(10e6, 200), `${pipeline.target} requests`);
});

test("never more than the peer says it queues, and always one", () => {
  equal(run({ rate: 50e6, roundTrip: 50, reqq: 10 }, 3000).target, 10);
  equal(run({ rate: 50e6, roundTrip: 50, reqq: 1 }, 3000).target, 1);
  const pipeline = new Pipeline();
  pipeline.setRequestsMax(0);
  equal(pipeline.target, 1);
  ok(pipeline.refillAt >= 0);
});

test("a peer that stalls begins again with one request, and grows as it answers", () => {
  const pipeline = run({ rate: 10e6, roundTrip: 20 }, 3000);
  pipeline.stalled();
  equal(pipeline.target, 1);
  let now: Ms = ms(70_000);
  for (let block = 0; block < 20; block += 1) {
    now = ms(now + 20);
    pipeline.received(now, blockBytes, ms(20));
  }
  ok(pipeline.target >= 15);
});

test("a line that becomes ten times slower or faster is followed within seconds", () => {
  const pipeline = new Pipeline();
  pipeline.setRequestsMax(500);
  let now = 0;
  const feed = (rate: number, duration: number) => {
    for (const until = now + duration; now < until; ) {
      now += (blockBytes * 1000) / rate;
      pipeline.received(ms(now), blockBytes, ms(50));
    }
  };
  feed(10e6, 5000);
  const quick = pipeline.target;
  feed(1e6, 5000);
  ok(pipeline.target < quick / 5, `${quick} to ${pipeline.target}`);
  feed(10e6, 5000);
  ok(pipeline.target > quick / 2);
});
