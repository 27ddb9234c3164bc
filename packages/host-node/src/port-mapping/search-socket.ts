import { createSocket, type Socket } from "node:dgram";
import { type Address, canonicalIp } from "@dure/base";
import { ssdpGroup } from "@dure/protocol";

export interface SearchSocketOptions {
  readonly local: string;
  /** Default SSDP's multicast group. */
  readonly to?: Address | undefined;
  /** Whether the sender is of our network: nobody else has business to answer. */
  readonly isNear: (ip: string) => boolean;
  readonly onReply: (from: string, bytes: Uint8Array) => void;
}

/** A gateway is a hop away; UPnP's architecture suggests two. */
const hopsMax = 2;
/** Searches are sent before the socket is ready, four at a time. */
const waitingMax = 16;

/** Searches by SSDP from one address of ours, and hears the answers. */
export class SearchSocket {
  readonly #options: SearchSocketOptions;
  readonly #socket: Socket;
  readonly #waiting: Uint8Array[] = []; // at most waitingMax: what is above is lost
  #state: "opening" | "open" | "closed" = "opening";

  constructor(options: SearchSocketOptions) {
    this.#options = options;
    this.#socket = createSocket({
      type: "udp4",
      lookup: (host, _options, callback) => callback(null, host, 4),
    });
    this.#socket.on("error", () => {}); // as good as a lost datagram
    this.#socket.on("message", (bytes, { address }) => {
      const ip = canonicalIp(address);
      if (ip !== undefined && options.isNear(ip)) options.onReply(ip, bytes);
    });
    this.#socket.bind({ address: options.local, port: 0 }, () => this.#opened());
  }

  send(searches: readonly Uint8Array[]): void {
    const { to = ssdpGroup } = this.#options;
    for (const bytes of searches) {
      if (this.#state === "opening" && this.#waiting.length < waitingMax) this.#waiting.push(bytes);
      if (this.#state === "open") this.#socket.send(bytes, to.port, to.ip, () => {});
    }
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#socket.close();
  }

  #opened(): void {
    if (this.#state === "closed") return;
    try {
      this.#socket.setMulticastInterface(this.#options.local);
      this.#socket.setMulticastTTL(hopsMax);
    } catch {
      // An interface without multicast: nobody will answer, which is an answer too.
    }
    this.#state = "open";
    this.send(this.#waiting.splice(0));
  }
}
