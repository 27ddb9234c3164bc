import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import {
  decodeKrpc,
  decodeUdpTrackerRequest,
  encodeKrpc,
  encodeUdpTrackerReply,
  type KrpcQuery,
} from "@dure/protocol";

const none = new Uint8Array(0);

/** A node of the DHT that knows nobody, and a UDP tracker without peers, on one socket: writes down what is asked of it. */
export class Listener {
  readonly queries: { readonly port: number; readonly query: KrpcQuery }[] = []; // bounded by the test
  readonly announces: { readonly port: number }[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (bytes, from) => this.#heard(bytes, from));
  }

  static async open(): Promise<Listener> {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new Listener(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  close(): void {
    this.#socket.close();
  }

  #heard(bytes: Uint8Array, from: RemoteInfo): void {
    const message = decodeKrpc(bytes);
    if (message.ok && message.value.kind === "query") this.#asked(message.value, from);
    if (!message.ok) this.#announced(bytes, from);
  }

  #asked(query: KrpcQuery, from: RemoteInfo): void {
    this.queries.push({ port: from.port, query: structuredClone(query) });
    const { transaction } = query;
    const token = query.body.type === "get-peers" ? { token: Uint8Array.of(1, 2, 3, 4) } : {};
    const body = { nodes: none, ...token };
    const id = new Uint8Array(20).fill(7);
    const reply = { kind: "response", id, transaction, version: undefined, seenAs: undefined, body } as const;
    this.#socket.send(encodeKrpc(reply), from.port, from.address);
  }

  #announced(bytes: Uint8Array, from: RemoteInfo): void {
    const request = decodeUdpTrackerRequest(bytes);
    if (!request.ok) return;
    const { transactionId } = request.value;
    const reply =
      request.value.action === "connect"
        ? ({ action: "connect", transactionId, connectionId: 99n } as const)
        : ({
            action: "announce",
            transactionId,
            interval: 900_000,
            leechers: 0,
            seeders: 0,
            peers: [],
          } as const);
    if (request.value.action === "announce") this.announces.push({ port: from.port });
    this.#socket.send(encodeUdpTrackerReply(reply as never), from.port, from.address);
  }
}
