/**
 * Runs the scenarios of packages/sim over many seeds: `npm run sim:sweep -- FROM-TO [SCENARIO...]`, default 1-100 of
 * all. One scenario file at a time; each failure prints the line that replays it. How to read one: packages/sim/README.md.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const folder = "packages/sim/src/scenarios";
/** One world of these says little: what they claim is measured at their own seed. */
const notSwept = ["planted", "free-riders"];

const [range = "1-100", ...named] = process.argv.slice(2);
if (!/^\d+-\d+$/.test(range)) {
  process.stderr.write("Usage: npm run sim:sweep -- FROM-TO [SCENARIO...]\n");
  process.exit(2);
}
const all = readdirSync(join(root, folder)).map((file) => file.replace(/\.test\.ts$/, ""));
const scenarios = named.length > 0 ? named : all.filter((name) => !notSwept.includes(name));
let failed = false;
for (const name of scenarios) {
  const begun = performance.now();
  const run = spawnSync(process.execPath, ["--test", `${folder}/${name}.test.ts`], {
    cwd: root,
    env: { ...process.env, DURE_SIM_SEEDS: range },
    encoding: "utf8",
    maxBuffer: 256 << 20,
  });
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  const good = run.status === 0;
  failed ||= !good;
  process.stdout.write(`${name}, seeds ${range}: ${good ? "good" : "FAILED"} (${seconds} s)\n`);
  if (good) continue;
  const lines = run.stdout.split("\n").filter((line) => line.startsWith("DURE_SIM_SEED="));
  process.stdout.write(`${lines.length > 0 ? lines.join("\n") : run.stdout + run.stderr}\n`);
}
process.exit(failed ? 1 : 0);
