import { cpuCounters } from "./conditions.ts";

const sampleWait = 500;
const othersShareMax = 0.05;

/** Waits until nobody else uses the machine, at most `within` milliseconds; whether it became quiet. */
export async function untilQuiet(within: number): Promise<boolean> {
  const deadline = performance.now() + within;
  while (performance.now() < deadline) {
    const before = cpuCounters();
    await new Promise((resolve) => setTimeout(resolve, sampleWait));
    const after = cpuCounters();
    const others = after.busy - before.busy - (after.harness - before.harness);
    if (others / (after.all - before.all) <= othersShareMax) return true;
  }
  return false;
}
