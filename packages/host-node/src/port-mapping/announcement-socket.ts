import { createSocket, type Socket } from "node:dgram";
import { gatewayAnnouncementPort } from "@dure/protocol";

export interface AnnouncementOptions {
  readonly local: string;
  readonly gateway: string;
  /** Default 5350. */
  readonly port?: number | undefined;
  readonly onDatagram: (bytes: Uint8Array) => void;
}

/** All systems on a network (RFC 6886, 3.2.1; RFC 6887, 14.1.1). */
const allSystems = "224.0.0.1";

/**
 * Hears what the gateway announces to all its clients: that it has restarted, or has another address. Other programs listen
 * on the same port; where that cannot be shared we do without, and notice at the next renewal.
 */
export function listenForAnnouncements(options: AnnouncementOptions): Socket {
  const { local, gateway, port = gatewayAnnouncementPort, onDatagram } = options;
  const socket = createSocket({
    type: "udp4",
    reuseAddr: true,
    lookup: (host, _options, callback) => callback(null, host, 4),
  });
  socket.on("error", () => {});
  socket.on("message", (bytes, from) => {
    if (from.address === gateway) onDatagram(bytes);
  });
  socket.bind({ address: "0.0.0.0", port }, () => {
    try {
      socket.addMembership(allSystems, local);
    } catch {
      // An interface without multicast: announcements do not come this way.
    }
  });
  return socket;
}
