import { deepEqual, match } from "node:assert/strict";
import { test } from "node:test";
import type { DhtReport, DhtRun } from "./dht.ts";
import { dhtGoals, dhtTable } from "./dht-report.ts";

const mib = 2 ** 20;
const quiet = { othersShare: 0, stealShare: 0, sha1BytesPerSecond: 1e9 };

function run(answersPerSecond: number, more: Partial<DhtRun> = {}): DhtRun {
  return {
    answersPerSecond,
    cpuPerMillion: 1e6 / answersPerSecond,
    p50Ms: 1,
    p99Ms: 2,
    lost: 0,
    wrong: 0,
    loadCapacity: 2,
    nodes: 300,
    rssEmptyBytes: 60 * mib,
    rssBytes: 70 * mib,
    rssAfterBytes: 80 * mib,
    conditions: quiet,
    ...more,
  };
}

function report(runs: Readonly<Record<string, readonly DhtRun[] | null>>): DhtReport {
  const results = Object.entries(runs).map(([program, its]) => ({
    program,
    version: its === null ? null : "1.0",
    runs: its ?? [],
    failures: [],
  }));
  return { pinned: true, bareNodeBytes: 45 * mib, results };
}

test("the goal is held against the faster of both others, by medians", () => {
  const all = report({
    dure: [run(90), run(60), run(70)],
    libtorrent: [run(50)],
    "bittorrent-dht": [run(5)],
  });
  deepEqual(dhtGoals(all), [
    "answers a second: 70, 1.40 × libtorrent's 50 (goal > 1: met)",
    "memory with 300 nodes: 25.0 MiB above bare Node, 15.0 of them before it knew one (goal ≤ 30: met)",
  ]);
});

test("where the load was at its own limit, the cost of an answer is compared instead", () => {
  const limited = report({
    dure: [run(70, { loadCapacity: 1.1, cpuPerMillion: 10 })],
    libtorrent: [run(69, { cpuPerMillion: 5 })],
    "bittorrent-dht": [run(5)],
  });
  match(
    dhtGoals(limited)[0] ?? "",
    /CPU \(the load was at its own limit\): 100000, 0\.50 × libtorrent's 200000/,
  );
});

test("nothing is claimed without both others, and an absent program is a row that says so", () => {
  const alone = report({ dure: [run(70)], libtorrent: null, "bittorrent-dht": [run(5)] });
  match(dhtGoals(alone)[0] ?? "", /no claim, not measured in this run: libtorrent$/);
  match(dhtTable(alone), /\| libtorrent +\| not installed \|/);
});
