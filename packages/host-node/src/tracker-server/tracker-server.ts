import { randomBytes } from "node:crypto";
import { canonicalIp, ms, Prng, sipHash, viewOf } from "@dure/base";
import { ConnectionIdIssuer, SwarmBook, type SwarmBookOptions } from "@dure/engine";
import { NodeError } from "../api.ts";
import type { Clock } from "./clock.ts";
import { TrackerHttp } from "./tracker-http.ts";
import { TrackerUdp } from "./tracker-udp.ts";

export interface TrackerServerOptions {
  /** The IP to listen on; `::` is every address of both families. */
  readonly host: string;
  /** 0: any free port. Undefined: no HTTP. */
  readonly httpPort?: number;
  /** 0: any free port. Undefined: no UDP. */
  readonly udpPort?: number;
  /** How often peers come back, how many are kept. */
  readonly book?: Omit<SwarmBookOptions, "prng">;
}

/** Peers forget to say goodbye; looking once a minute keeps the memory near what is alive. */
const sweepEvery = 60_000;

/** A tracker over HTTP and UDP with one memory. Who is where is learnt from the source of a request, never from `ip=`. */
export class TrackerServer {
  readonly #host: string;
  readonly #book: SwarmBook;
  readonly #http: TrackerHttp | undefined;
  readonly #udp: TrackerUdp | undefined;
  readonly #sweep: NodeJS.Timeout;

  static async open(options: TrackerServerOptions): Promise<TrackerServer> {
    const { host } = options;
    if (canonicalIp(host) === undefined) throw new NodeError("listen", `${host} is not an IP address`, host);
    const clock: Clock = () => ms(performance.now());
    const book = new SwarmBook({ ...options.book, prng: new Prng(viewOf(randomBytes(8)).getUint32(0)) });
    const issuer = new ConnectionIdIssuer(sipHash(randomBytes(16)));
    const http =
      options.httpPort === undefined
        ? undefined
        : await TrackerHttp.open({ host, port: options.httpPort, book, clock });
    try {
      const udp =
        options.udpPort === undefined
          ? undefined
          : await TrackerUdp.open({ host, port: options.udpPort, book, clock, issuer });
      return new TrackerServer({ host, book, http, udp, clock });
    } catch (error) {
      await http?.close();
      throw error;
    }
  }

  /** Use `open`. */
  constructor(parts: {
    readonly host: string;
    readonly book: SwarmBook;
    readonly http: TrackerHttp | undefined;
    readonly udp: TrackerUdp | undefined;
    readonly clock: Clock;
  }) {
    this.#host = parts.host;
    this.#book = parts.book;
    this.#http = parts.http;
    this.#udp = parts.udp;
    this.#sweep = setInterval(() => parts.book.sweep(parts.clock()), sweepEvery).unref();
  }

  /** 0 when there is no HTTP. */
  get httpPort(): number {
    return this.#http?.port ?? 0;
  }

  /** 0 when there is no UDP. */
  get udpPort(): number {
    return this.#udp?.port ?? 0;
  }

  /** For a .torrent on this machine. */
  get announceUrl(): string {
    return `http://${hostOf(this.#host)}:${this.httpPort}/announce`;
  }

  get udpAnnounceUrl(): string {
    return `udp://${hostOf(this.#host)}:${this.udpPort}/announce`;
  }

  get peersCount(): number {
    return this.#book.peersCount;
  }

  get swarmsCount(): number {
    return this.#book.swarmsCount;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    await Promise.all([this.#http?.close(), this.#udp?.close()]);
  }
}

function hostOf(listen: string): string {
  if (listen === "0.0.0.0" || listen === "::") return "127.0.0.1";
  return listen.includes(":") ? `[${listen}]` : listen;
}
