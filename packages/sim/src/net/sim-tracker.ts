import { formatAddress, type Ms, type Prng, sipHash } from "@dure/base";
import { ConnectionIdIssuer, SwarmBook } from "@dure/engine";
import {
  decodeHttpTrackerRequest,
  decodeUdpTrackerRequest,
  encodeHttpAnnounce,
  encodeHttpRefusal,
  encodeHttpScrape,
  encodeUdpTrackerReply,
  type UdpTrackerReply,
} from "@dure/protocol";
import { Datagrams } from "./datagrams.ts";
import { addressOn, type Host } from "./host.ts";
import type { Network } from "./network.ts";

export interface SimTrackerOptions {
  readonly network: Network;
  readonly host: Host;
  readonly prng: Prng;
  readonly interval: Ms;
}

const port = 6969;

/** A tracker over HTTP and UDP on a host of its own: the swarm book and the codecs of the real one. */
export class SimTracker {
  readonly host: Host;
  readonly #network: Network;
  readonly #book: SwarmBook;
  readonly #issuer: ConnectionIdIssuer;
  readonly #datagrams: Datagrams;

  constructor(options: SimTrackerOptions) {
    const { network, host, prng, interval } = options;
    this.host = host;
    this.#network = network;
    this.#book = new SwarmBook({ prng: prng.split("book"), interval, minInterval: interval });
    this.#issuer = new ConnectionIdIssuer(sipHash(prng.bytes(16)));
    this.#datagrams = new Datagrams(network, host);
    const address = addressOn(host, port);
    network.httpServices.set(formatAddress(address), (target, ip) => this.#http(target, ip));
    network.datagramHandlers.set(formatAddress(address), (from, bytes) => {
      const reply = this.#udp(bytes, from.ip);
      if (reply !== undefined) this.#datagrams.send(address, from, encodeUdpTrackerReply(reply));
    });
  }

  get httpUrl(): string {
    return `http://${this.host.ip}:${port}/announce`;
  }

  get udpUrl(): string {
    return `udp://${this.host.ip}:${port}/announce`;
  }

  get peersCount(): number {
    return this.#book.peersCount;
  }

  #http(target: string, ip: string): { status: number; body: Uint8Array } {
    const now = this.#network.clock.now;
    const decoded = decodeHttpTrackerRequest(target);
    if (!decoded.ok) return { status: 400, body: encodeHttpRefusal({ failure: decoded.reason }) };
    const request = decoded.value;
    if (request.type === "scrape") {
      const counts = this.#book.scrape(now, request.infoHashes);
      const body = encodeHttpScrape(request.infoHashes.map((hash, index) => [hash, counts[index]] as const));
      return { status: 200, body };
    }
    const { infoHash, peerId, left, event, numwant } = request;
    const address = { ip, port: request.port };
    const view = this.#book.announce(now, { infoHash, peerId, address, left, event, numwant });
    const { interval, minInterval, seeders, leechers, peers } = view;
    const reply = { interval, minInterval, seeders, leechers, peers, externalIp: ip };
    return { status: 200, body: encodeHttpAnnounce(reply, request) };
  }

  #udp(bytes: Uint8Array, ip: string): UdpTrackerReply | undefined {
    const now = this.#network.clock.now;
    const decoded = decodeUdpTrackerRequest(bytes);
    if (!decoded.ok) return undefined;
    const request = decoded.value;
    const { transactionId } = request;
    if (request.action === "connect")
      return { action: "connect", transactionId, connectionId: this.#issuer.issue(now, ip) };
    if (!this.#issuer.accepts(now, ip, request.connectionId))
      return { action: "error", transactionId, message: "connection id expired" };
    if (request.action === "scrape")
      return { action: "scrape", transactionId, swarms: this.#book.scrape(now, request.infoHashes) };
    const { infoHash, peerId, left, event, numwant } = request;
    const address = { ip, port: request.port };
    const view = this.#book.announce(now, { infoHash, peerId, address, left, event, numwant, families: [4] });
    const { interval, leechers, seeders, peers } = view;
    return { action: "announce", transactionId, interval, leechers, seeders, peers };
  }
}
