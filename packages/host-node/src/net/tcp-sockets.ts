import { type OnReadOpts, type Server, Socket } from "node:net";
import { type Address, assert, canonicalIp, familyOf } from "@dure/base";
import type { NetEvent, SocketId, TcpCloseReason } from "@dure/carrier";
import { adopt } from "./adopt.ts";
import type { LocalBinding } from "./local-binding.ts";
import { tcpCloseReason } from "./reasons.ts";

export interface TcpOptions {
  readonly binding: LocalBinding;
  readonly socketsMax: number;
  readonly emit: (event: NetEvent) => void;
  readonly connectWait?: number;
}

/** A peer that has not answered by then is not worth the slot. */
const connectWaitDefault = 10_000;
/** README.md, "Reading": 64 KiB cost a quarter more CPU, 1 MiB saved nothing. */
const readBufferBytes = 256 * 1024;

interface Connection {
  readonly id: SocketId;
  readonly socket: Socket;
  /** Written since the last flush. Bounded by the carrier, which counts what `tcp-written` has not returned. */
  unsent: Uint8Array[];
  timer: NodeJS.Timeout | undefined;
}

/**
 * The TCP sockets of a net. Invariants: an id is in `#connections` from its birth until its close is said or ordered,
 * and nothing is emitted for an id that is not there; every event is emitted from the event loop, never from a call.
 */
export class TcpSockets {
  readonly #options: TcpOptions;
  readonly #connections = new Map<SocketId, Connection>(); // at most socketsMax: more are refused
  readonly #unsent: Connection[] = []; // each connection at most once
  /** One for all sockets: a read is handed on and done with before the next one begins. */
  readonly #readBuffer = new Uint8Array(readBufferBytes);
  #nextIncoming = 1; // odd; outgoing ids are the carrier's, and even
  #flushPlanned = false;

  constructor(options: TcpOptions) {
    this.#options = options;
  }

  serve(server: Server): void {
    server.on("connection", (connection) => this.#accept(connection));
    // Accepting failed for want of descriptors: libuv has closed the connection, and the next one is tried afresh.
    server.on("error", () => {});
  }

  connect(id: SocketId, remote: Address): void {
    assert(!this.#connections.has(id), "an outgoing socket has a number of its own");
    const socket = new Socket({ onread: this.#onRead(id), noDelay: true });
    const connection: Connection = { id, socket, unsent: [], timer: undefined };
    const room = this.#connections.size < this.#options.socketsMax;
    this.#connections.set(id, connection);
    if (!room) return this.#closeLater(connection, "other");
    this.#watch(connection);
    const ip = canonicalIp(remote.ip);
    const localAddress = ip === undefined ? false : this.#options.binding.source(familyOf(ip));
    if (ip === undefined || localAddress === false || remote.port < 1 || remote.port > 65_535) {
      return this.#closeLater(connection, "unreachable");
    }
    const wait = this.#options.connectWait ?? connectWaitDefault;
    connection.timer = setTimeout(() => this.#end(connection, "timeout"), wait);
    socket.once("connect", () => this.#opened(connection));
    socket.connect({
      host: ip,
      port: remote.port,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
  }

  write(id: SocketId, bytes: Uint8Array): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return; // it has closed, and the carrier will hear of it
    if (connection.unsent.push(bytes) > 1) return;
    this.#unsent.push(connection);
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    queueMicrotask(() => this.flush());
  }

  flush(): void {
    this.#flushPlanned = false;
    for (const connection of this.#unsent) this.#transmit(connection);
    this.#unsent.length = 0;
  }

  read(id: SocketId, flowing: boolean): void {
    const socket = this.#connections.get(id)?.socket;
    if (flowing) socket?.resume();
    else socket?.pause();
  }

  /** What was written is still handed to the system, so that a last message may arrive. */
  close(id: SocketId): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    if (!connection.socket.connecting) this.#transmit(connection);
    this.#release(connection);
  }

  closeAll(): void {
    for (const connection of this.#connections.values()) this.#release(connection);
  }

  /** As if every peer had gone: each is told. */
  endAll(reason: TcpCloseReason): void {
    for (const connection of [...this.#connections.values()]) this.#end(connection, reason);
  }

  #accept(connection: Socket): void {
    const ip = canonicalIp((connection.remoteAddress ?? "").replace(/%.*$/, ""));
    const port = connection.remotePort;
    if (ip === undefined || port === undefined || this.#connections.size >= this.#options.socketsMax) {
      connection.destroy(); // gone already, or one too many
      return;
    }
    const id = this.#nextIncoming;
    this.#nextIncoming += 2;
    const socket = adopt(connection, this.#onRead(id));
    const adopted: Connection = { id, socket, unsent: [], timer: undefined };
    this.#connections.set(id, adopted);
    this.#watch(adopted);
    this.#options.emit({ type: "tcp-incoming", socket: id, remote: { ip, port } });
  }

  #onRead(id: SocketId): OnReadOpts {
    return {
      buffer: this.#readBuffer,
      callback: (count, buffer) => {
        if (!this.#connections.has(id)) return false;
        const bytes = count === buffer.length ? buffer : buffer.subarray(0, count);
        this.#options.emit({ type: "tcp-data", socket: id, bytes });
        return true;
      },
    };
  }

  #watch(connection: Connection): void {
    const { socket } = connection;
    socket.once("end", () => this.#end(connection, "end"));
    socket.on("error", (error) => this.#end(connection, tcpCloseReason(error)));
    socket.once("close", () => this.#end(connection, "other"));
  }

  #opened(connection: Connection): void {
    clearTimeout(connection.timer);
    connection.timer = undefined;
    if (this.#connections.get(connection.id) !== connection) return;
    this.#options.emit({ type: "tcp-open", socket: connection.id });
  }

  /** All that was written since the last flush goes out in one `writev`. */
  #transmit(connection: Connection): void {
    const { id, socket, unsent } = connection;
    const count = unsent.length;
    if (count === 0 || this.#connections.get(id) !== connection) return;
    connection.unsent = [];
    // Node writes in order, so the last completion stands for all.
    const written = (error?: Error | null) => {
      if (error || this.#connections.get(id) !== connection) return;
      this.#options.emit({ type: "tcp-written", socket: id, count });
    };
    if (count > 1) socket.cork();
    for (const [index, bytes] of unsent.entries()) {
      if (index < count - 1) socket.write(bytes);
      else socket.write(bytes, written);
    }
    if (count > 1) socket.uncork();
  }

  #closeLater(connection: Connection, reason: TcpCloseReason): void {
    setImmediate(() => this.#end(connection, reason));
  }

  #end(connection: Connection, reason: TcpCloseReason): void {
    if (this.#connections.get(connection.id) !== connection) return;
    this.#release(connection);
    this.#options.emit({ type: "tcp-closed", socket: connection.id, reason });
  }

  #release(connection: Connection): void {
    clearTimeout(connection.timer);
    this.#connections.delete(connection.id);
    connection.unsent = [];
    connection.socket.on("error", () => {}); // a closing socket may still complain; nobody is left to hear
    connection.socket.destroy();
  }
}
