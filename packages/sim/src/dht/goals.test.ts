import { equal, ok } from "node:assert/strict";
import { minutes } from "@dure/base";
import { collectedHeapBytes } from "@dure/base/testing";
import { type DhtOptions, defencesOff } from "@dure/protocol";
import { scenario, type Tell } from "../testing/scenario.ts";
import { DhtLab, type DhtLabOptions } from "./dht-lab.ts";
import { measureChurn } from "./experiments/churn.ts";
import { Eclipses } from "./experiments/eclipse.ts";
import { measureFlood } from "./experiments/flood.ts";
import { type LookupFigures, measureLookups } from "./experiments/lookups.ts";
import { shareOf, type Tally } from "./experiments/spread.ts";
import { measureSybilShares } from "./experiments/sybil-shares.ts";
import { Credulous, EarlyEnd } from "./testing/planted.ts";

// Short forms of what `npm run lab -- dht` measures on large networks.

function grown(seed: number, nodes: number, options: DhtLabOptions = {}): DhtLab {
  const lab = new DhtLab(seed, options);
  lab.grow(nodes);
  lab.runFor(minutes(1));
  return lab;
}

function atLeast(goal: number, tally: Tally, what: string): void {
  ok(tally.all > 0, `${what}: something was tried`);
  ok(shareOf(tally) >= goal, `${what}: ${tally.good} of ${tally.all}, wanted ${goal * 100} %`);
}

function lookups(lab: DhtLab): LookupFigures {
  return measureLookups(lab, { topics: 30, lookups: lab.nodes.length });
}

function judgeLookups(figures: LookupFigures): void {
  atLeast(0.99, figures.found, "peers found"); // one of 150 may be unlucky; the laboratory asks ten thousand times
  atLeast(0.97, figures.closest8, "of the eight closest, found");
}

scenario("lookups find what was announced, three nodes in ten behind NATs", [1, 2], (seed, tell) => {
  const figures = lookups(grown(seed, 150));
  tellLookups(figures, tell);
  judgeLookups(figures);
});

scenario("what was announced is found while a fifth of the nodes is replaced in ten minutes", [1], (seed) => {
  const figures = measureChurn(grown(seed, 100), { share: 0.2, topics: 15, lookups: 100 });
  ok(figures.replaced > 20, "nodes came and went");
  atLeast(0.99, figures.found, "peers found");
});

scenario("an honest value is found among Sybils at 20 and 60 of 100 ids", [1], (seed) => {
  const [few, many] = measureSybilShares(grown(seed, 100), { shares: [0.2, 0.6], stored: 20, lookups: 100 });
  atLeast(0.98, few!.found, "20 % Sybils");
  atLeast(0.8, many!.found, "60 % Sybils");
});

scenario("a crowd at a target hides nothing, be it of one subnet or of twenty networks", [1], (seed) => {
  const eclipses = new Eclipses(grown(seed, 120));
  const options = { sybils: 20, targets: 4, lookups: 100 };
  atLeast(0.99, eclipses.measure({ ...options, origin: "one /24" }).found, "from one /24");
  atLeast(0.95, eclipses.measure({ ...options, origin: "20 networks" }).found, "from 20 networks");
});

scenario("without its defences, the network loses values to such a crowd", [1], (seed) => {
  const eclipses = new Eclipses(grown(seed, 120, { defences: defencesOff }));
  const { found } = eclipses.measure({ origin: "20 networks", sybils: 20, targets: 4, lookups: 100 });
  ok(shareOf(found) < 0.97, `${found.good} of ${found.all} found`);
});

scenario(
  "100,000 forged and damaged packets get nobody into the table and nothing into the stores",
  [1],
  (seed) => {
    const figures = measureFlood(grown(seed, 100), { packets: 100_000, measureHeap: collectedHeapBytes });
    ok(figures.tableBefore > 30, "the table is grown");
    ok(shareOf(figures.hostile) <= 0.01, `${figures.hostile.good} of ${figures.hostile.all} are hostile`);
    equal(figures.forgedStores, 0);
    ok(figures.heapGrowth <= 64 << 20, `${figures.heapGrowth} bytes`);
    ok(figures.amplification <= 1, `${figures.amplification} bytes out for each in`);
  },
);

scenario("planted: a lookup that ends too early is caught", [1], (seed) => {
  const figures = lookups(grown(seed, 100, { twist: (options: DhtOptions) => new EarlyEnd(options) }));
  let caught = false;
  try {
    judgeLookups(figures);
  } catch {
    caught = true;
  }
  ok(caught, `${figures.found.good} of ${figures.found.all} found, nobody noticed`);
});

scenario("planted: a table that takes nodes at their word is caught", [1], (seed) => {
  const lab = grown(seed, 60, { twist: (options: DhtOptions) => new Credulous(options) });
  const { hostile } = measureFlood(lab, { packets: 10_000, measureHeap: () => 0 });
  ok(shareOf(hostile) > 0.01, `${hostile.good} of ${hostile.all} are hostile, nobody noticed`);
});

function tellLookups({ found, hops, queries, elapsed, firstResult }: LookupFigures, tell: Tell): void {
  tell(
    `${found.good} of ${found.all} found; hops ${hops.p50}/${hops.p95}, queries ${queries.p50}/${queries.p95}, ` +
      `first ${firstResult.p50.toFixed(0)}/${firstResult.p95.toFixed(0)} ms, end ${elapsed.p50.toFixed(0)}/${elapsed.p95.toFixed(0)} ms`,
  );
}
