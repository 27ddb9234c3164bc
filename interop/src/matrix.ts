import type { Limit } from "./plan.ts";

export type Outcome = "passed" | "failed" | "absent" | Limit;

/** What a run found, as matrix.json holds it. */
export interface Matrix {
  /** Version by program. */
  readonly versions: Readonly<Record<string, string>>;
  /** Outcome by cell. */
  readonly cells: Readonly<Record<string, Outcome>>;
}

export function encodeMatrix(matrix: Matrix): string {
  return `${JSON.stringify(matrix, null, 2)}\n`;
}

/**
 * Where the matrix that was committed is not what this run found. Versions do not count, nor cells that could not be
 * tried here.
 */
export function disagreements(committed: Matrix, found: Matrix): string[] {
  const titles = new Set([...Object.keys(committed.cells), ...Object.keys(found.cells)]);
  return [...titles].flatMap((title) => {
    const [was, is] = [committed.cells[title], found.cells[title]];
    if (was === is || is === "absent") return [];
    return [`${title}: committed as ${was ?? "no cell"}, found ${is ?? "no cell"}`];
  });
}
