import { formatAddress, hex } from "@dure/base";
import type { DhtKey } from "@dure/host-node";
import { writeJson } from "../context.ts";
import { type Ask, type Asking, assertReached, effort, remark, writeDone } from "./asking.ts";
import { readKey } from "./targets.ts";

/** `dure dht lookup`: the live nodes closest to a key, closest first. */
export function lookup([text = ""]: readonly string[]): Ask {
  const key = readKey(text);
  return (asking) => findNode(asking, key);
}

async function findNode(asking: Asking, key: DhtKey): Promise<number> {
  const { context, dht } = asking;
  const report = await dht.findNode(key).done;
  assertReached(report);
  for (const { id, address } of report.closest) {
    const node = { id: hex(id), address: formatAddress(address) };
    if (context.json) writeJson(context.screen, { event: "node", ...node });
    else context.screen.out(`${node.id}  ${node.address}\n`);
  }
  writeDone(asking, report);
  remark(context, effort(asking, report));
  return 0;
}
