import { type Address, assert, formatAddress, must, type Prng } from "@dure/base";
import type { ReplayHash } from "../replay-hash.ts";
import type { Clock } from "../time/index.ts";
import { Host, type LineRates } from "./host.ts";
import type { HttpService } from "./http.ts";
import type { TcpEnd, TcpListener } from "./tcp.ts";

export interface NetworkOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly replay: ReplayHash;
  /** Of datagrams; TCP feels only partitions and dead hosts. */
  readonly datagrams?: Partial<DatagramFaults>;
}

/** Chances between 0 and 1. */
export interface DatagramFaults {
  readonly lost: number;
  readonly doubled: number;
  /** Held up for a while, so that later ones overtake it. */
  readonly late: number;
}

export interface HostOptions {
  readonly rates?: Partial<LineRates>;
  /** One-way, in milliseconds; default 5 to 40 by lot. */
  readonly delay?: number;
  /** Hosts of one local network hear each other's multicast; default: alone. */
  readonly lan?: string;
}

export type DatagramHandler = (from: Address, bytes: Uint8Array) => void;

/** Hosts, what they listen to, and who reaches whom. Routes change while things are under way. */
export class Network {
  readonly clock: Clock;
  readonly replay: ReplayHash;
  datagramFaults: DatagramFaults;
  readonly datagramPrng: Prng;
  readonly segmentPrng: Prng;
  readonly listeners = new Map<string, TcpListener>();
  readonly datagramHandlers = new Map<string, DatagramHandler>();
  readonly httpServices = new Map<string, HttpService>();
  readonly names = new Map<string, readonly string[]>();
  /** Connections that exist, for the checks. */
  readonly ends = new Set<TcpEnd>();
  readonly #prng: Prng;
  readonly #hosts = new Map<string, Host>();
  #connections = 0;

  constructor(options: NetworkOptions) {
    this.clock = options.clock;
    this.replay = options.replay;
    this.#prng = options.prng.split("hosts");
    this.datagramPrng = options.prng.split("datagrams");
    this.segmentPrng = options.prng.split("segments");
    this.datagramFaults = { lost: 0, doubled: 0, late: 0, ...options.datagrams };
  }

  /** A machine with an address of its own, each in another /16. */
  host(options: HostOptions = {}): Host {
    const index = this.#hosts.size;
    assert(index < 40_000, "there are addresses left");
    const ip = `${20 + Math.floor(index / 250)}.${1 + (index % 250)}.7.9`;
    const rates = { up: Number.POSITIVE_INFINITY, down: Number.POSITIVE_INFINITY, ...options.rates };
    const drawn = this.#prng.between(5, 40);
    const host = new Host(this.clock, { ip, rates, delay: options.delay ?? drawn, lan: options.lan });
    this.#hosts.set(ip, host);
    return host;
  }

  find(ip: string): Host | undefined {
    return this.#hosts.get(ip);
  }

  /** Hosts on the local network of this one, itself among them. */
  neighbours(host: Host): readonly Host[] {
    if (host.lan === undefined) return [];
    return [...this.#hosts.values()].filter(({ lan }) => lan === host.lan);
  }

  get hosts(): IterableIterator<Host> {
    return this.#hosts.values();
  }

  /** Hosts named in the same group reach each other; the unnamed form one more group. */
  partition(...groups: readonly (readonly Host[])[]): void {
    for (const host of this.#hosts.values()) host.side = 0;
    for (const [index, group] of groups.entries()) for (const host of group) host.side = index + 1;
  }

  heal(): void {
    this.partition();
  }

  reaches(from: Host, to: Host): boolean {
    return from.up && to.up && from.side === to.side;
  }

  /** One way, in milliseconds. */
  delay(from: Host, to: Host): number {
    return from === to ? 0.05 : from.delay + to.delay;
  }

  nextConnection(): number {
    this.#connections += 1;
    return this.#connections;
  }

  listen(address: Address, listener: TcpListener): void {
    const key = formatAddress(address);
    assert(!this.listeners.has(key), "a port has one listener");
    must(this.find(address.ip), "a listener is on a host");
    this.listeners.set(key, listener);
  }

  unlisten(address: Address): void {
    this.listeners.delete(formatAddress(address));
  }
}
