import { type Ms, minutes, ms, Prng } from "@dure/base";
import type { EncryptionMode } from "@dure/carrier";
import type { LimitSettings } from "@dure/engine";
import { type Content, type ContentOptions, makeContent } from "./content.ts";
import { type DatagramFaults, type HostOptions, Network, SimTracker } from "./net/index.ts";
import { listenPort, type SimDhtOptions, SimNode, type Twist, Violation } from "./node/index.ts";
import { ReplayHash } from "./replay-hash.ts";
import { EventQueue, type Timer } from "./time/index.ts";

export interface SimulationOptions {
  readonly datagrams?: Partial<DatagramFaults>;
}

export interface NodeOptions extends HostOptions {
  readonly name?: string;
  readonly poolBytes?: number;
  readonly limits?: Partial<LimitSettings>;
  readonly twist?: Twist;
  /** Nodes of the DHT to begin with; left out: no DHT. */
  readonly dht?: SimDhtOptions;
  /** Left out: off. */
  readonly encryption?: EncryptionMode;
  /** Default: whoever is not twisted. */
  readonly honest?: boolean;
}

/** How often a condition is looked at, and memory measured. */
const lookEvery = 100;
const poolBytesDefault = 4 << 20;
/** What all sockets of a node may have borrowed beyond its pool: messages that wait behind a full window. */
const messagesWaitingMax = 2 << 20;

/** A world of its own on virtual time; everything in it follows from the seed. */
export class Simulation {
  readonly seed: number;
  readonly clock = new EventQueue();
  readonly replay = new ReplayHash();
  readonly prng: Prng;
  readonly network: Network;
  readonly nodes: SimNode[] = []; // bounded by the scenario
  readonly #honestIps = new Set<string>();
  readonly #nodePrng: Prng;
  #measuredAt = ms(0);
  /** The most that any pool held, of its size. */
  poolShareMost = 0;

  constructor(seed: number, options: SimulationOptions = {}) {
    this.seed = seed;
    this.prng = new Prng(seed, "simulation");
    const { clock, replay } = this;
    this.#nodePrng = this.prng.split("nodes");
    const datagrams = options.datagrams ?? {};
    this.network = new Network({ clock, replay, prng: this.prng.split("network"), datagrams });
  }

  get now(): Ms {
    return this.clock.now;
  }

  content(options: ContentOptions): Content {
    return makeContent(this.prng.split("content"), options);
  }

  tracker(interval: Ms = minutes(2)): SimTracker {
    const host = this.network.host();
    return new SimTracker({ network: this.network, host, prng: this.prng.split("tracker"), interval });
  }

  node(options: NodeOptions = {}): SimNode {
    const name = options.name ?? `node ${this.nodes.length + 1}`;
    const host = this.network.host(options);
    const honest = options.honest ?? options.twist === undefined;
    if (honest) this.#honestIps.add(host.ip);
    const node = new SimNode({
      name,
      network: this.network,
      host,
      prng: this.#nodePrng.split(name),
      poolBytes: options.poolBytes ?? poolBytesDefault,
      limits: options.limits ?? {},
      twist: options.twist,
      dht: options.dht,
      encryption: options.encryption,
      honest,
      isHonest: (ip) => this.#honestIps.has(ip),
    });
    this.nodes.push(node);
    return node;
  }

  /** Lets time pass. */
  runFor(duration: number): void {
    const end = ms(this.now + duration);
    for (let next = this.clock.next; next !== undefined && next <= end; next = this.clock.next) this.#step();
    this.clock.jump(end);
  }

  /** Lets time pass until the condition holds. Throws, with a look at every node, when it does not in time. */
  runUntil(condition: () => boolean, { within, what }: { within: number; what: string }): void {
    const end = ms(this.now + within);
    let lookAt = this.now;
    for (;;) {
      const next = this.clock.next;
      if (next === undefined || next >= lookAt) {
        if (condition()) return;
        lookAt = ms((next ?? end) + lookEvery);
      }
      if (next === undefined || next > end)
        throw new Violation(`${what} not within ${within / 1000} s of virtual time\n${this.describe()}`);
      this.#step();
    }
  }

  every(interval: number, act: () => void): { stop(): void } {
    let timer: Timer;
    const again = () => {
      timer = this.clock.after(interval, () => {
        act();
        again();
      });
    };
    again();
    return { stop: () => timer.cancel() };
  }

  /** What happened until now, and what lies on every disk, as one number. */
  hash(): string {
    for (const [index, node] of this.nodes.entries()) {
      for (const [, file] of [...node.volume.files].sort(([a], [b]) => (a < b ? -1 : 1)))
        this.replay.add("file", this.now, index, file.read(0, file.length));
    }
    return this.replay.digest();
  }

  describe(): string {
    const lines = this.nodes.map((node) => {
      const engine = node.torrent?.engine;
      const peers = [...(engine?.peers.values() ?? [])];
      const flags = peers.map((peer) => `${peer.choking ? "c" : "u"}${peer.outstanding.size}`).join(" ");
      const state = engine === undefined ? "not running" : node.complete ? "complete" : "leeching";
      const pieces = `${node.piecesHad}/${engine?.ready?.info.pieceCount ?? "?"}`;
      const left = engine?.ready?.picker.wantedLeft ?? "?";
      return `  ${node.name} ${node.host.ip}: ${state}, ${pieces} pieces, ${left} left, peers ${peers.length} [${flags}]`;
    });
    return `at ${(this.now / 1000).toFixed(1)} s, seed ${this.seed}\n${lines.join("\n")}`;
  }

  #step(): void {
    this.clock.step();
    if (this.now - this.#measuredAt >= lookEvery) this.#measure();
  }

  /** Memory ceilings hold at every moment: pools by their making, so what else could grow is looked at. */
  #measure(): void {
    this.#measuredAt = this.now;
    for (const node of this.nodes) {
      const { process } = node;
      if (process === undefined) continue;
      const used = process.carrier.pool.usedBytes;
      this.poolShareMost = Math.max(this.poolShareMost, used / process.poolBytes);
      const { all } = process.net.pendingBytes;
      if (all > process.poolBytes + messagesWaitingMax)
        throw new Violation(`${node.name} has ${all} bytes waiting for its sockets`);
    }
  }
}

export { listenPort };
