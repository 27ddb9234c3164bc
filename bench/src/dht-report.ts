import { describeConditions } from "./conditions.ts";
import type { DhtReport, DhtResult, DhtRun } from "./dht.ts";
import { verdict } from "./goals.ts";
import { median } from "./statistics.ts";
import { figure, table } from "./table.ts";

/** Where the load could have taken less than this many times what it took, its own speed was measured with it. */
const loadCapacityMin = 1.5;
const memoryMaxMib = 30;
const others = ["libtorrent", "bittorrent-dht"];

const head = [
  "one DHT node, one core",
  "answers/s",
  "lowest–highest",
  "CPU s for 10^6",
  "p50 ms",
  "p99 ms",
  "lost",
  "load could ×",
  "nodes known",
  "RSS MiB",
  "after the load",
];

export function dhtTable(report: DhtReport): string {
  const conditions = report.results.flatMap(({ runs }) => runs.map((run) => run.conditions));
  return [
    table(head, report.results.map(row)),
    ...(conditions.length === 0 ? [] : ["", describeConditions(conditions)]),
    ...(report.pinned ? [] : ["", "taskset is not installed: server and load were not kept to a core each."]),
    ...report.results.flatMap(({ program, failures }) =>
      failures.map((why) => `\n${program} failed: ${why}`),
    ),
  ].join("\n");
}

/** What was measured beside what was asked. Nothing is claimed without both others in the same run. */
export function dhtGoals(report: DhtReport): string[] {
  const ours = resultOf(report, "dure");
  if (ours === undefined) return [];
  return [speedGoal(report, ours), memoryGoal(report, ours)];
}

function speedGoal(report: DhtReport, ours: DhtResult): string {
  const rivals = others.map((name) => ({ name, result: resultOf(report, name) }));
  const missing = rivals.filter(({ result }) => result === undefined).map(({ name }) => name);
  if (missing.length > 0) return `answers: no claim, not measured in this run: ${missing.join(", ")}`;
  const all = [ours, ...rivals.flatMap(({ result }) => result ?? [])];
  // Of a server that the load could not fill only the cost of an answer is known.
  const filled = all.every((result) => (middle(result, (run) => run.loadCapacity) ?? 0) >= loadCapacityMin);
  const value = (result: DhtResult): number =>
    filled
      ? (middle(result, (run) => run.answersPerSecond) ?? Number.NaN)
      : 1e6 / (middle(result, (run) => run.cpuPerMillion) ?? Number.NaN);
  const what = filled
    ? "answers a second"
    : "answers a second of the server's CPU (the load was at its own limit)";
  const best = all.slice(1).reduce((a, b) => (value(b) > value(a) ? b : a));
  const ratio = value(ours) / value(best);
  return (
    `${what}: ${value(ours).toFixed(0)}, ${ratio.toFixed(2)} × ${best.program}'s ${value(best).toFixed(0)} ` +
    `(goal > 1: ${verdict(ratio > 1)})`
  );
}

function memoryGoal(report: DhtReport, ours: DhtResult): string {
  const above = (value: (run: DhtRun) => number): number =>
    ((middle(ours, value) ?? Number.NaN) - report.bareNodeBytes) / 2 ** 20;
  const mib = above((run) => run.rssBytes);
  const empty = above((run) => run.rssEmptyBytes);
  const nodes = figure(
    middle(ours, (run) => run.nodes),
    0,
  );
  return `memory with ${nodes} nodes: ${mib.toFixed(1)} MiB above bare Node, ${empty.toFixed(1)} of them before it knew one (goal ≤ ${memoryMaxMib}: ${verdict(mib <= memoryMaxMib)})`;
}

function row(result: DhtResult): string[] {
  const { program, version, runs } = result;
  if (version === null) return [program, "not installed"];
  const name = program === "dure" ? program : `${program} ${version}`;
  if (runs.length === 0) return [name, "failed"];
  const rates = runs.map((run) => run.answersPerSecond);
  const cell = (value: (run: DhtRun) => number, digits: number): string =>
    figure(middle(result, value), digits);
  return [
    name,
    cell((run) => run.answersPerSecond, 0),
    `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`,
    cell((run) => run.cpuPerMillion, 1),
    cell((run) => run.p50Ms, 2),
    cell((run) => run.p99Ms, 2),
    cell((run) => run.lost + run.wrong, 0),
    cell((run) => run.loadCapacity, 1),
    cell((run) => run.nodes, 0),
    cell((run) => run.rssBytes / 2 ** 20, 0),
    cell((run) => run.rssAfterBytes / 2 ** 20, 0),
  ];
}

function resultOf(report: DhtReport, name: string): DhtResult | undefined {
  return report.results.find(({ program, runs }) => program === name && runs.length > 0);
}

function middle(result: DhtResult, value: (run: DhtRun) => number): number | undefined {
  return median(result.runs.map(value));
}
