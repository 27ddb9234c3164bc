import { minutes, must } from "@dure/base";
import { collectedHeapBytes } from "@dure/base/testing";
import {
  type ChurnFigures,
  DhtLab,
  type EclipseFigures,
  Eclipses,
  type FloodFigures,
  type LookupFigures,
  measureChurn,
  measureFlood,
  measureLookups,
  measureSybilShares,
  type SybilFigures,
} from "@dure/sim/dht";
import { defenceSets } from "./defence-sets.ts";

/** One world of its own, in a process of its own, so that worlds run side by side and memory is told apart. */
export type Part =
  | {
      readonly name: "honest";
      readonly seed: number;
      readonly sizes: readonly number[];
      readonly lookups: number;
    }
  | {
      readonly name: "sybils" | "eclipse";
      readonly seed: number;
      readonly nodes: number;
      readonly lookups: number;
      readonly defences: string;
    }
  | { readonly name: "churn"; readonly seed: number; readonly nodes: number; readonly lookups: number }
  | { readonly name: "flood"; readonly seed: number; readonly nodes: number; readonly packets: number };

export interface PartResult {
  readonly part: Part;
  /** Of the processor. */
  readonly seconds: number;
  readonly memoryBytesMax: number;
  readonly datagrams: number;
  readonly honest?: readonly LookupFigures[];
  readonly churn?: ChurnFigures;
  readonly sybils?: readonly SybilFigures[];
  readonly eclipses?: readonly EclipseFigures[];
  readonly flood?: FloodFigures;
}

export const shares = [0.05, 0.2, 0.4, 0.6];
export const crowds = [8, 20, 100];

export function runPart(part: Part): PartResult {
  const lab = new DhtLab(
    part.seed,
    "defences" in part ? { defences: must(defenceSets[part.defences], "a set") } : {},
  );
  const figures = measure(lab, part);
  const { user, system } = process.cpuUsage();
  return {
    part,
    seconds: (user + system) / 1e6,
    memoryBytesMax: process.resourceUsage().maxRSS * 1024,
    datagrams: lab.net.sent,
    ...figures,
  };
}

function measure(lab: DhtLab, part: Part): Partial<PartResult> {
  switch (part.name) {
    case "honest":
      return { honest: measureHonest(lab, part) };
    case "churn": {
      grown(lab, part.nodes);
      const topics = Math.ceil(part.nodes / 20);
      return { churn: measureChurn(lab, { share: 0.2, topics, lookups: part.lookups }) };
    }
    case "sybils":
      grown(lab, part.nodes);
      return {
        sybils: measureSybilShares(lab, {
          shares,
          stored: Math.ceil(part.nodes / 10),
          lookups: part.lookups,
        }),
      };
    case "eclipse": {
      grown(lab, part.nodes);
      const eclipses = new Eclipses(lab);
      const targets = Math.min(10, Math.max(4, Math.round(part.nodes / 100)));
      const { lookups } = part;
      const origins = ["one /24", "20 networks"] as const;
      return {
        eclipses: origins.flatMap((origin) =>
          crowds.map((sybils) => eclipses.measure({ origin, sybils, targets, lookups })),
        ),
      };
    }
    case "flood":
      grown(lab, part.nodes);
      return { flood: measureFlood(lab, { packets: part.packets, measureHeap: collectedHeapBytes }) };
  }
}

// One network grows, and is looked at on the way.
function measureHonest(
  lab: DhtLab,
  part: { readonly sizes: readonly number[]; readonly lookups: number },
): LookupFigures[] {
  const largest = Math.max(...part.sizes);
  return part.sizes.map((size) => {
    grown(lab, size);
    process.stderr.write(
      `honest: ${size} nodes after ${(process.cpuUsage().user / 1e6).toFixed(0)} s of CPU\n`,
    );
    const lookups = size === largest ? part.lookups : Math.min(part.lookups, 2000, 5 * size);
    return measureLookups(lab, { topics: Math.ceil(size / 20), lookups });
  });
}

// What nodes believe of the network's size is from when it was small, until they look again: after ten minutes.
function grown(lab: DhtLab, nodes: number): void {
  lab.grow(nodes);
  lab.runFor(minutes(12));
}
