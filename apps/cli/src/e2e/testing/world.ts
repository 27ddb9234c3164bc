import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { URL, type URLSearchParams } from "node:url";
import { type DureNode, openNode, type TorrentHandle } from "@dure/host-node";
import { makeSample, type Sample, type SamplePlan, store } from "@dure/host-node/testing";
import { DureProcess } from "./dure-process.ts";

/** A folder of its own, a seed of one torrent in this process, and the program beside it. */
export class World implements AsyncDisposable {
  readonly folder: string;
  readonly sample: Sample;
  readonly torrent: string;
  readonly dir: string;
  readonly profile: string;
  readonly #processes: DureProcess[] = [];
  #node: DureNode | undefined;
  #seed: TorrentHandle | undefined;

  static async open(plan: SamplePlan, seed: { readonly upRateMax?: number } = {}): Promise<World> {
    const world = new World(plan);
    const dir = join(world.folder, "seed");
    store(world.sample, dir);
    world.#node = await openNode({
      profile: join(world.folder, "seed-profile"),
      port: 0,
      listen: "127.0.0.1",
      lsd: false, // other tests of this machine have the same sample
    });
    const source = world.sample.torrent;
    world.#seed = await world.#node.add({ source, dir, assumeComplete: true, ...seed });
    return world;
  }

  constructor(plan: SamplePlan) {
    const memory = "/dev/shm";
    this.folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), "dure-e2e-"));
    this.sample = makeSample(plan);
    this.torrent = join(this.folder, "sample.torrent");
    this.dir = join(this.folder, "downloads");
    this.profile = join(this.folder, "profile");
    writeFileSync(this.torrent, this.sample.torrent);
  }

  get peer(): string {
    return `127.0.0.1:${this.#node?.port}`;
  }

  /** Bytes that the seed has given so far. */
  get given(): number {
    return this.#seed?.status().uploaded ?? 0;
  }

  seedAtFullRate(): void {
    this.#seed?.setLimits({ upRateMax: 1e9 });
  }

  /** `dure get` of the torrent, from the seed alone. */
  get(options: readonly string[] = [], before: readonly string[] = []): DureProcess {
    const own = [
      "--profile",
      this.profile,
      "--port",
      "0",
      "--listen",
      "127.0.0.1",
      "--no-dht",
      "--no-lsd",
      "--peer",
      this.peer,
    ];
    const dir = options.includes("--dir") ? [] : ["--dir", this.dir];
    const process = new DureProcess(["get", this.torrent, ...dir, ...own, ...options], before);
    this.#processes.push(process);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) await process[Symbol.asyncDispose]();
    await this.#node?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A tracker that knows nobody and remembers what it was told. */
export class RecordingTracker implements AsyncDisposable {
  readonly announces: URLSearchParams[] = [];
  readonly #server: Server;

  static async open(): Promise<RecordingTracker> {
    const tracker = new RecordingTracker();
    await new Promise<void>((listening) => tracker.#server.listen(0, "127.0.0.1", listening));
    return tracker;
  }

  constructor() {
    this.#server = createServer((request, response) => {
      // The info-hash is no UTF-8; the other fields are plain.
      this.announces.push(new URL(request.url ?? "/", "http://tracker").searchParams);
      response.end("d8:intervali1800e5:peers0:e");
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/announce`; // it listens on TCP
  }

  get events(): readonly string[] {
    return this.announces.map((announce) => announce.get("event") ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}
