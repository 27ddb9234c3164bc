import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { ms, Prng } from "@dure/base";
import fc from "fast-check";
import { RateMeter } from "./rate-meter.ts";

test("a steady stream is measured as what it is", () => {
  const meter = new RateMeter();
  for (let at = 0; at <= 60_000; at += 10) {
    meter.add(ms(at), 10_000);
    if (at > 2000) ok(Math.abs(meter.rate(ms(at)) - 1_000_000) < 12_000, `${meter.rate(ms(at))} at ${at}`);
  }
  equal(meter.total, 6001 * 10_000);
});

test("nothing is no rate, and after the window nothing is left of what was", () => {
  const meter = new RateMeter();
  equal(meter.rate(ms(0)), 0);
  meter.add(ms(1000), 1_000_000);
  ok(meter.rate(ms(1000)) > 0);
  ok(meter.rate(ms(5900)) > 0);
  equal(meter.rate(ms(6500)), 0);
  equal(meter.rate(ms(1_000_000)), 0);
  equal(meter.total, 1_000_000);
});

test("one block after a rest is not a gigabyte a second", () => {
  const meter = new RateMeter();
  meter.add(ms(0), 16_384);
  equal(meter.rate(ms(0)), 16_384);
  meter.add(ms(100_000), 16_384);
  equal(meter.rate(ms(100_000)), 16_384);
});

test("a change is seen within five and a half seconds", () => {
  const meter = new RateMeter();
  let at = 0;
  for (; at < 20_000; at += 10) meter.add(ms(at), 1000);
  for (; at < 25_500; at += 10) meter.add(ms(at), 10_000);
  ok(Math.abs(meter.rate(ms(at)) - 1_000_000) < 12_000);
});

test("a clock that begins below zero is as good as any", () => {
  const meter = new RateMeter();
  for (let at = -9000; at <= 0; at += 10) meter.add(ms(at), 1000);
  ok(Math.abs(meter.rate(ms(0)) - 100_000) < 2000, `${meter.rate(ms(0))}`);
});

test("it agrees with a list of everything, to the half second of its slots", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ wait: fc.integer({ min: 0, max: 3000 }), bytes: fc.integer({ min: 0, max: 20_000 }) }),
        { maxLength: 100 },
      ),
      (story) => {
        const meter = new RateMeter();
        const events: { at: number; bytes: number }[] = [];
        let now = 0;
        for (const { wait, bytes } of story) {
          now += wait;
          meter.add(ms(now), bytes);
          events.push({ at: now, bytes });
          const since = (past: number) =>
            events.filter(({ at }) => at >= now - past).reduce((sum, event) => sum + event.bytes, 0);
          const rate = meter.rate(ms(now));
          ok(rate <= since(5500) + 1e-6, "no more than a second of all of it");
          ok(rate >= since(5000) / 5.5 - 1e-6, "no less than all of it over the whole window");
        }
      },
    ),
  );
});

test("forty thousand events a second cost little", () => {
  const meter = new RateMeter();
  const prng = new Prng(1);
  const began = performance.now();
  let now = 0;
  for (let event = 0; event < 400_000; event += 1) {
    now += prng.float() / 20;
    meter.add(ms(now), 16_384);
  }
  const tookMs = performance.now() - began;
  ok(tookMs < 1000, `ten seconds' worth took ${tookMs} ms`); // about 10 ms on an idle machine
});
