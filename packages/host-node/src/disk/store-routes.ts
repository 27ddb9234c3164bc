import type { DiskJob, JobId, StoreId } from "@dure/carrier";
import type { OpenJob } from "./messages.ts";
import { rootMemory } from "./root.ts";

export type CheckJob = Extract<DiskJob, { type: "check" }>;

/** Where the jobs of a store may go, so that no piece is written at home while a helper reads it. */
export class StoreRoutes {
  readonly id: StoreId;
  /** What helpers are told when they first meet the store. */
  open: OpenJob;
  /** Checks that helpers do now. */
  readonly helped = new Map<JobId, CheckJob>();
  /** Jobs at home that change files. */
  changing = 0;
  /** Jobs that wait until helpers are done; once there are any, all that follow wait too. Bounded by the pool. */
  readonly held: DiskJob[] = [];
  /** A sync failed: checks must write back what they read, which only home may do. */
  #doubtful = false;

  constructor(job: Extract<DiskJob, { type: "open" }>) {
    this.id = job.store;
    this.open = sendable(job);
  }

  /** The caller begins afresh; home still remembers which files are in doubt. */
  reopen(job: Extract<DiskJob, { type: "open" }>): void {
    this.open = sendable(job);
    this.#doubtful = true;
  }

  syncFailed(): void {
    this.#doubtful = true;
  }

  get checksStayHome(): boolean {
    return this.#doubtful || this.changing > 0;
  }

  mustWait(job: DiskJob): boolean {
    switch (job.type) {
      case "open":
      case "close":
        return this.helped.size > 0;
      case "write":
      case "verify":
        for (const { first, count } of this.helped.values()) {
          if (job.piece >= first && job.piece < first + count) return true;
        }
        return false;
      default:
        return false; // reads nothing that changes
    }
  }
}

export function changesFiles(job: DiskJob): boolean {
  return job.type === "write" || job.type === "create";
}

// A copy of the digests alone: cloning a view would clone all of the torrent that it is a part of.
function sendable(job: Extract<DiskJob, { type: "open" }>): OpenJob {
  const spec = { ...job.spec, digests: job.spec.digests.slice() };
  return { ...job, spec, rootMemory: rootMemory() };
}
