import { type EventEmitter, once } from "node:events";
import type { Server } from "node:net";
import { must } from "@dure/base";
import { NodeError } from "../api.ts";

/** Resolves when the socket listens; rejects with a `NodeError` that says which port could not be had. */
export async function listening(socket: EventEmitter, what: "HTTP" | "UDP", port: number): Promise<void> {
  try {
    await once(socket, "listening"); // rejects on "error"
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why = code === "EADDRINUSE" ? "is taken" : `cannot be opened (${code})`;
    throw new NodeError("listen", `the tracker's ${what} port ${port} ${why}`, String(port), { cause });
  }
}

export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" ? must(address, "a listening server has an address").port : 0;
}
