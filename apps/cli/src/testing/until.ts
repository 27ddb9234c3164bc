import { ok } from "node:assert/strict";
import type { TestContext } from "node:test";

const within = 20_000n * 1_000_000n;

/** Lets the program go on until it is so; true time, whatever clocks a test has made its own. */
export async function until(condition: () => boolean, between: () => void = () => {}): Promise<void> {
  const end = process.hrtime.bigint() + within;
  while (!condition() && process.hrtime.bigint() < end) {
    await new Promise((next) => setImmediate(next));
    if (!condition()) between();
  }
  ok(condition(), "not in time");
}

/** Lets mocked time go on in steps of milliseconds until it is so. */
export async function passTime(context: TestContext, step: number, condition: () => boolean): Promise<void> {
  await until(condition, () => context.mock.timers.tick(step));
}
