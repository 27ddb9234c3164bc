/**
 * `npm run lab -- dht [--nodes N] [--quick] [--seed S] [--jobs J]`: the DHT's real nodes on virtual time, up to 10,000 of
 * them, and what is tried against them. Prints tables, and writes them with their pictures into docs/lab/; `--quick` is a
 * small one of two or three minutes, which writes nothing.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../bench/src/machine.ts";
import { pictures } from "./lab/pictures.ts";
import { planParts } from "./lab/plan.ts";
import { report } from "./lab/report.ts";
import { runParts } from "./lab/run-parts.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: "string" },
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    jobs: { type: "string" },
  },
});
const nodes = Number(values.nodes ?? (values.quick ? 1000 : 10_000));
const seed = Number(values.seed);
const jobs = Number(values.jobs ?? Math.min(2, availableParallelism()));
if (positionals.join(" ") !== "dht" || !(nodes >= 100) || !(jobs >= 1) || Number.isNaN(seed)) {
  process.stderr.write(
    "Usage: npm run lab -- dht [--nodes N, at least 100] [--quick] [--seed S] [--jobs J]\n",
  );
  process.exit(2);
}

const where = machine();
const begun = performance.now();
const parts = planParts({ nodes, quick: values.quick, seed });
const results = await runParts(parts, jobs, ({ part, seconds, memoryBytesMax }) => {
  const label = `${part.name}${"defences" in part ? `, ${part.defences}` : ""}`;
  process.stderr.write(
    `${label}: ${seconds.toFixed(0)} s of CPU, ${(memoryBytesMax / 2 ** 20).toFixed(0)} MiB\n`,
  );
});
const text = report(results, where);
process.stdout.write(text);
process.stderr.write(`${((performance.now() - begun) / 60_000).toFixed(1)} minutes\n`);
if (!values.quick) {
  const folder = join(resolve(import.meta.dirname, ".."), "docs/lab");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "dht.md"), text);
  writeFileSync(join(folder, "dht.json"), `${JSON.stringify(results, null, 1)}\n`);
  for (const [name, svg] of pictures(results)) writeFileSync(join(folder, name), svg);
}
