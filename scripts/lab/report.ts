import { type Spread, type SybilFigures, shareOf, type Tally } from "@dure/sim/dht";
import type { Machine } from "../../bench/src/machine.ts";
import { table } from "../../bench/src/table.ts";
import { fitLogarithm } from "./fit.ts";
import { crowds, type PartResult, shares } from "./parts.ts";

/** What is wanted (docs of the issue: "How it is proved"); a share that must be reached. */
const goals = {
  lookups: 0.999,
  churn: 0.99,
  sybils: [0.995, 0.98, 0.92, 0.8],
  eclipse: { "one /24": 0.99, "20 networks": 0.95 },
};
const megabyte = 1 << 20;

/** What a run leaves: docs/lab/dht.json. */
export interface LabRecord {
  /** Where the last of it was measured. */
  readonly machine: Machine;
  readonly results: PartResult[];
}

/** The tables as Markdown, each with what it shows. */
export function report({ machine, results }: LabRecord): string {
  const honest = results.find((result) => result.honest !== undefined);
  const parts = [
    "# The DHT in the laboratory",
    conditions(results, machine),
    honest === undefined ? "" : honestSection(honest),
    churnSection(results),
    sybilSection(results),
    eclipseSection(results),
    floodSection(results),
    costSection(results),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function conditions(results: readonly PartResult[], machine: Machine): string {
  const seeds = [...new Set(results.map(({ part }) => part.seed))].join(", ");
  return `\`npm run lab -- dht\` made this page and its pictures on ${machine.date.slice(0, 10)}: ${machine.cores} × ${machine.cpu}, Node ${machine.node}, seeds ${seeds}.

The real nodes (\`Dht\`) on virtual time. One way takes 80 ms for the median pair of nodes, 0.3 s for one pair in twenty, 0.95 s for one in
a thousand; 2 % of datagrams are lost; three nodes in ten are behind a NAT, which lets in anybody, or those who were sent something, or
only that port of theirs (a third each), for a minute after it sent something. Addresses are global, in 2,000 networks of 65,536. Each node
joins by itself through four others, while the network grows by a fifth a second; what is measured begins twelve minutes later.`;
}

function honestSection({ honest }: PartResult): string {
  if (honest === undefined) return "";
  const rows = honest.map((size) => [
    size.nodes.toLocaleString("en"),
    percent(size.found),
    spread(size.hops, 0),
    spread(size.queries, 0),
    spread(size.timeouts, 0),
    spread(size.firstResult, 0),
    spread(size.elapsed, 0),
    percent(size.closest),
    percent(size.closest8),
  ]);
  const { first, end } = fits(honest);
  return `## Lookups

Random nodes announce themselves under random info-hashes; random nodes look for them. p50 / p95; times in ms of virtual time, to
the first peer and to the end, when everybody near the target has been asked. *Closest*: the first node that a \`find_node\` gives is as close as the
closest of all that have no NAT; *closest 8*: of the eight closest of these, found.

${table(["nodes", "found", "hops", "queries", "unanswered", "first peer", "end", "closest", "closest 8"], rows)}

${honest.length < 2 ? "" : `Fitted to the medians, time to the first peer = ${formula(first)}; to the end = ${formula(end)}. `}Wanted: found ≥ ${goals.lookups * 100} %.

![Lookup time against network size](lookup-time.svg)`;
}

function churnSection(results: readonly PartResult[]): string {
  const rows = results.flatMap(({ churn, part }) =>
    churn === undefined
      ? []
      : [
          [
            churn.nodes.toLocaleString("en"),
            churn.replaced.toLocaleString("en"),
            percent(churn.found),
            spread(churn.elapsed, 0),
            String(part.seed),
          ],
        ],
  );
  if (rows.length === 0) return "";
  return `## Churn

In each ten minutes 20 % of the nodes leave without a word and as many come. What was announced at the beginning, and not again, is sought 5 to
15 minutes later, also by those who came meanwhile.

${table(["nodes", "replaced", "found", "end, ms", "seed"], rows)}

Wanted: ≥ ${goals.churn * 100} %.`;
}

export function fits(sizes: NonNullable<PartResult["honest"]>) {
  return {
    first: fitLogarithm(sizes.map(({ nodes, firstResult }) => [nodes, firstResult.p50] as const)),
    end: fitLogarithm(sizes.map(({ nodes, elapsed }) => [nodes, elapsed.p50] as const)),
  };
}

function formula({ start, slope, rSquared }: ReturnType<typeof fitLogarithm>): string {
  return `${start.toFixed(0)} ms ${slope < 0 ? "−" : "+"} ${Math.abs(slope).toFixed(0)} ms · log₁₀ n (R² ${rSquared.toFixed(2)})`;
}

function sybilSection(results: readonly PartResult[]): string {
  const rows = results.flatMap((result) => {
    const { sybils, part } = result;
    if (sybils === undefined || part.name !== "sybils") return [];
    const label = labelOf(part);
    return [[label, ...sybils.map(foundBoth), ...sybils.map(inTables), String(part.seed)]];
  });
  if (rows.length === 0) return "";
  const heads = shares.map((share) => `${share * 100} %`);
  return `## Sybils at random ids

Honest nodes store; then Sybils come, until they have the share of all ids. Each has an address and a /24 of its own and an id that fits the address
(BEP 42); it makes itself known to 56 honest nodes; it answers each query validly, names the Sybils closest to what is sought, confirms
stores, and gives nothing back. Found: an honest value or peer from before, sought by honest nodes, of whom a tenth came after the
Sybils: by all / by these. *In tables*: of the nodes in honest routing tables, those that are Sybils.

${table(["honest nodes, defences, lookups", ...heads, ...heads.map((head) => `in tables, ${head}`), "seed"], rows)}

Wanted, with all on: ≥ ${goals.sybils.map((goal) => `${goal * 100} %`).join(", ")}.

![Success against the share of Sybils](sybils.svg)`;
}

function labelOf(part: {
  readonly nodes: number;
  readonly defences: string;
  readonly lookups: number;
}): string {
  return `${part.nodes.toLocaleString("en")}, ${part.defences}, ${part.lookups.toLocaleString("en")}`;
}

function foundBoth({ found, foundByNewcomers }: SybilFigures): string {
  return `${short(found)} / ${short(foundByNewcomers)}`;
}

function inTables({ inTables: tally }: SybilFigures): string {
  return `${(shareOf(tally) * 100).toFixed(0)} %`;
}

function eclipseSection(results: readonly PartResult[]): string {
  const rows = results.flatMap(({ eclipses, part }) => {
    if (eclipses === undefined || part.name !== "eclipse") return [];
    const label = labelOf(part);
    return [[label, ...eclipses.map(({ found }) => short(found)), String(part.seed)]];
  });
  if (rows.length === 0) return "";
  const heads = ["one /24", "20 × /16"].flatMap((origin) => crowds.map((count) => `${count}, ${origin}`));
  return `## Eclipses

Honest nodes store; then 8, 20 or 100 such Sybils settle nearest to each target. From one /24 their ids are of their own choice and share 40 bits
with the target. From 20 networks of 65,536 addresses each has a /24 of its own and an id that fits it (BEP 42): of the 2.6 million ids that so many addresses can have,
those nearest to the target. They greet the 60 honest nodes nearest to them and 20 others, twice.

${table(["honest nodes, defences, lookups", ...heads, "seed"], rows)}

Wanted, with all on: ≥ ${goals.eclipse["one /24"] * 100} % from one /24, ≥ ${goals.eclipse["20 networks"] * 100} % from 20 networks.`;
}

function floodSection(results: readonly PartResult[]): string {
  const rows = results.flatMap(({ flood, part }) =>
    flood === undefined
      ? []
      : [
          [
            flood.packets.toLocaleString("en"),
            (flood.elapsed / 1000).toFixed(0),
            String(flood.tableBefore),
            `${flood.hostile.good} of ${flood.hostile.all}`,
            String(flood.forgedStores),
            flood.amplification.toFixed(2),
            (flood.heapGrowth / megabyte).toFixed(1),
            String(part.seed),
          ],
        ],
  );
  if (rows.length === 0) return "";
  return `## Floods

One node with a grown table gets noise, damaged messages, and questions, answers and stores under false names, with tokens that are guessed, given to somebody
else, or too old.

${table(["packets", "seconds", "table before", "hostile after", "forged stores", "bytes out per byte in", "heap growth MiB", "seed"], rows)}

Wanted: at most 1 % hostile, no forged store, at most 64 MiB.`;
}

function costSection(results: readonly PartResult[]): string {
  const rows = results.map(({ part, seconds, memoryBytesMax, datagrams }) => [
    part.name + ("defences" in part ? `, ${part.defences}` : ""),
    ("nodes" in part ? part.nodes : Math.max(...part.sizes)).toLocaleString("en"),
    datagrams.toLocaleString("en"),
    seconds.toFixed(0),
    (memoryBytesMax / megabyte).toFixed(0),
  ]);
  return `## What it took

Each world is a process of its own.

${table(["world", "honest nodes", "datagrams", "CPU s", "peak MiB"], rows)}`;
}

function percent(tally: Tally): string {
  return `${(shareOf(tally) * 100).toFixed(2)} % (${tally.all.toLocaleString("en")})`;
}

function short(tally: Tally): string {
  const share = shareOf(tally) * 100;
  return `${share.toFixed(share === 100 ? 0 : 1)} %`;
}

function spread({ p50, p95 }: Spread, digits: number): string {
  return `${p50.toFixed(digits)} / ${p95.toFixed(digits)}`;
}
