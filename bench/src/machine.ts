import { cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly memoryBytes: number;
  readonly node: string;
  readonly date: string;
  /** Of the last minute, before the run: above 0.1 or so something else was running too. */
  readonly loadBefore: number;
}

export function machine(): Machine {
  const [first, ...others] = cpus();
  return {
    cpu: first?.model.trim() ?? "unknown",
    cores: others.length + 1,
    kernel: release(),
    memoryBytes: totalmem(),
    node: process.version,
    date: new Date().toISOString(),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}
