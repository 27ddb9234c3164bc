import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { median } from "./statistics.ts";
import { statFields } from "./usage.ts";

const ticksPerSecond = 100;
const calibrationBytes = 64 << 20;

/** How quiet the machine was during one measurement: figures of a busy machine are not comparable with others. */
export interface Conditions {
  /** Share of all cores' time that processes outside the measurement used. */
  readonly othersShare: number;
  /** Share that a hypervisor gave to other machines. */
  readonly stealShare: number;
  /** One core's SHA-1 rate right before: falls with the clock and with a busy sibling thread. */
  readonly sha1BytesPerSecond: number;
}

/** Starts with a short calibration, so start it before what is timed. */
export class ConditionsWatch {
  readonly #sha1BytesPerSecond = sha1Rate();
  readonly #before = cpuCounters();

  /** `ownCpuSeconds`: what the measured programs used meanwhile; the harness itself is added here. */
  finish(ownCpuSeconds: number): Conditions {
    const before = this.#before;
    const after = cpuCounters();
    const all = after.all - before.all;
    const own = ownCpuSeconds * ticksPerSecond + (after.harness - before.harness);
    return {
      othersShare: Math.max(0, (after.busy - before.busy - own) / all),
      stealShare: (after.steal - before.steal) / all,
      sha1BytesPerSecond: this.#sha1BytesPerSecond,
    };
  }
}

export function describeConditions(all: readonly Conditions[]): string {
  const middle = (value: (conditions: Conditions) => number): number => median(all.map(value)) ?? 0;
  const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;
  return (
    `Conditions (medians of the runs): other processes used ${percent(middle((run) => run.othersShare))} of the machine, ` +
    `the hypervisor withheld ${percent(middle((run) => run.stealShare))}, ` +
    `one core hashed ${(middle((run) => run.sha1BytesPerSecond) / 1e9).toFixed(2)} GB/s of SHA-1.`
  );
}

/** Ticks since boot, of all cores together. */
export function cpuCounters(): { all: number; busy: number; steal: number; harness: number } {
  // "cpu user nice system idle iowait irq softirq steal guest guest_nice" (proc_stat(5)); guest is part of user.
  const line = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1] ?? "";
  const ticks = line.split(" ").slice(0, 8).map(Number);
  const all = ticks.reduce((sum, count) => sum + count, 0);
  const [idle = 0, iowait = 0, , , steal = 0] = ticks.slice(3);
  const fields = statFields(readFileSync("/proc/self/stat", "latin1"));
  const harness = Number(fields[14 - 3]) + Number(fields[15 - 3]);
  return { all, busy: all - idle - iowait - steal, steal, harness };
}

function sha1Rate(): number {
  const chunk = Buffer.alloc(1 << 20, 1);
  const hash = createHash("sha1");
  const startedAt = performance.now();
  for (let done = 0; done < calibrationBytes; done += chunk.length) hash.update(chunk);
  hash.digest();
  return calibrationBytes / ((performance.now() - startedAt) / 1000);
}
