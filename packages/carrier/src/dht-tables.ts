import { familyOf } from "@dure/base";
import { type DhtContact, type DhtSnapshot, readNodes, writeNodes } from "@dure/protocol";
import type { DhtPlace } from "./dht-options.ts";
import type { DhtTable } from "./ports/index.ts";

/** Nodes kept of a family: more than a restart can ask within its first second. */
const nodesMax = 600;

type SavedTable = DhtTable & { readonly id: Uint8Array };

/** What is worth keeping, a table a family; none where no node is known. */
export function tablesOf(places: readonly DhtPlace[], snapshot: DhtSnapshot): SavedTable[] {
  return places.flatMap(({ family }, endpoint) => {
    const id = snapshot.ids[endpoint];
    const nodes = snapshot.contacts
      .filter(({ address }) => familyOf(address.ip) === family)
      .slice(0, nodesMax);
    return id === undefined || nodes.length === 0 ? [] : [{ family, id, nodes: writeNodes(nodes, family) }];
  });
}

export function contactsOf(tables: readonly DhtTable[]): DhtContact[] {
  return tables.flatMap(({ family, nodes }) => readNodes(nodes, family).slice(0, nodesMax));
}
