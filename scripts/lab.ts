/**
 * `npm run lab -- dht`: the DHT's real nodes on virtual time, up to 10,000 of them, and what is tried against them. Prints
 * tables, and writes them with their pictures and the record they are made of into docs/lab/.
 *
 * `--quick` is a small one of two or three minutes, which writes nothing. `--only honest,flood` measures these and leaves
 * the others as they were; `--redraw` measures nothing. `--nodes N`, `--seed S`, `--jobs J` worlds at a time (default 2).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../bench/src/machine.ts";
import type { Part, PartResult } from "./lab/parts.ts";
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
    only: { type: "string" },
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
    "Usage: npm run lab -- dht [--nodes N, at least 100] [--quick] [--seed S] [--jobs J]\n       [--only honest,churn,sybils,eclipse,flood] [--redraw]\n",
  );
  process.exit(2);
}

const plan = planParts({ nodes, quick: values.quick, seed });
const wanted = plan.filter(({ name }) => values.only === undefined || values.only.split(",").includes(name));
const record: LabRecord = { machine: machine(), results: values.quick ? [] : readResults() };
if (!values.redraw) await runParts(wanted, jobs, keep);
const text = report(record);
process.stdout.write(text);
if (!values.quick) {
  writeFileSync(join(folder, "dht.md"), text);
  for (const [name, svg] of pictures(record.results)) writeFileSync(join(folder, name), svg);
}

// Saved at once, so that what is broken off has not been for nothing.
function keep(result: PartResult): void {
  const { part, seconds, memoryBytesMax } = result;
  const defences = "defences" in part ? `, ${part.defences}` : "";
  const memory = (memoryBytesMax / 2 ** 20).toFixed(0);
  process.stderr.write(`${part.name}${defences}: ${seconds.toFixed(0)} s of CPU, ${memory} MiB\n`);
  const all = [...record.results.filter((old) => !isSame(old.part, part)), result];
  const inOrder = plan.flatMap((planned) => all.find((one) => isSame(one.part, planned)) ?? []);
  record.results.splice(0, record.results.length, ...inOrder);
  if (values.quick) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(recordFile, `${JSON.stringify(record, null, 1)}\n`);
}

// Of the run before: what is still in the plan stays until it is measured again.
function readResults(): PartResult[] {
  if (!existsSync(recordFile)) return [];
  const old: LabRecord = JSON.parse(readFileSync(recordFile, "utf8"));
  return old.results.filter(({ part }) => plan.some((planned) => isSame(planned, part)));
}

function isSame(a: Part, b: Part): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
