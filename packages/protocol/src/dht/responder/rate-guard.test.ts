import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { type Ms, minutes, ms, Prng, seconds } from "@dure/base";
import { responderLimits } from "./limits.ts";
import { RateGuard, type RateGuardOptions } from "./rate-guard.ts";
import { SourceTable } from "./source-table.ts";
import { sourceAt } from "./testing/asking.ts";

const guarding = (over: Partial<RateGuardOptions> = {}) =>
  new RateGuard({ answersPerSource: 5, bytesPerSecond: Infinity, seed: 1, ...over });
const victim = "81.2.69.142";

/** Answers that a source gets which asks at these times. */
function answered(guard: RateGuard, ip: string, times: readonly number[]): number[] {
  return times.filter((time) => guard.admit(ms(time), sourceAt(ip)) !== "none");
}

test("a source gets five answers in any second, and the sixth a second after the first", () => {
  const guard = guarding();
  deepEqual(answered(guard, victim, [0, 100, 200, 300, 400, 500, 999]), [0, 100, 200, 300, 400]);
  deepEqual(answered(guard, victim, [1000, 1050, 1100, 1150, 1199]), [1000, 1100]);
});

test("whatever the rhythm, no second has more than five answers", () => {
  const prng = new Prng(11, "rhythm");
  for (let run = 0; run < 50; run += 1) {
    const guard = guarding();
    const times: number[] = [];
    let now = 0;
    for (let query = 0; query < 300; query += 1) {
      now += prng.chance(0.1) ? prng.below(2000) : prng.below(300);
      times.push(now);
    }
    const given = answered(guard, victim, times);
    for (let index = 5; index < given.length; index += 1) {
      ok(
        (given[index] ?? 0) - (given[index - 5] ?? 0) >= 1000,
        `run ${run}: ${given.slice(index - 5, index + 1)}`,
      );
    }
  }
});

test("fifty queries in ten seconds are borne; the fifty-first bans the source for five minutes", () => {
  const guard = guarding();
  const source = sourceAt(victim);
  for (let query = 0; query < 50; query += 1) guard.admit(ms(query * 190), source);
  equal(guard.isBanned(ms(9500), source), false);
  equal(guard.admit(ms(9600), source), "none");
  equal(guard.isBanned(ms(9600), source), true);
  equal(guard.isBanned(ms(9600 + minutes(5) - 1), source), true);
  equal(guard.isBanned(ms(9600 + minutes(5)), source), false);
  equal(guard.admit(ms(9600 + minutes(5)), source), "free");
});

test("a source that asks five times a second for an hour is answered all along", () => {
  const guard = guarding();
  const times = Array.from({ length: 18_000 }, (_, index) => index * 200);
  equal(answered(guard, victim, times).length, times.length);
});

test("a ban hits nobody else, but a whole /64", () => {
  const guard = guarding();
  for (let query = 0; query < 51; query += 1) guard.admit(ms(0), sourceAt("2a00:1:2:3::1"));
  equal(guard.isBanned(ms(0), sourceAt("2a00:1:2:3:9::9")), true);
  equal(guard.isBanned(ms(0), sourceAt("2a00:1:2:4::1")), false);
  for (let query = 0; query < 51; query += 1) guard.admit(ms(0), sourceAt("81.2.69.142"));
  equal(guard.isBanned(ms(0), sourceAt("81.2.69.142")), true);
  equal(guard.isBanned(ms(0), sourceAt("81.2.69.143")), false);
});

test("local addresses are not limited, unless they are to count", () => {
  const guard = guarding({ bytesPerSecond: 100 });
  for (let query = 0; query < 1000; query += 1) equal(guard.admit(ms(0), sourceAt("127.0.0.1")), "free");
  const counted = sourceAt("127.0.0.1", 1, true);
  for (let query = 0; query < 51; query += 1) guard.admit(ms(0), counted);
  equal(guard.isBanned(ms(0), counted), true);
});

test("all answers together keep to the rate, a quarter of a second's worth and one answer aside", () => {
  const prng = new Prng(2, "sources");
  const guard = guarding({ answersPerSource: Infinity, bytesPerSecond: 32_000 });
  let bytes = 0;
  for (let time = 0; time < 20_000; time += 1) {
    const verdict = guard.admit(ms(time), sourceAt(`81.${prng.below(256)}.${prng.below(256)}.1`));
    if (verdict === "none") continue;
    guard.spend(verdict, 300);
    bytes += 300;
  }
  ok(bytes <= 20 * 32_000 + 8000 + 600, `${bytes} bytes in 20 s`);
  ok(bytes >= 20 * 32_000 - 600, `${bytes} bytes in 20 s`);
});

test("the last quarter of the bytes is offered as a reserve, for those who are known", () => {
  const guard = guarding({ bytesPerSecond: 32_000 });
  const source = sourceAt(victim);
  equal(guard.admit(ms(0), source), "common");
  guard.spend("common", 6000);
  equal(guard.admit(ms(0), source), "reserve");
  guard.spend("reserve", 2000);
  equal(guard.admit(ms(0), source), "none");
  equal(guard.admit(ms(1), source), "common");
});

test("who brought back a token is remembered", () => {
  const guard = guarding();
  const source = sourceAt(victim);
  guard.prove(source);
  equal(guard.isProven(source), false, "nothing is kept of who was never counted");
  guard.admit(ms(0), source);
  guard.prove(source);
  equal(guard.isProven(source), true);
  equal(guard.isProven(sourceAt("81.2.69.143")), false);
});

test("without a limit nothing is remembered of any source", () => {
  const guard = guarding({ answersPerSource: Infinity });
  for (let query = 0; query < 1000; query += 1) equal(guard.admit(ms(0), sourceAt(victim)), "free");
  equal(guard.sourcesCount, 0);
});

test("a rate that makes no sense is our own mistake", () => {
  for (const answersPerSource of [0, -1, 2.5, 1001, Number.NaN]) throws(() => guarding({ answersPerSource }));
  throws(() => guarding({ bytesPerSecond: 0 }));
});

test("a million forged sources are at most 4,096 entries, and no ban of a source that still asks is forgotten", () => {
  const prng = new Prng(8, "flood");
  const table = new SourceTable(5, 77);
  const source = sourceAt(victim);
  const floods = Array.from({ length: 200 }, (_, index) => `62.10.${index}.7`);
  let now = ms(0);
  for (const ip of floods) for (let query = 0; query < 51; query += 1) table.count(now, sourceAt(ip));
  let forgotten = 0;
  for (let packet = 0; packet < 1_000_000; packet += 1) {
    now = ms(packet / 20); // 20,000 a second, 50 s: within the five minutes of the bans
    // Written in directly: what counts here is the table, and not the reading of a million addresses.
    source.banHigh = prng.uint32();
    table.count(now, source);
    if (packet % 20_000 === 0) {
      for (const ip of floods) if (!table.isBanned(now, sourceAt(ip))) forgotten += 1;
    }
  }
  equal(forgotten, 0);
  ok(table.size <= responderLimits.sourcesMax, `${table.size} entries`);
});

test("a table full of bans locks nobody out, and forgets the ban that is longest silent", () => {
  const table = new SourceTable(5, 78);
  const source = sourceAt(victim);
  // 20,000 banned sources for 4,096 places.
  for (let index = 0; index < 20_000; index += 1) {
    source.banHigh = 0x3e00_0000 + index * 7;
    for (let query = 0; query < 51; query += 1) table.count(ms(index), source);
  }
  equal(table.size, responderLimits.sourcesMax);
  const newcomer = sourceAt("9.9.9.9");
  equal(table.count(ms(20_000), newcomer), true);
  equal(table.count(ms(20_001), newcomer), true);
  source.banHigh = 0x3e00_0000 + 19_999 * 7;
  equal(table.isBanned(ms(20_002), source), true, "the ban of just now");
  source.banHigh = 0x3e00_0000;
  equal(table.isBanned(ms(20_002), source), false, "the oldest ban");
});

test("an honest source keeps its own count while forged ones come and go", () => {
  const prng = new Prng(9, "flood");
  const table = new SourceTable(5, 79);
  const forged = sourceAt(victim);
  const honest = sourceAt("9.9.9.9");
  let served = 0;
  for (let packet = 0; packet < 200_000; packet += 1) {
    const now = ms(packet / 20);
    forged.banHigh = prng.uint32();
    table.count(now, forged);
    // Once a second.
    if (packet % 20_000 === 0 && table.count(now, honest)) served += 1;
  }
  equal(served, 10);
});

test("the table agrees with a list of times, source by source", () => {
  const prng = new Prng(21, "model");
  for (let run = 0; run < 20; run += 1) {
    const table = new SourceTable(5, run);
    const model = new ModelTable();
    let now: Ms = ms(0);
    for (let step = 0; step < 3000; step += 1) {
      now = ms(now + prng.below(60));
      if (prng.chance(0.001)) now = ms(now + seconds(prng.below(400)));
      const ip = `81.2.${prng.below(4)}.${prng.below(prng.chance(0.5) ? 2 : 200)}`;
      equal(table.count(now, sourceAt(ip)), model.count(now, ip), `run ${run}, step ${step}`);
      equal(table.isBanned(now, sourceAt(ip)), model.isBanned(now, ip), `run ${run}, step ${step}`);
    }
  }
});

/** The same rules with a map and lists, without bounds. */
class ModelTable {
  readonly #sources = new Map<
    string,
    { answers: number[]; since: number; count: number; bannedUntil: number }
  >();

  count(now: Ms, ip: string): boolean {
    const source = this.#sources.get(ip) ?? { answers: [], since: now, count: 0, bannedUntil: 0 };
    this.#sources.set(ip, source);
    if (source.bannedUntil > now) return false;
    if (source.bannedUntil > 0) Object.assign(source, { bannedUntil: 0, since: now, count: 0 });
    if (now - source.since >= 10_000) Object.assign(source, { since: now, count: 0 });
    source.count += 1;
    if (source.count > 50) {
      source.bannedUntil = now + 300_000;
      return false;
    }
    if (source.answers.filter((time) => now - time < 1000).length >= 5) return false;
    source.answers.push(now);
    return true;
  }

  isBanned(now: Ms, ip: string): boolean {
    return (this.#sources.get(ip)?.bannedUntil ?? 0) > now;
  }
}
