import { assert, must } from "@dure/base";
import type { DiskJob, DiskResult, JobId, StoreId } from "@dure/carrier";
import { Lane, type LaneListener } from "./lane.ts";
import { silentJob } from "./messages.ts";
import { changesFiles, StoreRoutes } from "./store-routes.ts";

export interface DiskOptions {
  /** Payload memory; jobs name bytes in it. */
  readonly pool: SharedArrayBuffer;
  /** One does everything; those above one only check pieces, and live only while there is much to check. */
  readonly workers: number;
  /** Of all workers together. */
  readonly filesOpenMax: number;
  readonly onResults: (results: readonly DiskResult[]) => void;
}

interface Sent {
  readonly job: DiskJob;
  readonly routes: StoreRoutes;
  readonly lane: Lane;
  readonly weight: number;
}

// Starting a helper takes 45 ms and 13 MiB: it pays from here on, and is let go of when nothing was checked for a while.
const helperWorthBytes = 32 * 1024 * 1024;
const helperIdleMs = 2000;

/**
 * The disk port on worker threads. All jobs go to the first worker, *home*, which does them in order; only checks
 * are spread over the others. A piece is never written at home while a helper checks it, nor the other way round.
 */
export class DiskWorkers {
  readonly #options: DiskOptions;
  readonly #lanes: (Lane | undefined)[];
  readonly #stores = new Map<StoreId, StoreRoutes>(); // bounded by the stores the carrier opens
  readonly #sent = new Map<JobId, Sent>(); // bounded, as `held` is, by the pool whose bytes the jobs name
  readonly #listener: LaneListener = {
    results: (lane, results) => this.#hear(lane, results),
    broken: (error) => this.#break(error),
  };
  #checkedBytes = 0; // since a helper was last let go of
  #helperTimer: NodeJS.Timeout | undefined;
  #broken: string | undefined;
  #drained: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: DiskOptions) {
    assert(options.workers >= 1, "there is a worker");
    this.#options = options;
    this.#lanes = new Array<Lane | undefined>(options.workers).fill(undefined);
  }

  submit(jobs: readonly DiskJob[]): void {
    assert(this.#closing === undefined, "no jobs after close");
    if (this.#broken !== undefined) return this.#failLater(jobs);
    for (const job of jobs) this.#route(job);
    this.#post();
  }

  /** Does what was submitted, closes the files, ends the workers. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#sent.size > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    clearTimeout(this.#helperTimer);
    await Promise.all(this.#lanes.map((lane) => lane?.end()));
  }

  #route(job: DiskJob): void {
    const known = this.#stores.get(job.store);
    const routes = known ?? new StoreRoutes(must(job.type === "open" ? job : null, "the store is open"));
    this.#stores.set(job.store, routes);
    if (routes.held.length > 0 || routes.mustWait(job)) return void routes.held.push(job);
    if (job.type === "open" && known !== undefined) {
      routes.reopen(job);
      this.#forgetInHelpers(routes);
    }
    if (job.type === "close") {
      this.#stores.delete(job.store);
      this.#forgetInHelpers(routes);
    }
    this.#send(job, routes);
  }

  #send(job: DiskJob, routes: StoreRoutes): void {
    const weight = weightOf(job, routes);
    const lane = job.type === "check" ? this.#laneForCheck(routes, weight) : this.#laneAt(0);
    if (lane.index > 0 && job.type === "check") {
      if (!lane.knows.has(routes)) lane.add(routes.openJob(silentJob));
      lane.knows.add(routes);
      routes.helped.set(job.job, job);
    }
    if (changesFiles(job)) routes.changing += 1;
    assert(!this.#sent.has(job.job), "a job number is used by one job at a time");
    this.#sent.set(job.job, { job, routes, lane, weight });
    lane.weight += weight;
    lane.jobsCount += 1;
    lane.add(job.type === "open" ? routes.openJob(job.job) : job);
  }

  #laneForCheck(routes: StoreRoutes, weight: number): Lane {
    const home = this.#laneAt(0);
    if (routes.checksStayHome) return home;
    this.#checkedBytes += weight;
    let best = home;
    for (const [index, lane] of this.#lanes.entries()) {
      if (best.weight === 0) break;
      if (lane !== undefined && lane.weight < best.weight) best = lane;
      if (lane === undefined && this.#checkedBytes >= helperWorthBytes) return this.#laneAt(index);
    }
    return best;
  }

  #laneAt(index: number): Lane {
    const { pool, workers, filesOpenMax } = this.#options;
    const setup = { pool, filesOpenMax: Math.max(1, Math.floor(filesOpenMax / workers)) };
    const lane = this.#lanes[index] ?? new Lane(index, setup, this.#listener);
    this.#lanes[index] = lane;
    return lane;
  }

  #forgetInHelpers(routes: StoreRoutes): void {
    for (const helper of this.#lanes.slice(1)) {
      if (helper?.knows.delete(routes)) helper.add({ type: "close", job: silentJob, store: routes.id });
    }
  }

  #post(): void {
    for (const lane of this.#lanes) lane?.post();
  }

  #hear(lane: Lane, results: readonly DiskResult[]): void {
    const freed = new Set<StoreRoutes>();
    for (const result of results) {
      const { job, routes, weight } = must(this.#sent.get(result.job), "a result answers a job");
      this.#sent.delete(result.job);
      lane.weight -= weight;
      lane.jobsCount -= 1;
      if (changesFiles(job)) routes.changing -= 1;
      if (job.type === "sync" && result.type === "failed") routes.syncFailed();
      if (routes.helped.delete(job.job)) freed.add(routes);
    }
    for (const routes of freed) for (const job of routes.held.splice(0)) this.#route(job);
    this.#post();
    if (lane.index > 0 && lane.jobsCount === 0) this.#letGoLater();
    this.#options.onResults(results);
    if (this.#sent.size === 0) this.#drained?.();
  }

  #letGoLater(): void {
    clearTimeout(this.#helperTimer);
    this.#helperTimer = setTimeout(() => {
      for (const [index, lane] of this.#lanes.entries()) {
        if (index === 0 || lane === undefined || lane.jobsCount > 0) continue;
        this.#lanes[index] = undefined;
        void lane.end();
      }
      this.#checkedBytes = 0;
    }, helperIdleMs);
    this.#helperTimer.unref();
  }

  // A worker ended by a bug of ours or for want of memory. What it wrote but did not sync is no longer known, so
  // nothing goes on behind the caller's back: all jobs fail from here on.
  #break(error: Error): void {
    this.#broken ??= `a disk worker ended: ${error.message}`;
    const jobs = [...this.#sent.values()].map((sent) => sent.job);
    this.#sent.clear();
    for (const routes of this.#stores.values()) jobs.push(...routes.held.splice(0));
    this.#options.onResults(this.#failures(jobs));
    this.#drained?.();
  }

  #failLater(jobs: readonly DiskJob[]): void {
    setImmediate(() => this.#options.onResults(this.#failures(jobs)));
  }

  #failures(jobs: readonly DiskJob[]): DiskResult[] {
    const detail = this.#broken ?? "";
    return jobs.map(({ job }) => ({ type: "failed", job, fault: "io", path: "", detail }));
  }
}

/** Bytes that a job moves: by which helpers are chosen. */
function weightOf(job: DiskJob, routes: StoreRoutes): number {
  if (job.type === "check") return job.count * routes.pieceBytes;
  if (job.type === "write") return job.length;
  return job.type === "read" ? job.blocks.reduce((sum, block) => sum + block.length, 0) : 0;
}
