import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLab } from "./lab.ts";
import { encodeMatrix } from "./matrix.ts";
import { atOnce, matrixPath, root } from "./places.ts";
import { type Plan, titleOf } from "./plan.ts";
import { markers, readmes, withMatrix } from "./readme.ts";
import { type Found, fill, matrixOf, schedule } from "./run.ts";

// Fills every cell, then writes matrix.json and the tables in the READMEs.

// `exit` handlers end the children and remove namespaces and scratch folder.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const lab = await openLab({ atOnce });
const found = new Map<Plan, Found>();
await Promise.all(
  schedule().map(async (plan) => {
    const result = await fill(lab, plan);
    found.set(plan, result);
    process.stdout.write(
      `${titleOf(plan)}: ${result.outcome}${result.why === undefined ? "" : ` (${result.why})`}\n`,
    );
  }),
);
const matrix = matrixOf(lab, found);
const unfit = [...found.values()].filter(
  ({ outcome }) => outcome === "failed" || outcome === "absent",
).length;
if (unfit > 0) {
  process.stderr.write(`${unfit} cells failed or could not be tried: nothing is written.\n`);
  process.exitCode = 1;
} else {
  writeFileSync(matrixPath, encodeMatrix(matrix));
  for (const [name, words] of Object.entries(readmes)) {
    const path = join(root, name);
    if (!existsSync(path)) continue;
    const text = withMatrix(readFileSync(path, "utf8"), matrix, words);
    if (text === undefined) throw new Error(`${name} has no ${markers.start} and ${markers.end}`);
    writeFileSync(path, text);
  }
}
