import type { Client } from "../../interop/clients/index.ts";
import { type PairResult, pairName, type TransferRun } from "./transfer.ts";
import { medianOf } from "./transfer-report.ts";

/** Leechers that a claim to be the fastest must name. */
const others: readonly Client["name"][] = ["aria2", "libtorrent", "transmission", "webtorrent"];

const leechRatioFromLibtorrent = 1.3;
const leechCpuMax = 1.7;
const seedCpuMax = 1.4;
const rssMaxMib = 128;
const encryptedCpuRatioMax = 1.6;

/** One line a goal: what was measured beside what was asked. Nothing is claimed about a pair that was not run. */
export function goalLines(results: readonly PairResult[]): string[] {
  const plain = results.filter(({ pair }) => pair.encrypted !== true);
  const encrypted = results.filter(({ pair }) => pair.encrypted === true);
  const value = (leecher: string, seeder: string, of: (run: TransferRun) => number, among = plain) => {
    const result = among.find(({ pair }) => pair.leecher === leecher && pair.seeder === seeder);
    return result === undefined ? undefined : medianOf(result, of);
  };
  const rate = (run: TransferRun): number => run.megabytesPerSecond;
  if (
    !results.some(
      ({ pair, state }) => state === "measured" && (pair.leecher === "dure" || pair.seeder === "dure"),
    )
  ) {
    return [];
  }
  const lines: string[] = [];
  const fromLibtorrent = value("dure", "libtorrent", rate);
  if (fromLibtorrent !== undefined) {
    const rivals = others.map((name) => ({ name, rate: value(name, "libtorrent", rate) }));
    const absent = rivals.filter((rival) => rival.rate === undefined).map((rival) => rival.name);
    const best = rivals.reduce((a, b) => ((b.rate ?? 0) > (a.rate ?? 0) ? b : a));
    if (absent.length > 0) {
      lines.push(
        `from libtorrent's seed: no claim, not measured in this run: ${absent.join(", ")} ← libtorrent`,
      );
    } else {
      lines.push(ratioLine("from libtorrent's seed", fromLibtorrent, best, leechRatioFromLibtorrent));
    }
  }
  const fromAria2 = value("dure", "aria2", rate);
  const rival = value("libtorrent", "aria2", rate);
  if (fromAria2 !== undefined && rival === undefined) {
    lines.push("from aria2's seed: no claim, not measured in this run: libtorrent ← aria2");
  } else if (fromAria2 !== undefined) {
    lines.push(ratioLine("from aria2's seed", fromAria2, { name: "libtorrent", rate: rival }, 1));
  }
  const limits = [
    {
      what: "leeching",
      pairs: [["dure", "libtorrent"] as const, ["dure", "aria2"] as const],
      cpuMax: leechCpuMax,
    },
    { what: "seeding", pairs: [["libtorrent", "dure"] as const], cpuMax: seedCpuMax },
  ];
  for (const { what, pairs, cpuMax } of limits) {
    for (const [leecher, seeder] of pairs) {
      const ours = what === "leeching";
      const cpu = value(leecher, seeder, (run) => (ours ? run.leecherCpuPerGb : run.seederCpuPerGb));
      const rss = value(
        leecher,
        seeder,
        (run) => (ours ? run.leecherRssBytes : run.seederRssBytes) / 2 ** 20,
      );
      if (cpu === undefined || rss === undefined) continue;
      const pair = `${what}, ${leecher} ← ${seeder}`;
      lines.push(`${pair}: ${cpu.toFixed(2)} CPU s/GB (goal ≤ ${cpuMax}: ${verdict(cpu <= cpuMax)})`);
      lines.push(`${pair}: ${rss.toFixed(0)} MiB RSS (goal ≤ ${rssMaxMib}: ${verdict(rss <= rssMaxMib)})`);
    }
  }
  for (const { pair } of encrypted) {
    const { leecher, seeder } = pair;
    if (leecher !== "dure" && seeder !== "dure") continue;
    const cpu = (run: TransferRun): number => (leecher === "dure" ? run.leecherCpuPerGb : run.seederCpuPerGb);
    const [without, under] = [value(leecher, seeder, cpu), value(leecher, seeder, cpu, encrypted)];
    if (without === undefined || under === undefined) continue;
    const ratio = under / without;
    lines.push(
      `${pairName(pair)}: ${under.toFixed(2)} CPU s/GB, ${ratio.toFixed(2)} × plain ` +
        `(goal ≤ ${encryptedCpuRatioMax}: ${verdict(ratio <= encryptedCpuRatioMax)})`,
    );
    const ours = value(leecher, seeder, rate, encrypted);
    const theirs = value("libtorrent", "libtorrent", rate, encrypted);
    if (ours === undefined || theirs === undefined) continue;
    lines.push(ratioLine(pairName(pair), ours, { name: "libtorrent", rate: theirs }, 1));
  }
  return lines;
}

function ratioLine(
  what: string,
  ours: number,
  best: { readonly name: string; readonly rate: number | undefined },
  goal: number,
): string {
  const ratio = ours / (best.rate ?? Number.NaN);
  return (
    `${what}: ${ours.toFixed(0)} MB/s, ${ratio.toFixed(2)} × ${best.name}'s ${best.rate?.toFixed(0)} ` +
    `(goal ≥ ${goal}: ${verdict(ratio >= goal)})`
  );
}

export function verdict(met: boolean): string {
  return met ? "met" : "NOT met";
}
