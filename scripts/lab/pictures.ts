import { shareOf } from "@dure/sim/dht";
import { drawChart, type Line } from "./chart.ts";
import type { PartResult } from "./parts.ts";
import { fits } from "./report.ts";

/** File names and what is in them; only of what was measured. */
export function pictures(results: readonly PartResult[]): ReadonlyMap<string, string> {
  const drawn = new Map<string, string>(); // two pictures
  const honest = results.find((result) => result.honest !== undefined)?.honest;
  if (honest !== undefined && honest.length > 1) drawn.set("lookup-time.svg", drawTimes(honest));
  const sybils = results.flatMap(sybilLine);
  if (sybils.length > 0) drawn.set("sybils.svg", drawSybils(sybils));
  return drawn;
}

function drawTimes(sizes: NonNullable<PartResult["honest"]>): string {
  const { first, end } = fits(sizes);
  const counts = sizes.map(({ nodes }) => nodes);
  const [from, to] = [Math.min(...counts), Math.max(...counts)];
  const fitted = ({ start, slope }: typeof first) =>
    [from, to].map((n) => [n, start + slope * Math.log10(n)] as const);
  const highest = Math.max(...sizes.map(({ elapsed }) => elapsed.p95)) / 1000;
  const inSeconds = (points: readonly (readonly [number, number])[]) =>
    points.map(([x, y]) => [x, y / 1000] as const);
  const of = (name: "firstResult" | "elapsed", share: "p50" | "p95") =>
    inSeconds(sizes.map((size) => [size.nodes, size[name][share]] as const));
  return drawChart({
    title: "Lookup time against network size",
    x: { label: "nodes", scale: "logarithmic", from, to, ticks: counts },
    y: {
      label: "seconds of virtual time",
      scale: "linear",
      from: 0,
      to: niceCeiling(highest),
      ticks: ticksTo(highest),
    },
    lines: [
      { name: "first peer, median", points: of("firstResult", "p50"), marked: true },
      { name: "its logarithm", points: inSeconds(fitted(first)), marked: false, dashed: true, colour: 0 },
      { name: "first peer, p95", points: of("firstResult", "p95"), marked: true },
      { name: "end, median", points: of("elapsed", "p50"), marked: true },
      { name: "its logarithm", points: inSeconds(fitted(end)), marked: false, dashed: true, colour: 3 },
      { name: "end, p95", points: of("elapsed", "p95"), marked: true },
    ],
  });
}

function sybilLine({ sybils, part }: PartResult): Line[] {
  if (sybils === undefined || part.name !== "sybils") return [];
  const points = sybils.map(({ share, found }) => [share * 100, shareOf(found) * 100] as const);
  const name = `${part.defences}, ${part.nodes.toLocaleString("en")} honest`;
  return [{ name, points, marked: true, dashed: part.defences !== "all on" }];
}

function drawSybils(lines: readonly Line[]): string {
  const lowest = Math.min(80, ...lines.flatMap(({ points }) => points.map(([, y]) => y)));
  const from = Math.floor(lowest / 10) * 10;
  const goal: Line = {
    name: "wanted",
    points: [
      [5, 99.5],
      [20, 98],
      [40, 92],
      [60, 80],
    ],
    marked: false,
    dashed: true,
    colour: "grey",
  };
  const ticks = Array.from({ length: (100 - from) / 5 + 1 }, (_, index) => from + 5 * index);
  return drawChart({
    title: "Values found against the share of Sybils",
    x: { label: "Sybils, % of all ids", scale: "linear", from: 0, to: 65, ticks: [5, 20, 40, 60] },
    y: { label: "found, %", scale: "linear", from, to: 100, ticks },
    lines: [...lines, goal],
  });
}

function niceCeiling(value: number): number {
  return Math.max(1, Math.ceil(value));
}

function ticksTo(highest: number): number[] {
  const top = niceCeiling(highest);
  const step = Math.max(1, Math.ceil(top / 8));
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, index) => index * step);
}
