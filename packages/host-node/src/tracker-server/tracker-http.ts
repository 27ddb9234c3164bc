import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { canonicalIp } from "@dure/base";
import type { SwarmBook } from "@dure/engine";
import {
  decodeHttpTrackerRequest,
  encodeHttpAnnounce,
  encodeHttpRefusal,
  encodeHttpScrape,
  type HttpTrackerRequest,
  type HttpTrackerRequestError,
} from "@dure/protocol";
import type { Clock } from "./clock.ts";
import { listening, portOf } from "./listening.ts";

export interface TrackerHttpOptions {
  readonly host: string;
  readonly port: number;
  readonly book: SwarmBook;
  readonly clock: Clock;
}

/** An announce is one line and a few headers: who needs more, or longer, is no client. */
const serverLimits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
} as const;
const connectionsMax = 4096;
const requestsPerConnectionMax = 100;

interface Reply {
  readonly status: number;
  readonly body: Uint8Array;
}

/** BEP 3, 7, 23, 24, 48 over HTTP. Whatever is wrong with a request is answered with a `failure reason`. */
export class TrackerHttp {
  readonly port: number;
  readonly #server: Server;

  static async open(options: TrackerHttpOptions): Promise<TrackerHttp> {
    const server = createServer(serverLimits, (request, response) => respond(request, response, options));
    server.maxConnections = connectionsMax;
    server.maxRequestsPerSocket = requestsPerConnectionMax;
    server.on("clientError", refuseNonsense);
    server.listen({ host: options.host, port: options.port });
    await listening(server, "HTTP", options.port);
    return new TrackerHttp(server, portOf(server));
  }

  /** Use `open`. */
  constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    return closed;
  }
}

function respond(request: IncomingMessage, response: ServerResponse, options: TrackerHttpOptions): void {
  const { status, body } = replyTo(request, options);
  response.writeHead(status, {
    "Content-Type": "text/plain", // what trackers have always said
    "Content-Length": body.length,
    // A body that nobody asked for is not read, so the connection cannot go on.
    ...(hasBody(request) ? { Connection: "close" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function replyTo(request: IncomingMessage, options: TrackerHttpOptions): Reply {
  if (request.method !== "GET" && request.method !== "HEAD") return refusal(405, "only GET is answered here");
  if (hasBody(request)) return refusal(413, "a request with a body");
  const ip = canonicalIp((request.socket.remoteAddress ?? "").replace(/%.*$/, ""));
  if (ip === undefined) return refusal(400, "the connection has gone");
  const decoded = decodeHttpTrackerRequest(request.url ?? "");
  if (!decoded.ok)
    return refusal(decoded.reason === "unknown-path" ? 404 : 200, failureTexts[decoded.reason]);
  return { status: 200, body: answer(decoded.value, ip, options) };
}

function answer(request: HttpTrackerRequest, ip: string, { book, clock }: TrackerHttpOptions): Uint8Array {
  if (request.type === "scrape") {
    const counts = book.scrape(clock(), request.infoHashes);
    return encodeHttpScrape(request.infoHashes.map((hash, index) => [hash, counts[index]] as const));
  }
  const { infoHash, peerId, left, event, numwant } = request;
  if (book.denies(infoHash)) return encodeHttpRefusal({ failure: "this info-hash is denied here" });
  const address = { ip, port: request.port };
  const view = book.announce(clock(), { infoHash, peerId, address, left, event, numwant });
  const { interval, minInterval, seeders, leechers } = view;
  const peers = [...view.peers, ...view.peers6];
  return encodeHttpAnnounce({ interval, minInterval, seeders, leechers, peers, externalIp: ip }, request);
}

function hasBody(request: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}

function refusal(status: number, failure: string): Reply {
  return { status, body: encodeHttpRefusal({ failure }) };
}

/** What Node's parser refuses never becomes a request: the answer is written by hand. */
function refuseNonsense(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const overflow = error.code === "HPE_HEADER_OVERFLOW";
  const status = overflow ? "431 Request Header Fields Too Large" : "400 Bad Request";
  const body = Buffer.from(encodeHttpRefusal({ failure: overflow ? "the request is too long" : "not HTTP" }));
  const head = `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  socket.end(Buffer.concat([Buffer.from(head), body]), () => socket.destroy());
}

const failureTexts: Readonly<Record<HttpTrackerRequestError, string>> = {
  "too-long": "the request is too long",
  "not-ascii": "the request holds bytes that a URL cannot",
  "bad-percent": "a % without two hex digits",
  "unknown-path": "only /announce and /scrape are answered here",
  "too-many-fields": "too many fields",
  "duplicate-field": "a field twice",
  "bad-info-hash": "info_hash must be 20 bytes",
  "too-many-info-hashes": "too many info_hashes",
  "bad-peer-id": "peer_id must be 20 bytes",
  "bad-port": "port must be 1 to 65535",
  "bad-uploaded": "uploaded must be a number",
  "bad-downloaded": "downloaded must be a number",
  "bad-left": "left must be a number",
  "bad-event": "an unknown event",
  "bad-numwant": "numwant must be a number",
  "bad-key": "key is too long",
  "bad-tracker-id": "trackerid is too long",
};
