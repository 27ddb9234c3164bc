import type { DureNode, NodeOptions } from "@dure/host-node";
import * as host from "@dure/host-node";
import type { LocalTracker } from "./context.ts";

export async function openNode(options: NodeOptions): Promise<DureNode> {
  // temporary until the host exports it
  const open = (host as unknown as { openNode?: (options: NodeOptions) => Promise<DureNode> }).openNode;
  if (open === undefined) throw new Error("openNode is not there yet");
  return await open(options);
}

export async function openTracker(): Promise<LocalTracker> {
  throw new Error("the tracker is not there yet");
}
