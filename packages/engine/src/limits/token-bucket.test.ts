import { equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { ms, seconds } from "@dure/base";
import fc from "fast-check";
import { SharedLimit } from "./shared-limit.ts";
import { TokenBucket } from "./token-bucket.ts";

test("a bucket gives its burst at once and then its rate", () => {
  const bucket = new TokenBucket({ rate: 1000, burst: 500 });
  equal(bucket.take(ms(0), 500), true);
  equal(bucket.take(ms(0), 1), false);
  equal(bucket.available(ms(100)), bucket.available(ms(100)));
  equal(bucket.take(ms(100), 100), true);
  equal(bucket.take(ms(100), 1), false);
  equal(bucket.take(seconds(10), 501), true); // past the burst: it is owed
  equal(bucket.available(seconds(10)), 0);
});

test("a refused take costs nothing", () => {
  const bucket = new TokenBucket({ rate: 1000, burst: 500 });
  bucket.take(ms(0), 400);
  for (let asked = 0; asked < 100; asked += 1) equal(bucket.take(ms(0), 101), false);
  equal(bucket.take(ms(0), 100), true);
});

test("more than the bucket holds goes when it is full and is paid off afterwards", () => {
  const bucket = new TokenBucket({ rate: 1000, burst: 500 });
  equal(bucket.take(ms(0), 16_384), true);
  equal(bucket.waitFor(ms(0), 1), 15_885);
  equal(bucket.take(ms(15_884), 1), false);
  equal(bucket.take(ms(15_885), 1), true);
});

test("bytes that came without asking are counted: the next ones wait for them", () => {
  const bucket = new TokenBucket({ rate: 1000, burst: 1000 });
  bucket.spend(ms(0), 3000);
  equal(bucket.ready(ms(2000), 1), false);
  equal(bucket.available(ms(2000)), 0);
  equal(bucket.waitFor(ms(2000), 500), 500);
  equal(bucket.ready(ms(2500), 500), true);
});

test("without a limit everything goes at once", () => {
  const bucket = new TokenBucket({ rate: undefined });
  equal(bucket.limited, false);
  for (let taken = 0; taken < 100; taken += 1) equal(bucket.take(ms(0), 1e12), true);
  equal(bucket.waitFor(ms(0), 1e12), 0);
  equal(bucket.available(ms(0)), Number.POSITIVE_INFINITY);
});

test("at rate zero nothing goes, and waiting does not help", () => {
  const bucket = new TokenBucket({ rate: 0, burst: 100 });
  equal(bucket.take(ms(0), 1), false);
  equal(bucket.available(ms(0)), 0);
  equal(bucket.waitFor(seconds(1e6), 1), Number.POSITIVE_INFINITY);
});

test("a new rate holds from now on; a debt stays, and savings stay as far as the burst allows", () => {
  const bucket = new TokenBucket({ rate: 1000, burst: 10_000 });
  bucket.spend(ms(0), 20_000);
  bucket.set(ms(0), { rate: 10_000, burst: 1000 });
  equal(bucket.waitFor(ms(0), 1000), 1100);
  bucket.set(seconds(10), { rate: undefined });
  equal(bucket.take(seconds(10), 1e9), true);
  bucket.set(seconds(10), { rate: 1000, burst: 500 });
  equal(bucket.take(seconds(10), 500), true);
  equal(bucket.take(seconds(10), 1), false);
});

test("a clock that stands still or goes back gives nothing away", () => {
  const bucket = new TokenBucket({ rate: 1000, burst: 500 });
  bucket.take(ms(1000), 500);
  equal(bucket.take(ms(500), 1), false);
  equal(bucket.waitFor(ms(1000), 100), 100);
  equal(bucket.take(ms(1099), 100), false);
  equal(bucket.take(ms(1100), 100), true);
});

test("the burst is a quarter of a second's worth by default, and two blocks at least", () => {
  equal(new TokenBucket({ rate: 1e6 }).available(ms(0)), 250_000);
  equal(new TokenBucket({ rate: 1000 }).available(ms(0)), 32_768);
  throws(() => new TokenBucket({ rate: -1 }));
  throws(() => new TokenBucket({ rate: 1, burst: 0 }));
});

const buckets = fc.record({
  rate: fc.integer({ min: 1000, max: 10_000_000 }),
  burst: fc.integer({ min: 1, max: 1_000_000 }),
});
const takes = fc.array(
  fc.record({
    bytes: fc.integer({ min: 1, max: 200_000 }),
    wait: fc.double({ min: 0, max: 500, noNaN: true }),
  }),
  { maxLength: 200 },
);

test("waitFor tells the truth: after it the bytes go, and a millisecond sooner they do not", () => {
  fc.assert(
    fc.property(buckets, takes, (settings, story) => {
      const bucket = new TokenBucket(settings);
      let now = ms(0);
      for (const { bytes, wait } of story) {
        now = ms(now + wait);
        const needed = bucket.waitFor(now, bytes);
        if (needed > 1) equal(bucket.ready(ms(now + needed - 1.01), bytes), false);
        now = ms(now + needed);
        ok(bucket.take(now, bytes), `not after ${needed} ms`);
      }
    }),
  );
});

test("whatever is asked and when, no more goes than the burst, the rate and the one block that was owed", () => {
  fc.assert(
    fc.property(buckets, takes, (settings, story) => {
      const bucket = new TokenBucket(settings);
      let now = ms(0);
      let gone = 0;
      let largest = 0;
      for (const { bytes, wait } of story) {
        now = ms(now + wait);
        if (bucket.take(now, bytes)) gone += bytes;
        largest = Math.max(largest, bytes);
      }
      ok(gone <= settings.burst + (settings.rate * now) / 1000 + largest + 1);
    }),
  );
});

test("several limits are passed together or not at all", () => {
  const node = new TokenBucket({ rate: 1000, burst: 1000 });
  const torrent = new TokenBucket({ rate: 100, burst: 500 });
  const limit = new SharedLimit([node, torrent]);
  equal(limit.limited, true);
  equal(limit.take(ms(0), 400), true);
  equal(limit.take(ms(0), 400), false); // the torrent's says no …
  equal(node.waitFor(ms(0), 600), 0); // … and the node's has paid nothing
  equal(limit.waitFor(ms(0), 400), 3000);
  equal(limit.take(ms(3000), 400), true);
  limit.spend(ms(3000), 10_000);
  equal(limit.waitFor(ms(3000), 1), 100_010);
});

test("no limits are no limit", () => {
  const limit = new SharedLimit([new TokenBucket({ rate: undefined })]);
  equal(limit.limited, false);
  equal(limit.take(ms(0), 1e12), true);
  equal(limit.waitFor(ms(0), 1), 0);
  equal(new SharedLimit([]).take(ms(0), 1), true);
});
