import { seconds } from "@dure/base";
import type { DhtLab } from "../dht-lab.ts";
import { distanceTo } from "../neighbours.ts";
import { type Spread, spreadOf, type Tally, tallyOf } from "./spread.ts";
import { seek, storePeers } from "./stored.ts";

export interface LookupFigures {
  readonly nodes: number;
  /** get_peers that found the peer which had announced itself. */
  readonly found: Tally;
  readonly hops: Spread;
  /** Queries sent by one lookup to its end. */
  readonly queries: Spread;
  /** Of them, those that nobody answered in time. */
  readonly timeouts: Spread;
  /** Milliseconds of virtual time until the first peer, where there was one. */
  readonly firstResult: Spread;
  /** And until the end. */
  readonly elapsed: Spread;
  /** find_node whose first node is the closest of all that have no NAT before them, or closer. */
  readonly closest: Tally;
  /** Of the eight closest of these, those found. */
  readonly closest8: Tally;
}

/** Peers announced by random nodes, sought by random nodes; and how near find_node comes to the truth. */
export function measureLookups(
  lab: DhtLab,
  counts: { readonly topics: number; readonly lookups: number },
): LookupFigures {
  const stored = storePeers(lab, counts.topics, seconds(30));
  const sought = seek(lab, lab.pickNodes(counts.lookups), stored, seconds(120));
  const reports = sought.map(({ outcome }) => outcome.report);
  return {
    nodes: lab.nodes.length,
    found: tallyOf(sought.map(({ found }) => found)),
    hops: spreadOf(reports.map(({ hops }) => hops)),
    queries: spreadOf(reports.map(({ queries }) => queries)),
    timeouts: spreadOf(reports.map(({ timeouts }) => timeouts)),
    firstResult: spreadOf(reports.flatMap(({ firstResult }) => firstResult ?? [])),
    elapsed: spreadOf(reports.map(({ elapsed }) => elapsed)),
    ...measureAccuracy(lab, Math.ceil(counts.lookups / 10)),
  };
}

function measureAccuracy(lab: DhtLab, count: number): Pick<LookupFigures, "closest" | "closest8"> {
  const asked = lab.pickNodes(count).map((node) => ({ node, target: lab.prng.bytes(20) }));
  const wishes = asked.map(({ node, target }) => ({ node, wish: { type: "find-node", target } as const }));
  const open = lab.open();
  const first: boolean[] = [];
  const eight: boolean[] = [];
  for (const [index, outcome] of lab.askAll(wishes, seconds(60)).entries()) {
    const { target, node } = asked[index] ?? {};
    if (outcome === undefined || target === undefined) continue;
    const truth = open
      .closest(target, 9)
      .filter((other) => other !== node)
      .slice(0, 8);
    const [nearest] = truth;
    const [found] = outcome.report.closest;
    const distance = found === undefined ? Number.POSITIVE_INFINITY : distanceTo(target, found.id);
    first.push(nearest !== undefined && distance <= distanceTo(target, nearest.id));
    const ips = new Set(outcome.report.closest.map(({ address }) => address.ip));
    for (const other of truth) eight.push(ips.has(other.address.ip));
  }
  return { closest: tallyOf(first), closest8: tallyOf(eight) };
}
