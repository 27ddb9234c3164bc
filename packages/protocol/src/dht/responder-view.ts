import type { Family } from "@dure/base";
import type { DhtKey } from "../krpc/index.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ResponderView } from "./responder/index.ts";

/** BEP 5: k. */
const toldNodes = 8;
const noNodes = new Uint8Array(0);

/** What the answering half sees: of the other family, the first endpoint's nodes. */
export function viewFor(endpoint: Endpoint, endpoints: readonly Endpoint[]): ResponderView {
  const of = (family: Family) =>
    endpoint.family === family ? endpoint : endpoints.find((one) => one.family === family);
  const [four, six] = [of(4), of(6)];
  const closest = (one: Endpoint | undefined, target: DhtKey) =>
    one?.table.closestCompact(target, toldNodes) ?? noNodes;
  return {
    get ownId() {
      return endpoint.table.ownId;
    },
    family: endpoint.family,
    closest4: (target) => closest(four, target),
    closest6: (target) => closest(six, target),
    knows: (from) => endpoint.table.knows(from),
  };
}
