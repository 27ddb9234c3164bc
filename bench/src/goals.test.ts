import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { goalLines } from "./goals.ts";
import type { PairResult, TransferRun } from "./transfer.ts";

test("a run without Dure has no goals", () => {
  deepEqual(goalLines([measured("libtorrent", "aria2", 500)]), []);
});

test("no claim is made without the named peers in the same run", () => {
  const lines = goalLines([measured("dure", "libtorrent", 600), measured("aria2", "libtorrent", 200)]);
  equal(
    lines[0],
    "from libtorrent's seed: no claim, not measured in this run: libtorrent, transmission, webtorrent ← libtorrent",
  );
  const absent: PairResult = {
    pair: { leecher: "libtorrent", seeder: "aria2" },
    state: "absent",
    missing: ["libtorrent"],
  };
  equal(
    goalLines([measured("dure", "aria2", 600), absent])[0],
    "from aria2's seed: no claim, not measured in this run: libtorrent ← aria2",
  );
});

test("the fastest other leecher is the measure, and a goal that is missed says so", () => {
  const rivals = [
    measured("aria2", "libtorrent", 232),
    measured("libtorrent", "libtorrent", 348),
    measured("transmission", "libtorrent", 31),
    measured("webtorrent", "libtorrent", 356),
  ];
  const [slow] = goalLines([measured("dure", "libtorrent", 400), ...rivals]);
  equal(slow, "from libtorrent's seed: 400 MB/s, 1.12 × webtorrent's 356 (goal ≥ 1.3: NOT met)");
  const [fast, cpu, rss] = goalLines([measured("dure", "libtorrent", 600), ...rivals]);
  equal(fast, "from libtorrent's seed: 600 MB/s, 1.69 × webtorrent's 356 (goal ≥ 1.3: met)");
  equal(cpu, "leeching, dure ← libtorrent: 1.50 CPU s/GB (goal ≤ 1.7: met)");
  equal(rss, "leeching, dure ← libtorrent: 200 MiB RSS (goal ≤ 128: NOT met)");
});

test("an encrypted pair is held against the plain one and libtorrent's own of the same run, and against nothing else", () => {
  const encrypted = (leecher: string, seeder: string, rate: number): PairResult => ({
    ...measured(leecher, seeder, rate),
    pair: { leecher, seeder, encrypted: true },
  });
  deepEqual(goalLines([encrypted("dure", "libtorrent", 300)]), []);
  const lines = goalLines([
    measured("dure", "libtorrent", 600),
    encrypted("dure", "libtorrent", 300),
    encrypted("libtorrent", "libtorrent", 200),
  ]);
  deepEqual(lines.slice(-2), [
    "dure ← libtorrent, MSE: 1.50 CPU s/GB, 1.00 × plain (goal ≤ 1.6: met)",
    "dure ← libtorrent, MSE: 300 MB/s, 1.50 × libtorrent's 200 (goal ≥ 1: met)",
  ]);
});

function measured(leecher: string, seeder: string, megabytesPerSecond: number): PairResult {
  const run: TransferRun = {
    megabytesPerSecond,
    payloadSeconds: 1,
    firstByteSeconds: 0.5,
    leecherCpuPerGb: 1.5,
    leecherStartCpuSeconds: 0.1,
    leecherRssBytes: 200 * 2 ** 20,
    leecherAnonymousBytes: 100 * 2 ** 20,
    seederCpuPerGb: 1,
    seederRssBytes: 50 * 2 ** 20,
    seederAnonymousBytes: 40 * 2 ** 20,
    wireRatio: 1.01,
    conditions: { othersShare: 0, stealShare: 0, sha1BytesPerSecond: 2e9 },
  };
  return { pair: { leecher, seeder }, state: "measured", runs: [run], failures: [] };
}
