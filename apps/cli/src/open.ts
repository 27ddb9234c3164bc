import { TrackerServer } from "@dure/host-node/tracker-server";
import type { LocalTracker } from "./context.ts";

export { openNode } from "@dure/host-node";

/** For the demo: on loopback, on any free port. */
export async function openTracker(): Promise<LocalTracker> {
  const server = await TrackerServer.open({ host: "127.0.0.1", httpPort: 0 });
  return { url: server.announceUrl, [Symbol.asyncDispose]: () => server.close() };
}
