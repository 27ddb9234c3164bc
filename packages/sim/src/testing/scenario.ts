import { type TestContext, test } from "node:test";

/** A scenario tells figures worth knowing; they are printed with the test. */
export type Tell = (figure: string) => void;

/**
 * A test that follows from a number. `DURE_SIM_SEED=7` runs it with that number alone, `DURE_SIM_SEEDS=1-500` with all
 * of these; a failure prints the line that replays it.
 */
export function scenario(
  name: string,
  seeds: readonly number[],
  story: (seed: number, tell: Tell) => void,
): void {
  test(name, (context) => {
    const failures: unknown[] = []; // one a seed
    for (const seed of seedsFromOutside() ?? seeds) {
      try {
        story(seed, (figure) => context.diagnostic(`seed ${seed}: ${figure}`));
      } catch (error) {
        process.stdout.write(`${replayLine(context, name, seed)}\n`);
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
  });
}

function replayLine(context: TestContext, name: string, seed: number): string {
  const pattern = name.replaceAll(/[^A-Za-z0-9 ,]/g, ".");
  const file = (context.filePath ?? "").replace(`${process.cwd()}/`, "");
  return `DURE_SIM_SEED=${seed} node --test --test-name-pattern="^${pattern}$" ${file}`;
}

function seedsFromOutside(): number[] | undefined {
  const { DURE_SIM_SEED: one, DURE_SIM_SEEDS: range } = process.env;
  if (one !== undefined) return [Number(one)];
  const ends = /^(\d+)-(\d+)$/.exec(range ?? "");
  if (ends === null) return undefined;
  const [from, to] = [Number(ends[1]), Number(ends[2])];
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
