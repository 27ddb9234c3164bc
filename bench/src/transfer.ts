import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { allClients, type Client, startOnePeerTracker } from "../../interop/clients/index.ts";
import { type Bench, type Input, makeInput, payloadName } from "./bench.ts";
import { type Conditions, ConditionsWatch } from "./conditions.ts";
import { Meter, type TransferReading } from "./meter.ts";
import { type NamespacePair, Namespaces } from "./namespaces.ts";
import { firstDifference } from "./payload.ts";
import { untilQuiet } from "./quiet.ts";
import { ReceivedBytes } from "./wire.ts";

const seedPort = 7001;
const leechPort = 7002;
const trackerPort = 6969;
const blockBytes = 16_384;
// Transmission 3.00 takes 31 MB/s: a third of that is a transfer that hangs.
const slowestBytesPerSecond = 10e6;

/** "libtorrent:aria2" is libtorrent leeching from aria2's seed. */
export interface Pair {
  readonly leecher: string;
  readonly seeder: string;
  /** Both require MSE with RC4; left out: plain. */
  readonly encrypted?: true;
}

/** "libtorrent ← aria2", and what is not as usual. */
export function pairName({ leecher, seeder, encrypted }: Pair, name = (program: string) => program): string {
  return `${name(leecher)} ← ${name(seeder)}${encrypted === true ? ", MSE" : ""}`;
}

/** One transfer. Rates and costs per 10^9 bytes of payload. */
export interface TransferRun {
  readonly megabytesPerSecond: number;
  readonly payloadSeconds: number;
  /** From the start of the leecher's process to its first payload on the wire. */
  readonly firstByteSeconds: number;
  readonly leecherCpuPerGb: number;
  /** Seconds of it before the first payload: start of the interpreter, tracker. */
  readonly leecherStartCpuSeconds: number;
  readonly leecherRssBytes: number;
  readonly leecherAnonymousBytes: number;
  readonly seederCpuPerGb: number;
  readonly seederRssBytes: number;
  readonly seederAnonymousBytes: number;
  /** Bytes the leecher's interface received over payload bytes: headers, and anything sent twice. */
  readonly wireRatio: number;
  readonly conditions: Conditions;
}

export type PairResult =
  | {
      readonly pair: Pair;
      readonly state: "measured";
      readonly runs: readonly TransferRun[];
      readonly failures: readonly string[];
    }
  | { readonly pair: Pair; readonly state: "absent"; readonly missing: readonly string[] }
  | { readonly pair: Pair; readonly state: "failed"; readonly failures: readonly string[] };

export interface TransferOptions {
  readonly pairs: readonly Pair[];
  readonly runs: number;
  readonly bytes: number;
  readonly pieceBytes: number;
  /** Before each run wait at most so many milliseconds for a quiet machine. */
  readonly quietWithin: number;
  /** Told of each run as it ends. */
  readonly progress: (label: string, outcome: TransferRun | Error) => void;
}

export interface TransferReport {
  readonly versions: Readonly<Record<string, string | null>>;
  readonly results: readonly PairResult[];
}

export async function transfer(bench: Bench, options: TransferOptions): Promise<TransferReport> {
  const clients = new Map(allClients(bench.processes).map((client) => [client.name, client]));
  const versions = await versionsOf(clients, options.pairs);
  const namespaces = new Namespaces();
  process.once("exit", () => namespaces.remove());
  const input = makeInput(bench, options);
  // In the leecher's namespace, so that only peers talk over the wire.
  const tracker = await startOnePeerTracker(bench.processes, {
    listen: { ip: namespaces.pair.leechIp, port: trackerPort },
    peer: { ip: namespaces.pair.seedIp, port: seedPort },
    netns: namespaces.pair.leech,
    work: join(bench.folder, "tracker"),
  });
  // The tracker stays for the whole run, so its namespace is where the counters are read.
  const wire = new ReceivedBytes({ pid: tracker.pid, device: namespaces.pair.device });
  const tallies = options.pairs.map((pair) => ({
    pair,
    runs: [] as TransferRun[],
    failures: [] as string[],
  }));
  // In turn, not pair by pair: what slows the machine for a while then touches every pair alike.
  for (let round = 0; round < options.runs; round += 1) {
    for (const tally of tallies) {
      const { leecher, seeder } = tally.pair;
      if (versions[leecher] === null || versions[seeder] === null) continue;
      await untilQuiet(options.quietWithin);
      const label = `${pairName(tally.pair)} (${round + 1}/${options.runs})`;
      try {
        const run = await transferOnce(bench, {
          leecher: known(clients, leecher),
          seeder: known(clients, seeder),
          input,
          encryption: tally.pair.encrypted === true ? "require" : "off",
          namespaces: namespaces.pair,
          tracker: tracker.http,
          wire,
        });
        tally.runs.push(run);
        options.progress(label, run);
      } catch (cause) {
        const error = cause instanceof Error ? cause : new Error(String(cause));
        tally.failures.push(error.message);
        options.progress(label, error);
      }
    }
  }
  wire.close();
  await tracker.stop();
  namespaces.remove();
  return { versions, results: tallies.map((tally) => resultOf(tally, versions)) };
}

interface Transfer {
  readonly leecher: Client;
  readonly seeder: Client;
  readonly input: Input;
  readonly encryption: "off" | "require";
  readonly namespaces: NamespacePair;
  readonly tracker: string;
  readonly wire: ReceivedBytes;
}

async function transferOnce(bench: Bench, one: Transfer): Promise<TransferRun> {
  const { input, namespaces } = one;
  const work = join(bench.folder, "run");
  const dir = join(work, "download");
  mkdirSync(dir, { recursive: true });
  const seeding = await one.seeder.seed({
    torrent: input.torrent,
    dir: input.dir,
    listen: { ip: namespaces.seedIp, port: seedPort },
    netns: namespaces.seed,
    encryption: one.encryption,
    work: join(work, "seeder"),
  });
  try {
    return await leechOnce(one, { seederPid: seeding.pid, dir, work: join(work, "leecher") });
  } finally {
    await seeding.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

async function leechOnce(
  { leecher, input, encryption, namespaces, tracker, wire }: Transfer,
  { seederPid, dir, work }: { seederPid: number; dir: string; work: string },
): Promise<TransferRun> {
  const watch = new ConditionsWatch();
  const wireBytesBefore = wire.read();
  const startedAt = performance.now();
  const leeching = await leecher.leech({
    source: input.torrent,
    dir,
    listen: { ip: namespaces.leechIp, port: leechPort },
    netns: namespaces.leech,
    encryption,
    work,
    doneWithin: 40_000 + (input.bytes / slowestBytesPerSecond) * 1000,
    ...(leecher.takesPeer ? { peer: `${namespaces.seedIp}:${seedPort}` } : { tracker }),
  });
  const meter = new Meter({
    leecherPid: leeching.pid,
    seederPid,
    wire,
    wireBytesBefore,
    payloadAfterBytes: blockBytes + Math.ceil(input.bytes / input.pieceBytes / 8),
  });
  try {
    await leeching.done;
    const measured = meter.finish();
    const conditions = watch.finish(measured.leecher.cpuSeconds + measured.seeder.cpuSeconds);
    const difference = firstDifference(join(dir, payloadName), input.bytes);
    if (difference !== undefined) throw new Error(`reports completion, but byte ${difference} is wrong`);
    return summarise(measured, { startedAt, bytes: input.bytes, conditions });
  } finally {
    meter.stop();
    await leeching.stop();
  }
}

function summarise(
  measured: TransferReading,
  { startedAt, bytes, conditions }: { startedAt: number; bytes: number; conditions: Conditions },
): TransferRun {
  const { firstPayloadAt, leecher, leecherCpuBefore, seeder } = measured;
  if (firstPayloadAt === undefined || measured.receivedBytes < bytes) {
    throw new Error(`completed, but only ${measured.receivedBytes} bytes crossed the wire`);
  }
  const payloadSeconds = (measured.at - firstPayloadAt) / 1000;
  const gigabytes = bytes / 1e9;
  return {
    megabytesPerSecond: bytes / 1e6 / payloadSeconds,
    payloadSeconds,
    firstByteSeconds: (firstPayloadAt - startedAt) / 1000,
    leecherCpuPerGb: leecher.cpuSeconds / gigabytes,
    leecherStartCpuSeconds: leecherCpuBefore,
    leecherRssBytes: leecher.rssBytes,
    leecherAnonymousBytes: leecher.anonymousBytes,
    seederCpuPerGb: seeder.cpuSeconds / gigabytes,
    seederRssBytes: seeder.rssBytes,
    seederAnonymousBytes: seeder.anonymousBytes,
    wireRatio: measured.receivedBytes / bytes,
    conditions,
  };
}

async function versionsOf(
  clients: ReadonlyMap<string, Client>,
  pairs: readonly Pair[],
): Promise<Record<string, string | null>> {
  const versions: Record<string, string | null> = {};
  for (const name of new Set(pairs.flatMap(({ leecher, seeder }) => [leecher, seeder]))) {
    versions[name] = (await known(clients, name).version()) ?? null;
  }
  return versions;
}

export function describeRun(run: TransferRun): string {
  const { megabytesPerSecond, leecherCpuPerGb, seederCpuPerGb, conditions } = run;
  const others = (100 * conditions.othersShare).toFixed(0);
  return (
    `${megabytesPerSecond.toFixed(0)} MB/s, CPU s/GB ${leecherCpuPerGb.toFixed(2)} and ${seederCpuPerGb.toFixed(2)}, ` +
    `others used ${others} % of the machine`
  );
}

function resultOf(
  tally: { pair: Pair; runs: TransferRun[]; failures: string[] },
  versions: Readonly<Record<string, string | null>>,
): PairResult {
  const { pair, runs, failures } = tally;
  const missing = [...new Set([pair.leecher, pair.seeder])].filter((name) => versions[name] === null);
  if (missing.length > 0) return { pair, state: "absent", missing };
  if (runs.length === 0) return { pair, state: "failed", failures };
  return { pair, state: "measured", runs, failures };
}

function known(clients: ReadonlyMap<string, Client>, name: string): Client {
  const client = clients.get(name);
  if (client === undefined)
    throw new Error(`no program called ${name}; there are ${[...clients.keys()].join(", ")}`);
  return client;
}
