import { isIP } from "node:net";
import type { DhtHandle, NodeDhtOptions } from "@dure/host-node";

export interface DhtTrouble {
  readonly code: "dht-bootstrap" | "dht-state";
  readonly message: string;
}

/**
 * Tells what troubles the DHT of a node, each thing once. Names that are not found are one trouble, and only when none
 * of them is and nobody is known from last time: offline, a line for each would say the same. Returns a function that
 * ends it.
 */
export function onDhtTrouble(
  dht: DhtHandle | undefined,
  options: NodeDhtOptions | undefined,
  tell: (trouble: DhtTrouble) => void,
): () => void {
  let missing = (options?.bootstrap ?? []).filter(isName).length;
  const unsubscribe = dht?.on((event) => {
    if (event.type !== "warning") return;
    if (event.code === "dht-state") return tell(event);
    missing -= 1;
    if (missing === 0 && nodesCount(dht) === 0) tell(event);
  });
  return () => unsubscribe?.();
}

export function nodesCount(dht: DhtHandle): number {
  return dht.status().endpoints.reduce((sum, { nodes }) => sum + nodes, 0);
}

function isName(hostPort: string): boolean {
  const host = hostPort.slice(0, hostPort.lastIndexOf(":"));
  return isIP(host.replace(/^\[|\]$/g, "")) === 0;
}
