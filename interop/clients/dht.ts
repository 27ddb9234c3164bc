import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Endpoint, Running } from "./client.ts";
import { eventNamed, parse } from "./events.ts";
import { libtorrent } from "./libtorrent.ts";
import type { Processes, RunningProgram } from "./processes.ts";

const python = "/usr/bin/python3";
const manifest = join(import.meta.dirname, "../node_modules/bittorrent-dht/package.json");
const readyWithin = 20_000;
const answerWithin = 45_000;

export interface DhtJob {
  /** One node for each. Distinct addresses, where the machine has them: nodes keep one of an address. */
  readonly listen: readonly Endpoint[];
  readonly work: string;
  readonly netns?: string;
  /** Of the program's own kind, over the driver's. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Words to run the program with: `taskset -c 0`. */
  readonly wrapper?: readonly string[];
}

/** One DHT implementation, driven alike. */
export interface DhtProgram {
  readonly name: string;
  /** Version text, or undefined when the program is absent. */
  version(): Promise<string | undefined>;
  /** Resolves when every node listens. None knows another. */
  start(job: DhtJob): Promise<DhtNodes>;
}

/** ed25519, hex: what each program makes its own form of key of. */
export interface DhtKeys {
  readonly seed: string;
  readonly publicKey: string;
}

export interface FoundItem {
  /** Undefined: nobody had it. */
  readonly value: string | undefined;
  readonly sequence: number | undefined;
}

/** Started nodes of one kind, in one process. `node` is the place in `job.listen`. Hashes, keys, salts are hex; values are ASCII. */
export interface DhtNodes extends Running {
  readonly listen: readonly Endpoint[];
  /** Nodes to know. Returns before they have answered. */
  join(node: number, others: readonly Endpoint[]): Promise<void>;
  /** How many nodes it knows. */
  count(node: number): Promise<number>;
  /**
   * The port that was announced: libtorrent's is its own, whatever `port` says. Returns before the announce is stored
   * where the program does not tell.
   */
  announce(node: number, infoHash: string, port: number): Promise<number>;
  /** `IP:port` of each peer found. */
  peers(node: number, infoHash: string): Promise<readonly string[]>;
  /** The target. */
  putImmutable(node: number, value: string): Promise<string>;
  /** The sequence number it was stored with: libtorrent counts on from what it finds, others take `sequence`. */
  putMutable(
    node: number,
    item: DhtKeys & { salt: string; value: string; sequence: number },
  ): Promise<number>;
  getImmutable(node: number, target: string): Promise<FoundItem>;
  getMutable(node: number, item: { publicKey: string; salt: string }): Promise<FoundItem>;
  /** BEP 51: of one other node. Rejects where the program cannot ask. */
  sample(
    node: number,
    from: Endpoint,
    target: string,
  ): Promise<{ readonly samples: readonly string[]; readonly stored: number }>;
  /** BEP 33. Rejects where the program cannot ask. */
  scrape(node: number, infoHash: string): Promise<{ readonly seeds: number; readonly peers: number }>;
}

/** Dure's own machine on plain sockets, libtorrent and bittorrent-dht. `dure`: another build of the first one's driver. */
export function allDhtPrograms(processes: Processes, options: { dure?: string } = {}): readonly DhtProgram[] {
  return [dureDht(processes, options.dure), libtorrentDht(processes), bittorrentDht(processes)];
}

export function libtorrentDht(processes: Processes): DhtProgram {
  return {
    name: "libtorrent",
    version: () => libtorrent(processes).version(),
    start: (job) => startNodes(processes, job, [python, script("libtorrent-dht.py")]),
  };
}

export function bittorrentDht(processes: Processes): DhtProgram {
  return {
    name: "bittorrent-dht",

    async version() {
      if (!existsSync(manifest)) return undefined;
      return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
    },

    start: (job) => startNodes(processes, job, [process.execPath, script("bittorrent-dht.mjs")]),
  };
}

export function dureDht(
  processes: Processes,
  path = join(import.meta.dirname, "../dht/dure-nodes.ts"),
): DhtProgram {
  return {
    name: "dure",
    version: async () => "of this tree",
    start: (job) => startNodes(processes, job, [process.execPath, path]),
  };
}

function script(name: string): string {
  return join(import.meta.dirname, name);
}

async function startNodes(
  processes: Processes,
  job: DhtJob,
  [program = "", ...path]: readonly string[],
): Promise<DhtNodes> {
  const order = { listen: job.listen.map(pairOf), settings: job.settings ?? {} };
  const [command = "", ...args] = [...(job.wrapper ?? []), program, ...path, JSON.stringify(order)];
  const running = processes.start({
    label: "dht-nodes",
    command,
    args,
    work: job.work,
    netns: job.netns,
    listens: true,
  });
  await running.until(eventNamed("ready"), { within: readyWithin, what: "ready" });
  return new Nodes(running, job.listen);
}

/**
 * The orders of a driver: a line in, `{"order":7,"op":"count","node":0}`, is answered by a line out,
 * `{"event":"answer","order":7,"nodes":12}`, or one with `error`. Orders run at once and may be answered in any order.
 */
class Nodes implements DhtNodes {
  readonly pid: number;
  readonly listen: readonly Endpoint[];
  readonly #running: RunningProgram;
  #orders = 0;

  constructor(running: RunningProgram, listen: readonly Endpoint[]) {
    this.pid = running.pid;
    this.listen = listen;
    this.#running = running;
  }

  stop(): Promise<void> {
    return this.#running.stop();
  }

  async join(node: number, others: readonly Endpoint[]): Promise<void> {
    await this.#order("join", node, { addresses: others.map(pairOf) });
  }

  async count(node: number): Promise<number> {
    return (await this.#order<{ nodes: number }>("count", node)).nodes;
  }

  async announce(node: number, infoHash: string, port: number): Promise<number> {
    return (await this.#order<{ port: number }>("announce", node, { infoHash, port })).port;
  }

  async peers(node: number, infoHash: string): Promise<readonly string[]> {
    return (await this.#order<{ peers: string[] }>("peers", node, { infoHash })).peers;
  }

  async putImmutable(node: number, value: string): Promise<string> {
    const answer = await this.#order<{ target: string; stored: number }>("put-immutable", node, {
      value: hexOf(value),
    });
    if (answer.stored === 0) throw this.#running.failure("no node stored the item");
    return answer.target;
  }

  async putMutable(
    node: number,
    item: DhtKeys & { salt: string; value: string; sequence: number },
  ): Promise<number> {
    const answer = await this.#order<{ sequence: number; stored: number }>("put-mutable", node, {
      ...item,
      value: hexOf(item.value),
    });
    if (answer.stored === 0) throw this.#running.failure("no node stored the item");
    return answer.sequence;
  }

  async getImmutable(node: number, target: string): Promise<FoundItem> {
    return foundItem(await this.#order("get-immutable", node, { target }));
  }

  async getMutable(node: number, item: { publicKey: string; salt: string }): Promise<FoundItem> {
    return foundItem(await this.#order("get-mutable", node, item));
  }

  sample(node: number, from: Endpoint, target: string): Promise<{ samples: string[]; stored: number }> {
    return this.#order("sample", node, { from: pairOf(from), target });
  }

  scrape(node: number, infoHash: string): Promise<{ seeds: number; peers: number }> {
    return this.#order("scrape", node, { infoHash });
  }

  async #order<Answer extends object>(op: string, node: number, more: object = {}): Promise<Answer> {
    this.#orders += 1;
    const order = this.#orders;
    const answer = this.#running.until((line) => answerTo(order, line), {
      within: answerWithin,
      what: `done with ${op} of node ${node}`,
    });
    this.#running.say(JSON.stringify({ order, op, node, ...more }));
    const found = await answer;
    if (found.error !== undefined) throw this.#running.failure(`${op} of node ${node}: ${found.error}`);
    return found as Answer; // the driver beside this file writes it
  }
}

function answerTo(order: number, line: string): Readonly<Record<string, unknown>> | undefined {
  const event = parse(line);
  return event?.event === "answer" && event.order === order ? event : undefined;
}

function foundItem({ value, sequence }: { value?: string | null; sequence?: number }): FoundItem {
  return {
    value: typeof value === "string" ? Buffer.from(value, "hex").toString("latin1") : undefined,
    sequence,
  };
}

function pairOf({ ip, port }: Endpoint): [string, number] {
  return [ip, port];
}

function hexOf(value: string): string {
  return Buffer.from(value, "latin1").toString("hex");
}
