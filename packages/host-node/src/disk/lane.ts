import { Worker } from "node:worker_threads";
import { workerUrl } from "../worker-url.ts";
import type { FromWorker, ToWorker, WorkerJob, WorkerSetup } from "./messages.ts";
import type { StoreRoutes } from "./store-routes.ts";

// Workers make only small, short-lived objects; V8's default would let them pile up to 48 MiB.
const youngHeapMiB = 2;

export interface LaneListener {
  readonly results: (lane: Lane, results: FromWorker) => void;
  /** The worker ended without being told to. */
  readonly broken: (error: Error) => void;
}

/** One disk worker, seen from the thread that feeds it. */
export class Lane {
  /** 0 is home; the others help with checks. */
  readonly index: number;
  /** Stores that a helper was told of. */
  readonly knows = new Set<StoreRoutes>();
  /** Bytes to be moved by jobs without result. */
  weight = 0;
  /** Jobs without result. */
  jobsCount = 0;
  #batch: WorkerJob[] = [];
  readonly #worker: Worker;
  readonly #exited: Promise<void>;

  constructor(index: number, setup: WorkerSetup, listener: LaneListener) {
    this.index = index;
    this.#worker = new Worker(workerUrl("disk"), {
      workerData: setup,
      name: `disk-${index}`,
      resourceLimits: { maxYoungGenerationSizeMb: youngHeapMiB },
    });
    this.#worker.on("message", (results: FromWorker) => listener.results(this, results));
    this.#worker.on("error", listener.broken);
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", () => resolve());
    });
  }

  add(job: WorkerJob): void {
    this.#batch.push(job);
  }

  /** One message for all that was added. */
  post(): void {
    if (this.#batch.length === 0) return;
    this.#tell(this.#batch);
    this.#batch = [];
  }

  /** Settles when the worker is gone. */
  async end(): Promise<void> {
    this.post();
    this.#tell("end");
    await this.#exited;
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
