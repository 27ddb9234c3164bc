import type { DiskJob, DiskResult } from "@dure/carrier";

/** `open`, with the memory in which the workers share their first look at the root. */
export type OpenJob = Extract<DiskJob, { type: "open" }> & { readonly rootMemory: SharedArrayBuffer };

/** What a disk worker can be told to do. */
export type WorkerJob = Exclude<DiskJob, { type: "open" }> | OpenJob;

/** What a disk worker is started with. */
export interface WorkerSetup {
  readonly pool: SharedArrayBuffer;
  readonly filesOpenMax: number;
}

/** To a worker: a batch of jobs; or the end, after those given before. */
export type ToWorker = readonly WorkerJob[] | "end";

/** From a worker: results, in portions. */
export type FromWorker = readonly DiskResult[];

/** The number of jobs that the workers give each other; nobody hears their results. */
export const silentJob = -1;
