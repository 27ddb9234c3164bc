import { defenceSets } from "./defence-sets.ts";
import type { Part } from "./parts.ts";

export interface PlanOptions {
  /** The largest network. */
  readonly nodes: number;
  readonly quick: boolean;
  readonly seed: number;
}

/** The worlds of `npm run lab -- dht`, the longest first; the largest of the others last. */
export function planParts({ nodes, quick, seed }: PlanOptions): Part[] {
  const attacked = Math.ceil(nodes * 0.4); // with 60 % Sybils, that is the whole network
  const compared = Math.max(100, Math.ceil(nodes * (quick ? 0.3 : 0.04)));
  const sets = quick ? ["all on", "all off"] : Object.keys(defenceSets);
  const sizes = [100, 300, 1000, 3000].filter((size) => size < nodes);
  const parts: Part[] = [{ name: "honest", seed, sizes: [...sizes, nodes], lookups: nodes }];
  for (const defences of sets) {
    const options = { nodes: compared, lookups: compared, defences };
    parts.push({ name: "sybils", seed: seed + 3, ...options });
    parts.push({ name: "eclipse", seed: seed + 4, ...options });
  }
  parts.push({
    name: "flood",
    seed: seed + 5,
    nodes: Math.min(500, nodes),
    packets: quick ? 100_000 : 1_000_000,
  });
  if (!quick) {
    const options = { nodes: attacked, lookups: Math.min(1000, attacked), defences: "all on" };
    parts.push({ name: "sybils", seed: seed + 1, ...options });
    parts.push({ name: "eclipse", seed: seed + 2, ...options });
  }
  parts.push({ name: "churn", seed: seed + 6, nodes, lookups: Math.min(3000, nodes) });
  return parts;
}
