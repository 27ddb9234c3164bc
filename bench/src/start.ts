import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { verdict } from "./goals.ts";
import { median } from "./statistics.ts";
import { figure, table } from "./table.ts";
import { transfer } from "./transfer.ts";

const runs = 11;
const firstByteRuns = 5;
// Large enough that the first payload is not the last, small enough for eleven quick transfers.
const firstByteBytes = 32 << 20;
const versionGoal = 0.15;
const firstByteGoal = 0.5;
const versionWithin = 10_000;

const programs = [
  { name: "dure --version", command: join(import.meta.dirname, "../../bin/dure"), args: ["--version"] },
  { name: "aria2c --version", command: "aria2c", args: ["--version"] },
  { name: "transmission-daemon --version", command: "transmission-daemon", args: ["--version"] },
  { name: "python3: import libtorrent", command: "/usr/bin/python3", args: ["-c", "import libtorrent"] },
  { name: "node, an empty program", command: process.execPath, args: ["--eval", ""] },
] as const;

export interface StartReport {
  /** Wall seconds of each run; null: not installed. */
  readonly commands: readonly { readonly name: string; readonly seconds: readonly number[] | null }[];
  /** From the start of the process to the first payload on the wire, from libtorrent's seed. */
  readonly firstByte: readonly { readonly program: string; readonly seconds: readonly number[] | null }[];
}

export async function start(
  bench: Bench,
  options: { programs?: readonly string[]; quietWithin: number; progress: (line: string) => void },
): Promise<StartReport> {
  const commands = [];
  for (const program of programs) commands.push({ name: program.name, seconds: await timed(bench, program) });
  const names = options.programs ?? ["dure", "libtorrent", "webtorrent", "aria2", "transmission"];
  const { results } = await transfer(bench, {
    pairs: names.map((leecher) => ({ leecher, seeder: "libtorrent" })),
    runs: firstByteRuns,
    bytes: firstByteBytes,
    pieceBytes: 1 << 20,
    quietWithin: options.quietWithin,
    progress: (label, outcome) =>
      options.progress(
        outcome instanceof Error
          ? `${label}: ${outcome.message}`
          : `${label}: first byte after ${outcome.firstByteSeconds.toFixed(2)} s`,
      ),
  });
  const firstByte = results.map((result) => ({
    program: result.pair.leecher,
    seconds: result.state === "measured" ? result.runs.map((run) => run.firstByteSeconds) : null,
  }));
  return { commands, firstByte };
}

export function startTable(report: StartReport): string {
  const row = (name: string, seconds: readonly number[] | null): string[] =>
    seconds === null
      ? [name, "not measured"]
      : [
          name,
          figure(median(seconds), 3),
          `${Math.min(...seconds).toFixed(3)}–${Math.max(...seconds).toFixed(3)}`,
        ];
  const goal = (what: string, seconds: readonly number[] | null | undefined, most: number): string[] => {
    const middle = median(seconds ?? []);
    return middle === undefined
      ? []
      : [`${what}: ${middle.toFixed(3)} s (goal ≤ ${most}: ${verdict(middle <= most)})`];
  };
  const version = report.commands.find(({ name }) => name === "dure --version")?.seconds;
  const first = report.firstByte.find(({ program }) => program === "dure")?.seconds;
  return [
    table(
      ["to start and end", "median s", "lowest–highest"],
      report.commands.map(({ name, seconds }) => row(name, seconds)),
    ),
    "",
    table(
      ["to the first byte from libtorrent's seed", "median s", "lowest–highest"],
      report.firstByte.map(({ program, seconds }) => row(program, seconds)),
    ),
    "",
    ...goal("dure --version", version, versionGoal),
    ...goal("first byte after dure get", first, firstByteGoal),
  ].join("\n");
}

async function timed(
  bench: Bench,
  program: { name: string; command: string; args: readonly string[] },
): Promise<number[] | null> {
  const seconds: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const running = bench.processes.start({
      label: "start",
      ...program,
      work: join(bench.folder, "start"),
      bare: true,
    });
    const timer = setTimeout(() => running.kill("SIGKILL"), versionWithin);
    const { code } = await running.exited;
    clearTimeout(timer);
    if (code !== 0) return null;
    seconds.push((performance.now() - running.startedAt) / 1000);
  }
  return seconds;
}
