import { Worker } from "node:worker_threads";
import { assert } from "@dure/base";
import type { StateJob, StateResult } from "@dure/carrier";
import { workerUrl } from "../worker-url.ts";

export interface StateOptions {
  /** The database. Its folder is made when it is not there. */
  readonly file: string;
  readonly onResults: (results: readonly StateResult[]) => void;
}

// As for disk workers: small, short-lived objects only.
const youngHeapMiB = 2;

/** The state port on a worker thread, since SQLite's calls block. Jobs are done in the order given. */
export class StateWorker {
  readonly #options: StateOptions;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #waiting = new Set<number>(); // jobs without result; bounded by the carrier, a few a torrent
  #broken: string | undefined;
  #closing = false;

  constructor(options: StateOptions) {
    this.#options = options;
    this.#worker = new Worker(workerUrl("state"), {
      workerData: options.file,
      name: "state",
      resourceLimits: { maxYoungGenerationSizeMb: youngHeapMiB },
    });
    this.#worker.on("message", (results: readonly StateResult[]) => this.#hear(results));
    this.#worker.on("error", (error: Error) => this.#break(error));
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", () => resolve());
    });
  }

  submit(jobs: readonly StateJob[]): void {
    assert(!this.#closing, "no jobs after close");
    if (jobs.length === 0) return;
    for (const { job } of jobs) {
      assert(!this.#waiting.has(job), "a job number is used by one job at a time");
      this.#waiting.add(job);
    }
    if (this.#broken === undefined) this.#worker.postMessage(jobs);
    else setImmediate(() => this.#failAll());
  }

  /** Does what was submitted, gives up all claims, ends the worker. */
  async close(): Promise<void> {
    if (!this.#closing) this.#worker.postMessage("end");
    this.#closing = true;
    await this.#exited;
  }

  #hear(results: readonly StateResult[]): void {
    for (const result of results) if (result.type !== "damaged") this.#waiting.delete(result.job);
    this.#options.onResults(results);
  }

  // A bug of ours, or no memory: nothing is saved any more, and every job says so.
  #break(error: Error): void {
    this.#broken = `the state worker ended: ${error.message}`;
    this.#failAll();
  }

  #failAll(): void {
    const detail = this.#broken ?? "";
    const results = [...this.#waiting].map((job): StateResult => ({ type: "failed", job, detail }));
    this.#waiting.clear();
    if (results.length > 0) this.#options.onResults(results);
  }
}
