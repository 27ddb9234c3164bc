/**
 * `npm run lab -- dht [--nodes N] [--quick] [--seed S] [--jobs J] [--redraw]`: the DHT's real nodes on virtual time, up to 10,000 of
 * them, and what is tried against them. Prints tables, and writes them with their pictures into docs/lab/; `--quick` is a
 * small one of two or three minutes, which writes nothing. `--redraw` makes tables and pictures from the record of the last one.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../bench/src/machine.ts";
import type { PartResult } from "./lab/parts.ts";
import { pictures } from "./lab/pictures.ts";
import { planParts } from "./lab/plan.ts";
import { type LabRecord, report } from "./lab/report.ts";
import { runParts } from "./lab/run-parts.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: "string" },
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    jobs: { type: "string" },
    redraw: { type: "boolean", default: false },
  },
});
const folder = join(resolve(import.meta.dirname, ".."), "docs/lab");
const recordFile = join(folder, "dht.json");
const nodes = Number(values.nodes ?? (values.quick ? 1000 : 10_000));
const seed = Number(values.seed);
const jobs = Number(values.jobs ?? Math.min(2, availableParallelism()));
if (positionals.join(" ") !== "dht" || !(nodes >= 100) || !(jobs >= 1) || Number.isNaN(seed)) {
  process.stderr.write(
    "Usage: npm run lab -- dht [--nodes N, at least 100] [--quick] [--seed S] [--jobs J] [--redraw]\n",
  );
  process.exit(2);
}

const record: LabRecord = values.redraw ? readRecord() : await measure();
const text = report(record);
process.stdout.write(text);
if (!values.quick) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "dht.md"), text);
  writeFileSync(recordFile, `${JSON.stringify(record, null, 1)}\n`);
  for (const [name, svg] of pictures(record.results)) writeFileSync(join(folder, name), svg);
}

async function measure(): Promise<LabRecord> {
  const where = machine();
  const begun = performance.now();
  const results = await runParts(planParts({ nodes, quick: values.quick, seed }), jobs, tell);
  return { machine: where, minutes: (performance.now() - begun) / 60_000, results };
}

function tell({ part, seconds, memoryBytesMax }: PartResult): void {
  const defences = "defences" in part ? `, ${part.defences}` : "";
  const memory = (memoryBytesMax / 2 ** 20).toFixed(0);
  process.stderr.write(`${part.name}${defences}: ${seconds.toFixed(0)} s of CPU, ${memory} MiB\n`);
}

function readRecord(): LabRecord {
  return JSON.parse(readFileSync(recordFile, "utf8"));
}
