import { rmSync } from "node:fs";
import { join } from "node:path";
import { allClients, type Checking, type Client } from "../../interop/clients/index.ts";
import { type Bench, type Input, makeInput } from "./bench.ts";
import { type Conditions, ConditionsWatch, describeConditions } from "./conditions.ts";
import { verdict } from "./goals.ts";
import { untilQuiet } from "./quiet.ts";
import { median } from "./statistics.ts";
import { figure, table } from "./table.ts";
import { TreeMeter, type TreeReading } from "./tree-meter.ts";
import { reapedCpuSeconds } from "./usage.ts";

const sampleWait = 20;
const checkWithin = 120_000;
const goalGbPerSecond = 1.2;
const port = 7101;

/** One check of data that is all there. Costs per 10^9 bytes. */
export interface VerifyRun {
  readonly gigabytesPerSecond: number;
  readonly cpuPerGb: number;
  readonly rssBytes: number;
  readonly anonymousBytes: number;
  readonly conditions: Conditions;
}

export interface VerifyResult {
  readonly program: string;
  /** Null: not installed. */
  readonly version: string | null;
  readonly runs: readonly VerifyRun[];
  readonly failures: readonly string[];
}

export interface VerifyOptions {
  /** Names; absent: all. */
  readonly programs?: readonly string[];
  readonly runs: number;
  readonly bytes: number;
  readonly pieceBytes: number;
  readonly quietWithin: number;
  readonly progress: (line: string) => void;
}

export async function verify(bench: Bench, options: VerifyOptions): Promise<readonly VerifyResult[]> {
  const input = makeInput(bench, options);
  const clients = allClients(bench.processes).filter(
    ({ name }) => options.programs === undefined || options.programs.includes(name),
  );
  const tallies = [];
  for (const client of clients) {
    const version = (await client.version()) ?? null;
    tallies.push({ client, version, runs: [] as VerifyRun[], failures: [] as string[] });
  }
  for (let round = 0; round < options.runs; round += 1) {
    for (const { client, version, runs, failures } of tallies) {
      if (version === null) continue;
      await untilQuiet(options.quietWithin);
      const label = `${client.name} (${round + 1}/${options.runs})`;
      try {
        const run = await verifyOnce(bench, client, input);
        runs.push(run);
        options.progress(`${label}: ${run.gigabytesPerSecond.toFixed(2)} GB/s`);
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
        options.progress(`${label}: failed`);
      }
    }
  }
  return tallies.map(({ client, version, runs, failures }) => ({
    program: client.name,
    version,
    runs,
    failures,
  }));
}

export function verifyTable(results: readonly VerifyResult[]): string {
  const head = ["checking existing data", "GB/s", "CPU s/GB", "RSS MiB"];
  const rows = results.map(({ program, version, runs }) => {
    if (version === null) return [program, "not installed"];
    if (runs.length === 0) return [`${program} ${version}`, "failed"];
    const middle = (value: (run: VerifyRun) => number): number | undefined => median(runs.map(value));
    return [
      `${program} ${version}`,
      figure(
        middle((run) => run.gigabytesPerSecond),
        2,
      ),
      figure(
        middle((run) => run.cpuPerGb),
        2,
      ),
      figure(
        middle((run) => run.rssBytes / 2 ** 20),
        0,
      ),
    ];
  });
  const conditions = results.flatMap(({ runs }) => runs.map((run) => run.conditions));
  const ours = median(
    results.find(({ program }) => program === "dure")?.runs.map((run) => run.gigabytesPerSecond) ?? [],
  );
  return [
    table(head, rows),
    ...(conditions.length === 0 ? [] : ["", describeConditions(conditions)]),
    ...(ours === undefined
      ? []
      : [
          "",
          `dure checks ${ours.toFixed(2)} GB/s (goal ≥ ${goalGbPerSecond}: ${verdict(ours >= goalGbPerSecond)})`,
        ]),
    ...results.flatMap(({ program, failures }) =>
      failures.map((failure) => `\n${program} failed: ${failure}`),
    ),
  ].join("\n");
}

async function verifyOnce(bench: Bench, client: Client, input: Input): Promise<VerifyRun> {
  if (client.verify === undefined) throw new Error("it has no command for that");
  const work = join(bench.folder, "verify");
  const watch = new ConditionsWatch();
  const reapedBefore = reapedCpuSeconds();
  const checking = await client.verify({
    torrent: input.torrent,
    dir: input.dir,
    listen: { ip: "127.0.0.1", port },
    work,
    doneWithin: checkWithin,
  });
  try {
    const { reading, endedAt, complete } = await measured(checking);
    if (!complete) throw new Error("the program did not find the data complete");
    // What ended cannot be asked any more, but waiting for it told the kernel to add its times to ours.
    const cpuSeconds = checking.exits ? reapedCpuSeconds() - reapedBefore : reading.cpuSeconds;
    const gigabytes = input.bytes / 1e9;
    return {
      gigabytesPerSecond: gigabytes / ((endedAt - checking.beganAt) / 1000),
      cpuPerGb: cpuSeconds / gigabytes,
      rssBytes: reading.rssBytes,
      anonymousBytes: reading.anonymousBytes,
      conditions: watch.finish(cpuSeconds),
    };
  } finally {
    await checking.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

async function measured(
  checking: Checking,
): Promise<{ reading: TreeReading; endedAt: number; complete: boolean }> {
  const meter = new TreeMeter(checking.pid, { fromStart: checking.fromStart });
  const timer = setInterval(() => meter.sample(), sampleWait);
  try {
    const { complete } = await checking.done;
    return { endedAt: performance.now(), reading: meter.sample(), complete };
  } finally {
    clearInterval(timer);
  }
}
