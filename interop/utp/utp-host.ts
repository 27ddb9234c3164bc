import { createSocket, type Socket } from "node:dgram";
import { type Address, ms } from "@dure/base";
import { looksLikeUtp, UtpEndpoint, type UtpInput, type UtpOutput } from "@dure/protocol";

const bufferBytes = 4 * 1024 * 1024; // as much of it as the kernel gives

/** The machine on a UDP socket, and nothing else: what a carrier does, for tests and for measuring. */
export class UtpHost {
  readonly endpoint: UtpEndpoint;
  readonly #socket: Socket;
  readonly #hear: (output: UtpOutput) => void;
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  sentPackets = 0;
  receivedPackets = 0;

  private constructor(socket: Socket, secret: Uint8Array, hear: (output: UtpOutput) => void) {
    this.#socket = socket;
    this.#hear = hear;
    this.endpoint = new UtpEndpoint({ secret });
    socket.on("message", (bytes, from) => {
      this.receivedPackets += 1;
      if (!looksLikeUtp(bytes)) return;
      this.handle({ type: "datagram", from: { ip: from.address, port: from.port }, bytes });
    });
  }

  static async open(
    secret: Uint8Array,
    hear: (output: UtpOutput) => void,
    ip = "127.0.0.1",
  ): Promise<UtpHost> {
    const socket = createSocket({ type: "udp4", recvBufferSize: bufferBytes, sendBufferSize: bufferBytes });
    await new Promise<void>((resolve) => socket.bind(0, ip, resolve));
    return new UtpHost(socket, secret, hear);
  }

  get address(): Address {
    const { address, port } = this.#socket.address();
    return { ip: address, port };
  }

  handle(input: UtpInput): void {
    this.endpoint.handle(ms(performance.now()), input);
    const heard: UtpOutput[] = [];
    for (let output = this.endpoint.poll(); output !== undefined; output = this.endpoint.poll()) {
      if (output.type === "send") {
        this.sentPackets += 1;
        this.#socket.send(output.bytes, output.to.port, output.to.ip);
      } else heard.push(output);
    }
    for (const output of heard) this.#hear(output);
    this.#schedule();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #schedule(): void {
    const deadline = this.endpoint.deadline();
    // A timer that fires too early costs less than one set anew for each packet.
    if (deadline === undefined || deadline >= this.#wakeAt) return;
    clearTimeout(this.#timer);
    this.#wakeAt = deadline;
    this.#timer = setTimeout(
      () => {
        this.#wakeAt = Number.POSITIVE_INFINITY;
        this.handle({ type: "wake" });
      },
      Math.max(deadline - performance.now(), 0),
    );
  }
}
