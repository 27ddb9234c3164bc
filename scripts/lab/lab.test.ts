import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { drawChart } from "./chart.ts";
import { defenceSets } from "./defence-sets.ts";
import { fitLogarithm } from "./fit.ts";
import { planParts } from "./plan.ts";

test("a logarithm is found again in points that lie on it, and the fit says how well it fits", () => {
  const points = [100, 1000, 10_000].map((x) => [x, 50 + 30 * Math.log10(x)] as const);
  const exact = fitLogarithm(points);
  ok(Math.abs(exact.start - 50) < 1e-9 && Math.abs(exact.slope - 30) < 1e-9 && exact.rSquared > 0.999_999);
  const noisy = fitLogarithm([...points, [1000, 400], [1000, -100]]);
  ok(noisy.rSquared < 0.5);
});

test("a chart puts points where they belong and text as text", () => {
  const axis = { label: "x < y", scale: "linear", from: 0, to: 10, ticks: [0, 5, 10] } as const;
  const svg = drawChart({
    title: "A & B",
    x: { ...axis, scale: "logarithmic", from: 1, to: 100, ticks: [1, 10, 100] },
    y: axis,
    lines: [
      {
        name: "one",
        marked: true,
        points: [
          [1, 0],
          [10, 5],
          [100, 10],
        ],
      },
    ],
  });
  match(svg, /<title>A &amp; B<\/title>/);
  match(svg, /x &lt; y/);
  const [, path] = /<path d="(M[^"]+L[^"]+)"/.exec(svg) ?? [];
  equal(path, "M70 380L310 215L550 50"); // a logarithmic axis has 10 in the middle
});

test("the plan tries each defence, and the whole network is never larger than was asked", () => {
  const parts = planParts({ nodes: 10_000, quick: false, seed: 1 });
  const tried = new Set(parts.flatMap((part) => ("defences" in part ? [part.defences] : [])));
  deepEqual([...tried].sort(), Object.keys(defenceSets).sort());
  for (const part of parts) {
    if (part.name === "honest") equal(Math.max(...part.sizes), 10_000);
    if (part.name === "sybils") ok(part.nodes / 0.4 <= 10_000); // 60 of 100 are Sybils
  }
});
