import { availableParallelism } from "node:os";
import { URL } from "node:url";
import { Worker } from "node:worker_threads";
import { merkleLimits } from "@dure/protocol";
import { CliError } from "../errors.ts";
import {
  ChangedFile,
  type HashPlan,
  hashPieces,
  noHashes,
  type PieceHashes,
  sha1Bytes,
} from "./hash-pieces.ts";
import type { HashReport, HashTask } from "./hash-worker.ts";
import { fileError } from "./walk.ts";

export interface HashOptions {
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** Below this, starting workers takes longer than hashing. */
const inlineBytesMax = 16 * 1024 * 1024;
const taskBytes = 64 * 1024 * 1024;
const workersMax = 4;

/** The hashes of every piece, on as many cores as there are, up to four. */
export async function hashAll(plan: HashPlan, options: HashOptions): Promise<PieceHashes> {
  const pieceCount = Math.ceil(plan.totalBytes / plan.pieceBytes);
  if (plan.totalBytes <= inlineBytesMax) return hashInline(plan, pieceCount, options);
  const tasks = cutTasks(pieceCount, plan.pieceBytes);
  const hashes = noHashes(plan, pieceCount);
  const workersCount = Math.min(workersMax, availableParallelism(), tasks.length);
  const workers = Array.from({ length: workersCount }, () => new Worker(workerUrl(), { workerData: plan }));
  try {
    await Promise.all(workers.map((worker) => feed(worker, tasks, hashes, options)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return hashes;
}

function hashInline(plan: HashPlan, pieceCount: number, options: HashOptions): PieceHashes {
  try {
    return hashPieces(plan, { first: 0, count: pieceCount }, options.onBytes);
  } catch (error) {
    if (error instanceof ChangedFile) throw new CliError("file", "create.changed", { path: error.path });
    throw fileError(error, (error as NodeJS.ErrnoException).path ?? ""); // only the file system throws here
  }
}

function cutTasks(pieceCount: number, pieceBytes: number): HashTask[] {
  const each = Math.max(1, Math.floor(taskBytes / pieceBytes));
  const tasks: HashTask[] = []; // bounded by the piece count
  for (let first = 0; first < pieceCount; first += each) {
    tasks.push({ first, count: Math.min(each, pieceCount - first) });
  }
  return tasks;
}

/** Gives the worker one task after the other until none is left. */
function feed(worker: Worker, tasks: HashTask[], hashes: PieceHashes, options: HashOptions): Promise<void> {
  return new Promise((done, fail) => {
    const next = () => {
      const task = tasks.shift();
      if (task === undefined) done();
      else worker.postMessage(task);
    };
    options.signal.addEventListener("abort", () => done(), { once: true });
    worker.on("error", fail);
    worker.on("message", (report: HashReport) => {
      switch (report.type) {
        case "bytes":
          return options.onBytes(report.bytes);
        case "hashes":
          keep(hashes.sha1, report.hashes.sha1, report.first * sha1Bytes);
          keep(hashes.merkle, report.hashes.merkle, report.first * merkleLimits.hashBytes);
          return next();
        case "changed":
          return fail(new CliError("file", "create.changed", { path: report.path }));
        case "failed":
          return fail(fileError(Object.assign(new Error(report.code), { code: report.code }), report.path));
      }
    });
    next();
  });
}

function keep(all: Uint8Array, some: Uint8Array, at: number): void {
  if (some.length > 0) all.set(some, at); // none where the plan does not ask for this kind
}

// Beside this file in the sources, beside every other file of the program in the build.
function workerUrl(): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./hash-worker.${extension}`, import.meta.url);
}
