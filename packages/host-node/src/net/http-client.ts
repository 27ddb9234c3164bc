import { URL } from "node:url";
import { BoundedMap, type Family } from "@dure/base";
import type { NetEffect, NetEvent, UrlTrust } from "@dure/carrier";
import type { Exchange } from "./http-exchange.ts";
import { HttpFault } from "./http-fault.ts";
import type { LocalBinding } from "./local-binding.ts";
import type { Resolver } from "./resolver.ts";
import { mayReachUrl, trustAfterRedirect } from "./url-guard.ts";

export interface HttpOptions {
  readonly binding: LocalBinding;
  readonly resolver: Resolver;
  readonly userAgent: string;
  readonly ca: string | undefined;
  readonly emit: (event: NetEvent) => void;
}

type HttpGet = Extract<NetEffect, { type: "http-get" }>;

/** DESIGN.md section 6. */
const redirectsMax = 5;
/** The next address of a name is tried when one refuses; a name with many dead ones is not worth more. */
const addressesTriedMax = 4;
/** Under way and waiting for their turn; a client that asks more of us than this has lost count. */
const requestsMax = 1024;
/** Each holds a socket, a TLS session, a decompressor. */
const parallelMax = 64;

interface Request {
  readonly get: HttpGet;
  readonly abort: AbortController;
  readonly timer: NodeJS.Timeout;
}

/**
 * GET for trackers and .torrent files. A name is resolved once a hop, each address is checked against the trust, and
 * the connection goes to the checked address and nowhere else: no proxy, no cookie, no second lookup.
 */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #requests = new BoundedMap<number, Request>({ max: requestsMax, full: "refuse" });
  readonly #waiting = new Set<Request>(); // oldest first; a part of #requests
  #running = 0;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  get(get: HttpGet): void {
    const timer = setTimeout(() => this.#expire(request), get.timeout);
    const request: Request = { get, abort: new AbortController(), timer };
    if (!this.#requests.set(get.request, request)) {
      clearTimeout(timer);
      return queueMicrotask(() => this.#options.emit(tooMany(get.request)));
    }
    this.#waiting.add(request);
    queueMicrotask(() => this.#next());
  }

  /** No event follows. */
  cancel(number: number): void {
    const request = this.#requests.get(number);
    if (request === undefined) return;
    this.#forget(request);
    this.#waiting.delete(request);
    request.abort.abort(new HttpFault("other", "cancelled"));
  }

  closeAll(): void {
    for (const number of [...this.#requests.keys()]) this.cancel(number);
  }

  #expire(request: Request): void {
    request.abort.abort(new HttpFault("timeout", `no answer in ${request.get.timeout} ms`));
    if (this.#waiting.delete(request)) void this.#run(request); // which only says so
  }

  #next(): void {
    for (const request of this.#waiting) {
      if (this.#running >= parallelMax) return;
      this.#waiting.delete(request);
      void this.#run(request);
    }
  }

  async #run(request: Request): Promise<void> {
    this.#running += 1;
    const event = await this.#answer(request);
    this.#running -= 1;
    const live = this.#requests.get(request.get.request) === request;
    this.#forget(request);
    this.#next();
    if (live) this.#options.emit(event);
  }

  #forget(request: Request): void {
    clearTimeout(request.timer);
    if (this.#requests.get(request.get.request) === request) this.#requests.delete(request.get.request);
  }

  async #answer({ get, abort }: Request): Promise<NetEvent> {
    const request = get.request;
    try {
      const { status, body, ip } = await this.#follow(get, abort.signal);
      return { type: "http-reply", request, status, body, ip };
    } catch (error) {
      const fault = abort.signal.aborted ? abort.signal.reason : error;
      if (!(fault instanceof HttpFault)) throw fault;
      return { type: "http-failed", request, reason: fault.reason, detail: fault.message };
    }
  }

  async #follow(get: HttpGet, signal: AbortSignal): Promise<Exchange & { readonly ip: string }> {
    let url = parseUrl(get.url, undefined);
    let trust = get.trust;
    const credentials = { origin: url.origin, authorization: basicAuthorization(url) };
    for (let hops = 0; hops <= redirectsMax; hops += 1) {
      signal.throwIfAborted();
      const authorization = url.origin === credentials.origin ? credentials.authorization : undefined;
      const answer = await this.#askAny({ url, trust, authorization, get, signal });
      if (answer.location === undefined) return answer;
      url = parseUrl(answer.location, url);
      trust = trustAfterRedirect(trust);
    }
    throw new HttpFault("redirects", `more than ${redirectsMax} redirects`);
  }

  /** Tries the addresses of the URL's name in turn until one accepts the connection. */
  async #askAny(ask: {
    readonly url: URL;
    readonly trust: UrlTrust;
    readonly authorization: string | undefined;
    readonly get: HttpGet;
    readonly signal: AbortSignal;
  }): Promise<Exchange & { readonly ip: string }> {
    const { url, authorization, get, signal } = ask;
    const { binding, userAgent, ca } = this.#options;
    const localAddress = binding.source(get.family);
    if (localAddress === false) throw new HttpFault("unreachable", `IPv${get.family} is not in use`);
    const ips = await this.#addresses(url, get.family, ask.trust, signal);
    // HTTP and TLS take 35 ms to load: only a peer that asks an HTTP server waits for them.
    const { exchange } = await import("./http-exchange.ts");
    let refusal = new HttpFault("no-address", url.hostname);
    for (const ip of ips) {
      try {
        const answer = await exchange({
          url,
          ip,
          localAddress,
          authorization,
          userAgent,
          ca,
          signal,
          bytesMax: get.bytesMax,
        });
        return { ...answer, ip };
      } catch (error) {
        if (!(error instanceof HttpFault) || !error.beforeTalk || signal.aborted) throw error;
        refusal = error;
      }
    }
    throw refusal;
  }

  /** The addresses of the URL's host that its trust reaches. */
  async #addresses(
    url: URL,
    family: Family,
    trust: UrlTrust,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const found = await unlessAborted(this.#options.resolver.resolve(url.hostname, family), signal);
    if (!found.ok) throw new HttpFault(found.reason, url.hostname);
    const ips = found.value.filter((ip) => mayReachUrl(ip, url, trust));
    if (ips.length === 0) throw new HttpFault("local-address", `${url.hostname} is a local address`);
    return ips.slice(0, addressesTriedMax);
  }
}

function tooMany(request: number): NetEvent {
  return {
    type: "http-failed",
    request,
    reason: "other",
    detail: `more than ${requestsMax} requests at once`,
  };
}

function parseUrl(text: string, base: URL | undefined): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw new HttpFault("bad-reply", "not a URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new HttpFault("bad-reply", `${url.protocol} is neither http nor https`);
  }
  if (url.hostname === "") throw new HttpFault("bad-reply", "a URL without a host");
  return url;
}

function basicAuthorization(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  const pair = `${decodePercent(url.username)}:${decodePercent(url.password)}`;
  return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % stands for itself
  }
}

function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
