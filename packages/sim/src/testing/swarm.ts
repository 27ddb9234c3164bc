import { equal } from "node:assert/strict";
import { at, type Prng } from "@dure/base";
import {
  type Content,
  type NodeOptions,
  type SimNode,
  type SimTracker,
  Simulation,
  type SimulationOptions,
} from "../index.ts";

export interface SwarmOptions extends SimulationOptions {
  readonly bytes: number;
  readonly pieceBytes: number;
  readonly files?: number;
  readonly leechers: number;
  /** Of each leecher, bytes a second. */
  readonly rates?: { readonly up: number; readonly down: number };
  readonly seedRates?: { readonly up: number; readonly down: number };
  readonly seeder?: NodeOptions;
  readonly leecher?: (index: number) => NodeOptions;
  readonly tracker?: "http" | "udp";
  readonly magnet?: boolean;
  readonly superSeed?: boolean;
}

const ratesDefault = { up: 1e6, down: 4e6 };

/** One seed and some leechers around a tracker; everyone joins within the first second. */
export class Swarm {
  readonly sim: Simulation;
  readonly content: Content;
  readonly tracker: SimTracker;
  readonly seed: SimNode;
  readonly leechers: SimNode[] = [];
  readonly #options: SwarmOptions;
  /** For what the scenario does to the swarm. */
  readonly prng: Prng;

  constructor(seed: number, options: SwarmOptions) {
    this.#options = options;
    this.sim = new Simulation(seed, options);
    this.prng = this.sim.prng.split("scenario");
    this.content = this.sim.content(options);
    this.tracker = this.sim.tracker();
    const rates = options.seedRates ?? options.rates ?? ratesDefault;
    this.seed = this.sim.node({ name: "seed", rates, ...options.seeder });
    this.seed.fill(this.content);
    this.seed.add({
      content: this.content,
      trackers: this.trackers,
      complete: true,
      superSeed: options.superSeed ?? false,
    });
    for (let index = 0; index < options.leechers; index += 1) this.join(options.leecher?.(index) ?? {});
  }

  get trackers(): string[][] {
    return [[this.#options.tracker === "udp" ? this.tracker.udpUrl : this.tracker.httpUrl]];
  }

  get honest(): SimNode[] {
    return this.leechers.filter((node) => node.honest);
  }

  /** One more leecher. */
  join(options: NodeOptions = {}): SimNode {
    const { rates = ratesDefault, magnet = false } = this.#options;
    const node = this.sim.node({ name: `leecher ${this.leechers.length + 1}`, rates, ...options });
    this.leechers.push(node);
    const { content, trackers } = this;
    const delay = this.prng.below(1000);
    this.sim.clock.after(delay, () => node.add({ content, trackers, magnet }));
    return node;
  }

  /** The second act: whatever was wrong is over, and everyone honest finishes. Returns the seconds it took. */
  finish(within: number): number {
    const begun = this.sim.now;
    this.sim.network.datagramFaults = { lost: 0, doubled: 0, late: 0 };
    const done = () => this.honest.every((node) => node.complete);
    this.sim.runUntil(done, { within, what: "every honest peer finished" });
    this.check();
    return (this.sim.now - begun) / 1000;
  }

  /** Nothing bad has happened and nothing is left over. */
  check(): void {
    for (const node of this.honest) {
      for (const [index, file] of this.content.info.files.entries()) {
        const stored = node.volume.file(`/downloads/${file.path.join("/")}`);
        const right = this.content.bytes.subarray(file.offset, file.offset + file.bytes);
        const same =
          file.bytes === 0 ||
          Buffer.compare(stored?.read(0, stored.length) ?? right.subarray(1), right) === 0;
        equal(same, true, `file ${index} of ${node.name}`);
      }
    }
  }

  /** Everyone stops in good order; then nobody holds any memory. */
  end(): void {
    const running = this.sim.nodes.filter((node) => node.torrent !== undefined);
    for (const node of running) node.stop();
    const stopped = () =>
      running.every((node) => node.torrent === undefined || node.reports.at(-1)?.type === "stopped");
    // A tracker that is asked by datagrams may be in the middle of a long wait (BEP 15).
    this.sim.runUntil(stopped, { within: 150_000, what: "everyone stopped" });
    for (const node of running)
      equal(node.process?.carrier.pool.usedBytes, 0, `${node.name} holds memory after it stopped`);
  }

  /** Seconds from joining to done, ascending. */
  get times(): number[] {
    const times = this.honest.map((node) => ((node.doneAt ?? Number.NaN) - node.addedAt) / 1000);
    return times.sort((a, b) => a - b);
  }

  get median(): number {
    return at(this.times, Math.floor(this.times.length / 2));
  }

  /** Payload that came, as a share of what was needed; the most of any honest peer. */
  get downloadedMost(): number {
    return Math.max(...this.honest.map((node) => node.downloaded / this.content.bytes.length));
  }
}
