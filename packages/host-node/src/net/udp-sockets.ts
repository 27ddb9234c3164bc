import type { RemoteInfo, Socket } from "node:dgram";
import { type Address, canonicalIp, type Family, familyOf } from "@dure/base";
import type { NetEvent } from "@dure/carrier";

/** One datagram socket a family. Datagrams may be lost anywhere, so nothing that goes wrong here is told. */
export class UdpSockets {
  readonly #emit: (event: NetEvent) => void;
  #sockets: ReadonlyMap<Family, Socket> = new Map();

  constructor(emit: (event: NetEvent) => void) {
    this.#emit = emit;
  }

  use(sockets: ReadonlyMap<Family, Socket>): void {
    this.#sockets = sockets;
    for (const socket of sockets.values()) {
      socket.on("message", (bytes, from) => this.#receive(bytes, from));
      socket.on("error", () => {}); // ECONNREFUSED of an earlier datagram, ENETUNREACH: BEP 15 and the DHT ask again
    }
  }

  send(to: Address, bytes: Uint8Array): void {
    const ip = canonicalIp(to.ip);
    const socket = ip === undefined ? undefined : this.#sockets.get(familyOf(ip));
    if (ip === undefined || socket === undefined || to.port < 1 || to.port > 65_535) return;
    try {
      socket.send(bytes, to.port, ip, ignore); // with a callback, failures (ENOBUFS, EMSGSIZE) go there and not to "error"
    } catch {
      // The socket is closing: as good as lost.
    }
  }

  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    const ip = canonicalIp(from.family === "IPv4" ? from.address : from.address.replace(/%.*$/, ""));
    if (ip === undefined || from.port === 0) return; // cannot be answered
    this.#emit({ type: "udp-data", from: { ip, port: from.port }, bytes });
  }
}

function ignore(): void {}
