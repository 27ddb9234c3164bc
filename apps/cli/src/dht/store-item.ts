import { equalBytes } from "@dure/base";
import type { DhtHandle, LookupReport } from "@dure/host-node";
import type { MutableItem } from "./get.ts";

/** BEP 44: somebody was faster (`cas`), and the version stored is newer than the one that was sent. */
const conflictCodes = [301, 302];

export interface Stored {
  readonly report: LookupReport;
  /** A version that is not ours and not older: the network has moved on. */
  readonly newer: MutableItem | undefined;
  /** Nodes that refused, as they had a version that we have not seen. */
  readonly conflicts: number;
}

/** Stores a signed item; `cas`: only where the version that was seen is the newest, so that of two who write at once one is told. */
export async function storeItem(dht: DhtHandle, item: MutableItem, cas: number | undefined): Promise<Stored> {
  const asked = dht.put(item, cas === undefined ? {} : { cas });
  let newer: MutableItem | undefined;
  for await (const met of asked) {
    if (met.type !== "mutable" || met.sequence < item.sequence) continue;
    if (!equalBytes(met.value, item.value) || met.sequence > item.sequence) newer = met;
  }
  const report = await asked.done;
  const conflicts = report.refused
    .filter(({ code }) => conflictCodes.includes(code))
    .reduce((sum, { count }) => sum + count, 0);
  return { report, newer, conflicts };
}
