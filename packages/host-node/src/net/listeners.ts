import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { type Address, type Family, must } from "@dure/base";
import { NodeError } from "../api.ts";
import type { LocalBinding } from "./local-binding.ts";

/** TCP and UDP of each family, all on one port: peers learn one number and use it for everything. */
export interface Listeners {
  readonly port: number;
  readonly addresses: readonly Address[];
  readonly servers: readonly Server[];
  readonly datagrams: ReadonlyMap<Family, DatagramSocket>;
  close(): Promise<void>;
}

/** The ports that BitTorrent clients have always used first. */
const portFirst = 6881;
const portLast = 6889;
/** With port 0 the system picks a free TCP port; that its three siblings are taken is rare. */
const anyPortTriesMax = 20;
/** A burst of datagrams must wait somewhere while JavaScript is busy; the system may grant less. */
const datagramBufferBytes = 2 * 1024 * 1024;

/** Throws a `NodeError` when the port, or all of 6881–6889, cannot be had. */
export async function openListeners(binding: LocalBinding, port: number | undefined): Promise<Listeners> {
  let failure: unknown;
  for (const candidate of candidates(port)) {
    try {
      return await openAll(binding, candidate);
    } catch (error) {
      failure = error;
      if (codeOf(error) !== "EADDRINUSE") break;
    }
  }
  throw listenError(port, failure);
}

function candidates(port: number | undefined): readonly number[] {
  if (port === undefined)
    return Array.from({ length: portLast - portFirst + 1 }, (_, index) => portFirst + index);
  return port === 0 ? new Array<number>(anyPortTriesMax).fill(0) : [port];
}

async function openAll(binding: LocalBinding, candidate: number): Promise<Listeners> {
  const servers: Server[] = [];
  const datagrams = new Map<Family, DatagramSocket>();
  const addresses: Address[] = [];
  const close = () => closeAll([...servers, ...datagrams.values()]);
  let port = candidate;
  try {
    for (const family of binding.families) {
      const ip = must(binding.address(family), "a family in use has an address");
      try {
        const server = await openServer(ip, port);
        servers.push(server);
        port = portOf(server);
        datagrams.set(family, await openDatagrams(ip, port, family));
        addresses.push({ ip, port });
      } catch (error) {
        if (!binding.any || !isAbsentFamily(error)) throw error;
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  if (addresses.length === 0)
    throw new NodeError("listen", "no address to listen on: the interface has gone");
  return { port, addresses, servers, datagrams, close };
}

async function openServer(host: string, port: number): Promise<Server> {
  // Paused: each connection is taken over before Node reads from it (adopt.ts).
  const server = createServer({ pauseOnConnect: true, noDelay: true });
  server.listen({ host, port, ipv6Only: true, exclusive: true });
  await once(server, "listening"); // rejects on "error"
  return server;
}

async function openDatagrams(address: string, port: number, family: Family): Promise<DatagramSocket> {
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    ipv6Only: family === 6,
    // Every destination is an IP literal: no detour through the system's resolver.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  try {
    const listening = once(socket, "listening"); // before `bind`, which with this lookup finishes at once
    socket.bind({ address, port, exclusive: true });
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  grow(socket);
  return socket;
}

/** The kernel clamps to its own ceiling, and some sandboxes refuse: then the default must do. */
function grow(socket: DatagramSocket): void {
  try {
    socket.setRecvBufferSize(datagramBufferBytes);
    socket.setSendBufferSize(datagramBufferBytes);
  } catch (error) {
    if (codeOf(error) !== "ERR_SOCKET_BUFFER_SIZE") throw error;
  }
}

async function closeAll(open: readonly (Server | DatagramSocket)[]): Promise<void> {
  await Promise.all(open.map((one) => new Promise<void>((resolve) => one.close(() => resolve()))));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" ? must(address, "a listening server has an address").port : 0;
}

/** A machine without IPv6 (or without IPv4) still works with the other. */
function isAbsentFamily(error: unknown): boolean {
  return ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EPROTONOSUPPORT"].includes(codeOf(error));
}

function listenError(port: number | undefined, cause: unknown): NodeError {
  if (cause instanceof NodeError) return cause;
  const wanted = port === undefined ? `${portFirst}–${portLast}` : String(port);
  const messages: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${wanted} is taken; choose another with --port, or --port 0 for any`,
    EACCES: `port ${wanted} needs privileges; choose one above 1023`,
    EADDRNOTAVAIL: "the address to listen on is not on this machine",
  };
  const code = codeOf(cause);
  return new NodeError("listen", messages[code] ?? `cannot listen on port ${wanted} (${code})`, wanted, {
    cause,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
