import { parentPort, workerData } from "node:worker_threads";
import { must } from "@dure/base";
import type { DiskResult } from "@dure/carrier";
import { Disk } from "./disk.ts";
import { silentJob, type ToWorker, type WorkerSetup } from "./messages.ts";

// The entry of a disk worker. Results leave in portions: a long batch must not hold back what is ready. Peers wait for
// what was read; of writes only the memory is wanted back.
const portionBytes = 1024 * 1024;
const portionMs = 4;

const port = must(parentPort, "this module runs as a worker");
const setup: WorkerSetup = workerData; // written by DiskWorkers, which alone starts this
let results: DiskResult[] = []; // bounded by the jobs of one message
let inBatch = false;

const disk = new Disk({ ...setup, report });

port.on("message", (message: ToWorker) => {
  if (message === "end") void disk.close().then(() => port.close());
  else {
    inBatch = true;
    runAll(message);
    inBatch = false;
    flush();
  }
});

function runAll(jobs: Exclude<ToWorker, "end">): void {
  let since = performance.now();
  let moved = disk.bytesMoved;
  for (const job of jobs) {
    disk.run(job);
    const now = performance.now();
    if (!(job.type === "read" && disk.bytesMoved - moved >= portionBytes) && now - since < portionMs)
      continue;
    flush();
    since = now;
    moved = disk.bytesMoved;
  }
}

function report(result: DiskResult): void {
  if (result.job !== silentJob) results.push(result);
  if (!inBatch) flush(); // a sync or close that ended between batches
}

function flush(): void {
  if (results.length === 0) return;
  port.postMessage(results);
  results = [];
}
