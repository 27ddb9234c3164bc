import type { DureNode, NodeOptions } from "@dure/host-node";
import * as host from "@dure/host-node";
import { TrackerServer } from "@dure/host-node/tracker-server";
import type { LocalTracker } from "./context.ts";

export async function openNode(options: NodeOptions): Promise<DureNode> {
  // temporary until the host exports it
  const open = (host as unknown as { openNode?: (options: NodeOptions) => Promise<DureNode> }).openNode;
  if (open === undefined) throw new Error("openNode is not there yet");
  return await open(options);
}

/** For the demo: on loopback, on any free port, and its peers come back soon. */
export async function openTracker(): Promise<LocalTracker> {
  const server = await TrackerServer.open({ host: "127.0.0.1", httpPort: 0 });
  return { url: server.announceUrl, [Symbol.asyncDispose]: () => server.close() };
}
