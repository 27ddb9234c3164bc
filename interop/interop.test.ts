import { deepEqual, equal } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { openLab } from "./src/lab.ts";
import { disagreements, type Matrix } from "./src/matrix.ts";
import { atOnce, matrixPath, root } from "./src/places.ts";
import { type Plan, titleOf } from "./src/plan.ts";
import { readmes, showsMatrix } from "./src/readme.ts";
import { type Found, fill, matrixOf, schedule } from "./src/run.ts";

// Whole transfers with other people's programs. One that is absent is skipped by name; with DURE_INTEROP=required that
// is a failure. `npm run interop` writes the matrix that the last tests hold against this run.
const required = process.env.DURE_INTEROP === "required";
const lab = await openLab({ atOnce });
const found = new Map<Plan, Found>();

suite("the same bytes arrive", { concurrency: atOnce }, () => {
  for (const plan of schedule()) {
    if (plan.limit !== undefined) {
      found.set(plan, { outcome: plan.limit }); // nothing to try
      continue;
    }
    test(titleOf(plan), async (context) => {
      const result = await fill(lab, plan);
      found.set(plan, result);
      if (result.outcome === "failed" || (result.outcome === "absent" && required))
        throw new Error(result.why);
      if (result.outcome === "absent") context.skip(result.why);
    });
  }
});

test("the committed matrix is what this run found", () => {
  deepEqual(disagreements(committed(), matrixOf(lab, found)), []);
});

for (const [name, words] of Object.entries(readmes)) {
  if (!existsSync(join(root, name))) continue;
  test(`${name} shows the committed matrix`, () => {
    equal(
      showsMatrix(readFileSync(join(root, name), "utf8"), committed(), words),
      true,
      "npm run interop writes it",
    );
  });
}

function committed(): Matrix {
  return JSON.parse(readFileSync(matrixPath, "utf8")) as Matrix;
}
