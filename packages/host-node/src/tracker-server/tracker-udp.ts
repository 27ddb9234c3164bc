import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { canonicalIp, type Family, familyOf, viewOf } from "@dure/base";
import type { ConnectionIdIssuer, SwarmBook } from "@dure/engine";
import {
  decodeUdpTrackerRequest,
  encodeUdpTrackerReply,
  numwantMax,
  type UdpTrackerReply,
  type UdpTrackerRequest,
} from "@dure/protocol";
import type { Clock } from "./clock.ts";
import { listening } from "./listening.ts";

export interface TrackerUdpOptions {
  readonly host: string;
  readonly port: number;
  readonly book: SwarmBook;
  readonly clock: Clock;
  readonly issuer: ConnectionIdIssuer;
}

/** A reply stays below the smallest path that carries IPv6 with room for tunnels: fragments get lost. */
const peersMax: Readonly<Record<Family, number>> = { 4: numwantMax, 6: 64 };
const receiveBufferBytes = 2 * 1024 * 1024;

type Question = Exclude<UdpTrackerRequest, { action: "connect" }>;

/**
 * BEP 15 over UDP. Anyone can write any source address, so whoever has not echoed a connection id gets one datagram of
 * at most its own size: 16 bytes for a connect, a short error for an id that is not (or no longer) right, nothing for
 * the rest.
 */
export class TrackerUdp {
  readonly port: number;
  readonly #options: TrackerUdpOptions;
  readonly #socket: Socket;

  static async open(options: TrackerUdpOptions): Promise<TrackerUdp> {
    const socket = createSocket({
      type: options.host.includes(":") ? "udp6" : "udp4",
      recvBufferSize: receiveBufferBytes,
    });
    try {
      socket.bind({ address: options.host, port: options.port, exclusive: true });
      await listening(socket, "UDP", options.port);
    } catch (error) {
      socket.close();
      throw error;
    }
    return new TrackerUdp(socket, options);
  }

  /** Use `open`. */
  constructor(socket: Socket, options: TrackerUdpOptions) {
    this.#socket = socket;
    this.#options = options;
    this.port = socket.address().port;
    socket.on("message", (bytes, from) => this.#receive(bytes, from));
    socket.on("error", () => {}); // of an earlier reply; its client asks again
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    const ip = canonicalIp(from.address.replace(/%.*$/, ""));
    if (ip === undefined || from.port === 0) return;
    const reply = this.#reply(bytes, ip);
    if (reply === undefined) return;
    this.#socket.send(encodeUdpTrackerReply(reply), from.port, from.address, () => {}); // lost is lost
  }

  #reply(bytes: Uint8Array, ip: string): UdpTrackerReply | undefined {
    const { clock, issuer } = this.#options;
    const decoded = decodeUdpTrackerRequest(bytes);
    if (!decoded.ok) return this.#refusal(bytes, ip, decoded.reason);
    const request = decoded.value;
    const { transactionId } = request;
    if (request.action === "connect") {
      return { action: "connect", transactionId, connectionId: issuer.issue(clock(), ip) };
    }
    if (!issuer.accepts(clock(), ip, request.connectionId)) {
      return { action: "error", transactionId, message: "connection id expired" };
    }
    return this.#answer(request, ip);
  }

  /** Only who has echoed an id is told what was wrong. */
  #refusal(bytes: Uint8Array, ip: string, message: string): UdpTrackerReply | undefined {
    if (bytes.length < 16) return undefined;
    const view = viewOf(bytes);
    if (!this.#options.issuer.accepts(this.#options.clock(), ip, view.getBigUint64(0))) return undefined;
    return { action: "error", transactionId: view.getUint32(12), message };
  }

  #answer(request: Question, ip: string): UdpTrackerReply {
    const { book, clock } = this.#options;
    const { transactionId } = request;
    if (request.action === "scrape") {
      return { action: "scrape", transactionId, swarms: book.scrape(clock(), request.infoHashes) };
    }
    const { infoHash, peerId, left, event } = request;
    if (book.denies(infoHash))
      return { action: "error", transactionId, message: "this info-hash is denied here" };
    const family = familyOf(ip);
    const numwant = request.numwant === undefined ? undefined : Math.min(request.numwant, peersMax[family]);
    const address = { ip, port: request.port };
    const families = [family];
    const view = book.announce(clock(), { infoHash, peerId, address, left, event, numwant, families });
    const { interval, leechers, seeders } = view;
    const peers = family === 4 ? view.peers : view.peers6;
    return { action: "announce", transactionId, interval, leechers, seeders, peers };
  }
}
