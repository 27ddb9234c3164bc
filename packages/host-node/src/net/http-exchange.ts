import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP, type LookupFunction, type Socket } from "node:net";
import type { URL } from "node:url";
import { readBody } from "./http-body.ts";
import { HttpFault } from "./http-fault.ts";
import { httpFailure } from "./reasons.ts";

export interface ExchangeOptions {
  readonly url: URL;
  /** The checked address: the only one that is connected to. */
  readonly ip: string;
  readonly localAddress: string | undefined;
  readonly authorization: string | undefined;
  readonly userAgent: string;
  readonly ca: string | undefined;
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

export interface Exchange {
  readonly status: number;
  readonly body: Uint8Array;
  /** Where the answer sends us instead; the body is then empty. */
  readonly location: string | undefined;
}

/** Per address: one that swallows packets must leave time for the next. The whole request has its own limit. */
const connectWait = 10_000;
const headerBytesMax = 16 * 1024;
const redirectStatuses = [301, 302, 303, 307, 308];

/** One GET to one address, one answer. Rejects with an `HttpFault`. */
export function exchange(options: ExchangeOptions): Promise<Exchange> {
  if (options.signal.aborted) return Promise.reject(options.signal.reason);
  return new Promise((resolve, reject) => {
    let phase: "connecting" | "securing" | "talking" = "connecting";
    const request = open(options);
    const fail = (error: Error) => {
      clearTimeout(timer);
      request.destroy();
      if (error instanceof HttpFault) return reject(error);
      reject(new HttpFault(httpFailure(error, phase), error.message, phase === "connecting"));
    };
    const timer = setTimeout(() => fail(new HttpFault("timeout", "no connection", true)), connectWait);
    const onAbort = () => fail(options.signal.reason);
    options.signal.addEventListener("abort", onAbort, { once: true });

    request.on("error", fail);
    request.once("socket", (socket) => {
      const secure = options.url.protocol === "https:";
      socket.once("connect", () => {
        clearTimeout(timer);
        phase = secure ? "securing" : "talking";
        // The belief that pinning works, checked where it matters.
        if (!isPinned(socket, options.ip)) fail(new HttpFault("local-address", "connected elsewhere"));
      });
      socket.once("secureConnect", () => {
        phase = "talking";
      });
    });
    let answered = false;
    request.once("close", () => {
      if (!answered) fail(new HttpFault("bad-reply", "hung up without an answer")); // also after 101 and an upgrade
    });
    request.once("response", (response) => {
      answered = true;
      answerOf(response, options.bytesMax)
        .then(resolve, fail)
        .finally(() => {
          options.signal.removeEventListener("abort", onAbort);
          request.destroy();
        });
    });
    request.end();
  });
}

function open(options: ExchangeOptions): ClientRequest {
  const { url, ip, localAddress, authorization, userAgent, ca } = options;
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const shared = {
    method: "GET",
    hostname,
    port: url.port === "" ? undefined : Number(url.port),
    path: url.pathname + url.search,
    headers: {
      Host: url.host,
      "User-Agent": userAgent,
      Accept: "*/*",
      "Accept-Encoding": "gzip, deflate",
      Connection: "close",
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    },
    lookup: pinnedLookup(ip),
    autoSelectFamily: false,
    maxHeaderSize: headerBytesMax,
    insecureHTTPParser: false,
    ...(localAddress === undefined ? {} : { localAddress }),
  };
  // An agent of its own: no connection is shared between requests, and no proxy comes from the environment.
  if (url.protocol === "http:") return httpRequest({ ...shared, agent: new HttpAgent({ keepAlive: false }) });
  return httpsRequest({
    ...shared,
    agent: new HttpsAgent({ keepAlive: false, maxCachedSessions: 0 }),
    rejectUnauthorized: true, // whatever the environment says
    servername: isIP(hostname) === 0 ? hostname.replace(/\.$/, "") : "",
    ...(ca === undefined ? {} : { ca }),
  });
}

/** Answers every question with the one checked address, so that there is no second lookup to lie to. */
function pinnedLookup(ip: string): LookupFunction {
  const family = isIP(ip);
  return (_host, options, callback) => {
    if (options.all === true) callback(null, [{ address: ip, family }]);
    else callback(null, ip, family);
  };
}

function isPinned(socket: Socket, ip: string): boolean {
  return socket.remoteAddress === undefined || socket.remoteAddress === ip;
}

async function answerOf(response: IncomingMessage, bytesMax: number): Promise<Exchange> {
  const status = response.statusCode ?? 0;
  const location = response.headers.location;
  if (redirectStatuses.includes(status) && location !== undefined) {
    response.destroy();
    return { status, body: new Uint8Array(0), location };
  }
  return { status, body: await readBody(response, bytesMax), location: undefined };
}
