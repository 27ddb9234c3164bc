import { assert, concat, equalBytes, type Ms, utf8 } from "@dure/base";
import { type DhtItem, type DhtKey, immutableTarget } from "@dure/protocol";
import type { DhtLab } from "../dht-lab.ts";
import type { LabNode, Outcome } from "../lab-node.ts";

/** What an honest node stored: among the peers of an info-hash, or as an immutable item. */
export type Stored =
  | { readonly type: "peer"; readonly key: DhtKey; readonly by: LabNode }
  | { readonly type: "item"; readonly key: DhtKey; readonly item: DhtItem & { readonly type: "immutable" } };

/** Each by another honest node, as long as there are such. */
export function storePeers(lab: DhtLab, count: number, spread: Ms): Stored[] {
  const stored = lab.pickNodes(count).map((by) => ({ type: "peer", key: lab.prng.bytes(20), by }) as const);
  announce(lab, stored, spread);
  return stored;
}

function announce(lab: DhtLab, stored: readonly Stored[], spread: Ms): void {
  const wishes = stored.flatMap((one) => {
    if (one.type !== "peer" || !one.by.running) return [];
    const wish = {
      type: "get-peers",
      infoHash: one.key,
      announce: { port: undefined, seed: false },
    } as const;
    return [{ node: one.by, wish }];
  });
  const outcomes = lab.askAll(wishes, spread);
  assert(
    outcomes.some((outcome) => (outcome?.report.stored ?? 0) > 0),
    "some node took an announce",
  );
}

/** `keys`: what their targets are to be like is up to chance, as they are hashes. */
export function storeItems(lab: DhtLab, count: number, spread: Ms): Stored[] {
  const nodes = lab.pickNodes(count);
  const stored = nodes.map((_, index) => {
    const text = utf8(`${lab.seed}-${index}-${lab.prng.uint32()}`);
    const value = concat([utf8(`${text.length}:`), text]);
    return { type: "item", key: immutableTarget(value), item: { type: "immutable", value } } as const;
  });
  const wishes = stored.map(({ item }, index) => {
    const node = nodes[index];
    assert(node !== undefined, "a node for each item");
    return { node, wish: { type: "put", item } as const };
  });
  const outcomes = lab.askAll(wishes, spread);
  assert(
    outcomes.some((outcome) => (outcome?.report.stored ?? 0) > 0),
    "some node took an item",
  );
  return stored;
}

export interface Sought {
  readonly one: Stored;
  readonly found: boolean;
  readonly outcome: Outcome;
}

/** Each time somebody by lot looks for something by lot. */
export function seek(
  lab: DhtLab,
  seekers: readonly LabNode[],
  stored: readonly Stored[],
  spread: Ms,
): Sought[] {
  const sought = seekers.map((node, index) => {
    const one = stored[index % stored.length];
    assert(one !== undefined, "something was stored");
    return { node, one };
  });
  const wishes = sought.map(({ node, one }) => ({
    node,
    wish:
      one.type === "peer"
        ? ({ type: "get-peers", infoHash: one.key } as const)
        : ({ type: "get", target: one.key } as const),
  }));
  const outcomes = lab.askAll(wishes, spread);
  return sought.flatMap(({ one }, index) => {
    const outcome = outcomes[index];
    return outcome === undefined ? [] : [{ one, found: isFound(one, outcome), outcome }];
  });
}

function isFound(stored: Stored, { peers, values }: Outcome): boolean {
  if (stored.type === "item") return values.some(({ value }) => equalBytes(value, stored.item.value));
  return peers.some(({ ip, port }) => ip === stored.by.address.ip && port === stored.by.address.port);
}
