import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { type DiskJob, type DiskResult, pieceState, storeSpec } from "@dure/carrier";
import { DiskWorkers } from "@dure/host-node/disk";
import type { Info } from "@dure/protocol";
import { CliError } from "../errors.ts";

export interface CheckOptions {
  readonly dir: string;
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

const store = 1;
const openJob = 0;
/** Small enough that Ctrl-C and the progress bar are quick, large enough that messages cost nothing. */
const jobBytes = 16 * 1024 * 1024;
const workersMax = 4;
const filesOpenMax = 64;

/** Reads and hashes everything: one `pieceState` a piece. Stops early, with what it has, when the signal says so. */
export async function checkPieces(info: Info, options: CheckOptions): Promise<Uint8Array> {
  const states = new Uint8Array(info.pieceCount).fill(pieceState.missing);
  const jobs = cutJobs(info);
  const workersCount = Math.min(workersMax, availableParallelism());
  const jobsMax = 2 * workersCount; // every worker has its next job waiting
  const given = new Map<number, Extract<DiskJob, { type: "check" }>>(); // bounded by jobsMax
  let finish = () => {};
  let giveUp = (_error: CliError) => {};
  const finished = new Promise<void>((done, fail) => {
    finish = done;
    giveUp = fail;
  });
  const workers = new DiskWorkers({
    pool: new SharedArrayBuffer(0), // checking needs no payload memory
    workers: workersCount,
    filesOpenMax,
    onResults: (results) => {
      for (const result of results) hear(result);
      give();
    },
  });
  const hear = (result: DiskResult) => {
    const job = given.get(result.job);
    given.delete(result.job);
    if (result.type === "failed") giveUp(diskError(result));
    if (result.type !== "checked" || job === undefined) return;
    states.set(result.states, job.first);
    options.onBytes(Math.min(job.count * info.pieceBytes, info.totalBytes - job.first * info.pieceBytes));
  };
  const give = () => {
    while (given.size < jobsMax && !options.signal.aborted) {
      const job = jobs.shift();
      if (job === undefined) break;
      given.set(job.job, job);
      workers.submit([job]);
    }
    if (given.size === 0) finish();
  };
  workers.submit([{ type: "open", job: openJob, store, spec: storeSpec(resolve(options.dir), info) }]);
  try {
    await finished;
  } finally {
    await workers.close();
  }
  return states;
}

function cutJobs(info: Info): Extract<DiskJob, { type: "check" }>[] {
  const each = Math.max(1, Math.floor(jobBytes / info.pieceBytes));
  const jobs: Extract<DiskJob, { type: "check" }>[] = []; // bounded by the piece count
  for (let first = 0; first < info.pieceCount; first += each) {
    const count = Math.min(each, info.pieceCount - first);
    jobs.push({ type: "check", job: openJob + 1 + jobs.length, store, first, count });
  }
  return jobs;
}

function diskError(result: Extract<DiskResult, { type: "failed" }>): CliError {
  const { path, fault, detail } = result;
  if (fault === "denied") return new CliError("file", "file.denied", { path });
  return new CliError("file", "file.failed", { path, code: detail });
}
