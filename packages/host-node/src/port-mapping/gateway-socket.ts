import { createSocket, type Socket } from "node:dgram";
import { gatewayPort } from "@dure/protocol";
import type { DeviceRoute } from "./routes.ts";

export interface GatewaySocketOptions {
  readonly route: DeviceRoute;
  /** Default 5351; tests have gateways elsewhere. */
  readonly port?: number | undefined;
  readonly onDatagram: (bytes: Uint8Array) => void;
  /** The gateway's system says that nobody listens there. */
  readonly onUnreachable: () => void;
}

/** What is sent before the socket is ready; the mapper sends two or three at once. */
const waitingMax = 16;

/** A datagram socket between one address of ours and the gateway: the system lets nobody else's datagrams in. */
export class GatewaySocket {
  readonly #options: GatewaySocketOptions;
  readonly #socket: Socket;
  readonly #waiting: Uint8Array[] = []; // at most waitingMax: what is above is lost, and asked again
  #state: "opening" | "open" | "closed" = "opening";

  constructor(options: GatewaySocketOptions) {
    this.#options = options;
    const { route, port = gatewayPort } = options;
    this.#socket = createSocket({
      type: route.family === 4 ? "udp4" : "udp6",
      // Both ends are IP literals: no detour through the system's resolver.
      lookup: (host, _options, callback) => callback(null, host, route.family),
    });
    this.#socket.on("error", (error) => this.#failed(error));
    this.#socket.on("message", (bytes) => this.#options.onDatagram(bytes));
    this.#socket.bind({ address: route.local, port: 0 }, () => {
      if (this.#state === "closed") return;
      this.#socket.connect(port, withZone(route), () => this.#opened());
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#state === "opening" && this.#waiting.length < waitingMax) this.#waiting.push(bytes);
    if (this.#state !== "open") return;
    this.#socket.send(bytes, (error) => {
      if (error !== null) this.#failed(error);
    });
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#socket.close();
  }

  #opened(): void {
    if (this.#state === "closed") return;
    this.#state = "open";
    for (const bytes of this.#waiting.splice(0)) this.send(bytes);
  }

  /** Whatever else goes wrong is as good as a lost datagram. */
  #failed(error: Error): void {
    const refused = "code" in error && error.code === "ECONNREFUSED";
    if (refused && this.#state === "open") this.#options.onUnreachable();
  }
}

function withZone({ gateway, device }: DeviceRoute): string {
  return /^fe[89ab]/.test(gateway) ? `${gateway}%${device}` : gateway;
}
