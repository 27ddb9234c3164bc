import { existsSync } from "node:fs";
import { join } from "node:path";
import * as esbuild from "esbuild";
import {
  allDhtPrograms,
  type DhtNodes,
  type DhtProgram,
  eventNamed,
  type Processes,
  type RunningProgram,
} from "../../interop/clients/index.ts";
import type { Bench } from "./bench.ts";
import { type Conditions, ConditionsWatch } from "./conditions.ts";
import type { LoadJob } from "./dht-load.ts";
import type { LoadResult } from "./dht-window.ts";
import { untilQuiet } from "./quiet.ts";
import { cpuSeconds, memory } from "./usage.ts";

const server = { ip: "127.0.0.77", port: 6881 };
const [serverCore, loadCore] = [0, 1];
const taskset = "/usr/bin/taskset";
const window = 128;
const warmUpMs = 2_000;
const measureMs = 5_000;
const learnWithin = 40_000;
const joinedWait = 2_000;
const lookupsAtOnce = 8;
const stillBatches = 3;
const bareWait = 500;
const learnedMin = 100;
const learnChunk = 50;
const loadWithin = 20_000;

/** One measurement of one node's answers. */
export interface DhtRun {
  readonly answersPerSecond: number;
  /** The server's whole process, user and system, for 10^6 answers. */
  readonly cpuPerMillion: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly lost: number;
  readonly wrong: number;
  /** What the load could have taken were it alone, over what it took. */
  readonly loadCapacity: number;
  /** In the server's table before the load. */
  readonly nodes: number;
  /** Resident: listening, with nobody in the table; with that table, before the load; after it. */
  readonly rssEmptyBytes: number;
  readonly rssBytes: number;
  readonly rssAfterBytes: number;
  readonly conditions: Conditions;
}

export interface DhtResult {
  readonly program: string;
  /** Null: not installed. */
  readonly version: string | null;
  readonly runs: readonly DhtRun[];
  readonly failures: readonly string[];
}

export interface DhtReport {
  readonly pinned: boolean;
  /** Resident memory of a Node that does nothing. */
  readonly bareNodeBytes: number;
  readonly results: readonly DhtResult[];
}

export interface DhtOptions {
  /** Names; absent: all. */
  readonly programs?: readonly string[];
  readonly runs: number;
  readonly quietWithin: number;
  readonly progress: (line: string) => void;
}

/** No limit that another does not have either: what is measured is the cost of an answer. */
const settings: Readonly<Record<string, object>> = {
  dure: { unlimited: true },
  // Error and statistics alone: an alert for each query heard would be work that no client asks of it.
  libtorrent: { alert_mask: 1 | 2048 },
};

export async function dht(bench: Bench, options: DhtOptions): Promise<DhtReport> {
  const { processes } = bench;
  const chosen = (name: string): boolean => options.programs?.includes(name) ?? true;
  const build = chosen("dure") ? { dure: await bundled(bench) } : {};
  const programs = allDhtPrograms(processes, build).filter(({ name }) => chosen(name));
  const tallies = [];
  for (const program of programs) {
    const version = (await program.version()) ?? null;
    tallies.push({ program, version, runs: [] as DhtRun[], failures: [] as string[] });
  }
  const bareNodeBytes = await bareNode(processes);
  // In turn, so that what slows the machine for a while touches all alike.
  for (let round = 0; round < options.runs; round += 1) {
    for (const { program, version, runs, failures } of tallies) {
      if (version === null) continue;
      await untilQuiet(options.quietWithin);
      const label = `${program.name} (${round + 1}/${options.runs})`;
      try {
        const run = await measure(bench, program);
        runs.push(run);
        const { answersPerSecond, cpuPerMillion, nodes } = run;
        options.progress(
          `${label}: ${answersPerSecond.toFixed(0)} answers/s, ${cpuPerMillion.toFixed(1)} CPU s for 10^6, ${nodes} nodes`,
        );
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
        options.progress(`${label}: failed`);
      }
    }
  }
  const results = tallies.map(({ program, version, runs, failures }) => ({
    program: program.name,
    version,
    runs,
    failures,
  }));
  return { pinned: existsSync(taskset), bareNodeBytes, results };
}

async function measure(bench: Bench, program: DhtProgram): Promise<DhtRun> {
  const own = settings[program.name];
  const nodes = await program.start({
    listen: [server],
    work: join(bench.folder, "dht-server"),
    wrapper: pinnedTo(serverCore),
    ...(own === undefined ? {} : { settings: { ...own } }),
  });
  const load = startLoad(bench);
  const rssEmptyBytes = memory(nodes.pid)?.rssBytes ?? 0;
  try {
    const crowd = await load.until(eventNamed("crowd"), { within: loadWithin, what: "ready with its crowd" });
    const learned = await learn(nodes, crowd as unknown as Crowd); // written by dht-load.ts
    return { ...(await measured(nodes, load, learned)), rssEmptyBytes };
  } finally {
    await load.stop();
    await nodes.stop();
  }
}

function startLoad(bench: Bench): RunningProgram {
  const job: LoadJob = { server: [server.ip, server.port], window, warmUpMs, measureMs };
  const script = join(import.meta.dirname, "dht-load.ts");
  const [command = "", ...args] = [...pinnedTo(loadCore), process.execPath, script, JSON.stringify(job)];
  return bench.processes.start({
    label: "dht-load",
    command,
    args,
    work: join(bench.folder, "dht-load"),
    listens: true,
  });
}

interface Crowd {
  readonly addresses: readonly (readonly [string, number])[];
  /** Ids of the crowd to look up, in the order to do so. */
  readonly targets: readonly string[];
}

/**
 * The crowd is named to the server, which then looks up some of them: a node learns whom it asks, and each asks when it
 * likes. Until its table grows no more; how many it holds then.
 */
async function learn(nodes: DhtNodes, { addresses, targets }: Crowd): Promise<number> {
  const others = addresses.map(([ip, port]) => ({ ip, port }));
  for (let from = 0; from < others.length; from += learnChunk) {
    await nodes.join(0, others.slice(from, from + learnChunk));
    await sleep(50);
  }
  await sleep(joinedWait);
  const deadline = performance.now() + learnWithin;
  let count = await nodes.count(0);
  // Few at a time: what lookups leave behind in memory is not the table's.
  for (let from = 0, still = 0; still < stillBatches && performance.now() < deadline; from += lookupsAtOnce) {
    const batch = targets.slice(from, from + lookupsAtOnce);
    if (batch.length === 0) break;
    await Promise.all(batch.map((id) => nodes.peers(0, id)));
    const now = await nodes.count(0);
    still = now > count ? 0 : still + 1;
    count = now;
  }
  if (count < learnedMin)
    throw new Error(`its table holds ${count} of ${others.length} nodes it was told of`);
  return count;
}

async function measured(
  nodes: DhtNodes,
  load: RunningProgram,
  learned: number,
): Promise<Omit<DhtRun, "rssEmptyBytes">> {
  const rssBytes = memory(nodes.pid)?.rssBytes ?? 0;
  const watch = new ConditionsWatch();
  load.say("measure");
  await load.until(eventNamed("measuring"), { within: loadWithin, what: "measuring" });
  const cpuBefore = cpuSeconds(nodes.pid) ?? 0;
  const event = await load.until(eventNamed("result"), { within: loadWithin, what: "done" });
  const serverCpu = (cpuSeconds(nodes.pid) ?? 0) - cpuBefore;
  const result = event as unknown as LoadResult; // written by dht-load.ts
  if (result.answers === 0) throw new Error("it answered nothing");
  return {
    answersPerSecond: result.answers / result.seconds,
    cpuPerMillion: (serverCpu * 1e6) / result.answers,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    lost: result.lost,
    wrong: result.wrong,
    loadCapacity: result.seconds / result.cpuSeconds,
    nodes: learned,
    rssBytes,
    rssAfterBytes: memory(nodes.pid)?.rssBytes ?? 0,
    conditions: watch.finish(serverCpu + result.cpuSeconds),
  };
}

/** Our node as it is shipped, one file of JavaScript: stripping types at the start costs memory of its own. */
async function bundled(bench: Bench): Promise<string> {
  const outfile = join(bench.folder, "dure-nodes.mjs");
  await esbuild.build({
    entryPoints: [join(import.meta.dirname, "../../interop/dht/dure-nodes.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    outfile,
    logLevel: "silent",
  });
  return outfile;
}

async function bareNode(processes: Processes): Promise<number> {
  const running = processes.start({
    label: "bare-node",
    command: process.execPath,
    args: ["--eval", 'setInterval(() => {}, 1000); console.log("{\\"event\\":\\"ready\\"}")'],
    work: processes.scratch,
  });
  try {
    await running.until(eventNamed("ready"), { within: loadWithin, what: "ready" });
    await sleep(bareWait);
    return memory(running.pid)?.rssBytes ?? 0;
  } finally {
    await running.stop();
  }
}

function pinnedTo(core: number): readonly string[] {
  return existsSync(taskset) ? [taskset, "--cpu-list", String(core)] : [];
}

function sleep(wait: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, wait));
}
