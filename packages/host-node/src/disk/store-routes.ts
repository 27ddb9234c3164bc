import type { DiskJob, JobId, StoreId } from "@dure/carrier";
import type { OpenJob } from "./messages.ts";
import { rootMemory } from "./root.ts";

export type CheckJob = Extract<DiskJob, { type: "check" }>;

/** Where the jobs of a store may go, so that no piece is written at home while a helper reads it. */
export class StoreRoutes {
  readonly id: StoreId;
  #opening: Omit<OpenJob, "job">;
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
    this.#opening = { ...job, rootMemory: rootMemory() };
  }

  /** The caller begins afresh; home still remembers which files are in doubt. */
  reopen(job: Extract<DiskJob, { type: "open" }>): void {
    this.#opening = { ...job, rootMemory: rootMemory() };
    this.#doubtful = true;
  }

  /** What a worker is told of the store. */
  openJob(job: JobId): OpenJob {
    // A copy of the digests, not kept: cloning a view would clone all of the torrent that it is a part of.
    const spec = { ...this.#opening.spec, digests: this.#opening.spec.digests.slice() };
    return { ...this.#opening, spec, job };
  }

  get pieceBytes(): number {
    return this.#opening.spec.pieceBytes;
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
