import type { Leeching } from "./client.ts";
import type { RunningProgram } from "./processes.ts";

export const doneWithinDefault = 120_000;
export const readyWithinDefault = 60_000;

/** A rejection of `done` that nobody awaits any more (the test stopped early) must not end the harness. */
export function leeching(running: RunningProgram, done: Promise<unknown>): Leeching {
  const settled = done.then(() => undefined);
  settled.catch(() => undefined);
  return { pid: running.pid, stop: () => running.stop(), done: settled };
}
