import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { hex, type Ms, minutes, ms, Prng, seconds } from "@dure/base";
import { key, ownId, sourceAt } from "./testing/asking.ts";
import { TopicStore } from "./topic-store.ts";

const hour = 3_600_000;

function storing(prng = new Prng(4)) {
  const store = new TopicStore({ topicsMax: 2000, peersPerTopicMax: 500, prng });
  const keep = (now: Ms, keys: readonly number[]) => {
    for (const seed of keys) {
      const source = sourceAt(`81.2.${seed & 255}.${seed >> 8}`);
      store.announce(now, source, { infoHash: key(seed), ownId, port: 6881, seed: false });
    }
  };
  const sampled = (now: Ms) => store.sample(now).infoHashes.map(hex).sort();
  return { store, keep, sampled };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

test("a store of at most twenty tells all it has, also what came just now (BEP 51)", () => {
  const { keep, sampled } = storing();
  deepEqual(sampled(ms(0)), []);
  keep(ms(0), upTo(19));
  equal(sampled(ms(0)).length, 19);
  keep(ms(0), upTo(20));
  deepEqual(
    sampled(ms(1)),
    upTo(20)
      .map((seed) => hex(key(seed)))
      .sort(),
  );
});

test("a larger store tells the same twenty for six hours, and says how long that is (BEP 51)", () => {
  const { store, keep, sampled } = storing();
  const all = upTo(200);
  keep(ms(0), all);
  const first = sampled(ms(0));
  equal(first.length, 20);
  equal(store.sample(ms(0)).wait, 6 * hour);
  for (let now = 0; now < 6 * hour; now += minutes(10)) {
    keep(ms(now), all);
    deepEqual(sampled(ms(now)), first);
  }
  equal(store.sample(ms(6 * hour - 1000)).wait, seconds(1));
  const second = sampled(ms(6 * hour));
  equal(second.length, 20);
  ok(
    second.some((infoHash) => !first.includes(infoHash)),
    "and then others",
  );
});

test("what has expired is not told, and when more than half has, the sample is drawn anew", () => {
  const { keep, store, sampled } = storing();
  keep(ms(0), upTo(100));
  const first = store.sample(ms(0)).infoHashes;
  const rest = upTo(100).filter((seed) => !first.slice(0, 10).some((told) => hex(told) === hex(key(seed))));
  keep(ms(minutes(20)), rest);
  deepEqual(sampled(ms(minutes(35))), first.slice(10).map(hex).sort());
  const few = rest.filter((seed) => hex(key(seed)) !== hex(first[10] ?? key(-1)));
  keep(ms(minutes(40)), few);
  const drawn = sampled(ms(minutes(55)));
  equal(drawn.length, 20);
});

test("each info-hash is as likely to be sampled as any other", () => {
  const times = new Map<string, number>();
  for (let round = 0; round < 1000; round += 1) {
    const { keep, sampled } = storing(new Prng(round, "samples"));
    keep(ms(0), upTo(40));
    for (const told of sampled(ms(0))) times.set(told, (times.get(told) ?? 0) + 1);
  }
  equal(times.size, 40);
  // 1,000 rounds at one half: 500, deviation 16.
  for (const [told, count] of times) ok(count > 420 && count < 580, `${told}: ${count}`);
});
