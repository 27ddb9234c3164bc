import { describeConditions } from "./conditions.ts";
import { median } from "./statistics.ts";
import { figure, table } from "./table.ts";
import { type PairResult, pairName, type TransferReport, type TransferRun } from "./transfer.ts";

const head = [
  "leecher ← seeder",
  "MB/s after the first byte",
  "lowest–highest",
  "leecher CPU s/GB",
  "before the first byte s",
  "leecher RSS MiB",
  "of it anonymous",
  "seeder CPU s/GB",
  "seeder RSS MiB",
  "of it anonymous",
  "first byte s",
];

export function transferTable(report: TransferReport): string {
  const rows = report.results.map((result) => row(result, report.versions));
  const conditions = report.results.flatMap((result) =>
    result.state === "measured" ? result.runs.map((run) => run.conditions) : [],
  );
  const notes = conditions.length === 0 ? [] : ["", describeConditions(conditions)];
  return [table(head, rows), ...notes, ...report.results.flatMap(failuresOf)].join("\n");
}

export function medianOf(result: PairResult, value: (run: TransferRun) => number): number | undefined {
  return result.state === "measured" ? median(result.runs.map(value)) : undefined;
}

function row(result: PairResult, versions: TransferReport["versions"]): string[] {
  const name = (program: string): string => `${program} ${versions[program] ?? ""}`.trim();
  const pair = pairName(result.pair, name);
  if (result.state === "absent") return [pair, "not installed", result.missing.join(", ")];
  if (result.state === "failed") return [pair, "failed"];
  const rates = result.runs.map((run) => run.megabytesPerSecond);
  const middle = (value: (run: TransferRun) => number, digits: number): string =>
    figure(medianOf(result, value), digits);
  const failed = result.failures.length > 0 ? ` (${result.failures.length} failed)` : "";
  return [
    pair,
    middle((run) => run.megabytesPerSecond, 0) + failed,
    `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`,
    middle((run) => run.leecherCpuPerGb, 2),
    middle((run) => run.leecherStartCpuSeconds, 2),
    middle((run) => run.leecherRssBytes / 2 ** 20, 0),
    middle((run) => run.leecherAnonymousBytes / 2 ** 20, 0),
    middle((run) => run.seederCpuPerGb, 2),
    middle((run) => run.seederRssBytes / 2 ** 20, 0),
    middle((run) => run.seederAnonymousBytes / 2 ** 20, 0),
    middle((run) => run.firstByteSeconds, 2),
  ];
}

function failuresOf(result: PairResult): string[] {
  if (result.state === "absent") return [];
  return result.failures.map((failure) => `\n${pairName(result.pair)} failed: ${failure}`);
}
