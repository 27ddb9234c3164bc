import { createHash } from "node:crypto";
import { type DiskFault, type DiskJob, type DiskResult, pieceState } from "../ports/index.ts";

const blockBytes = 16_384;

/** A disk of one store in memory: tests hold its answers back, make it refuse, or kill it. */
export class FakeDisk {
  readonly bytes: Uint8Array;
  readonly pool: Uint8Array;
  readonly pieceBytes: number;
  readonly digests: Uint8Array;
  /** Sizes that a probe finds; null where there is no file. */
  sizes: (number | null)[];
  fault: ((job: DiskJob) => DiskFault | undefined) | undefined;
  /** Jobs that wait until the test lets them go. */
  hold: ((job: DiskJob) => boolean) | undefined;
  readonly held: DiskJob[] = [];
  readonly log: DiskJob[] = [];

  constructor(shape: {
    totalBytes: number;
    pieceBytes: number;
    pool: Uint8Array;
    digests: Uint8Array;
    files?: number;
  }) {
    this.bytes = new Uint8Array(shape.totalBytes);
    this.pieceBytes = shape.pieceBytes;
    this.pool = shape.pool;
    this.digests = shape.digests;
    this.sizes = new Array<number | null>(shape.files ?? 1).fill(null);
  }

  /** The answers that are ready now. */
  submit(jobs: readonly DiskJob[]): DiskResult[] {
    return jobs.flatMap((job) => {
      this.log.push(job);
      if (this.hold?.(job) !== true && !this.#waits(job)) return [this.#do(job)];
      this.held.push(job);
      return [];
    });
  }

  /** Jobs that name the same piece are done in the order given. */
  #waits(job: DiskJob): boolean {
    return "piece" in job && this.held.some((earlier) => "piece" in earlier && earlier.piece === job.piece);
  }

  release(count: number = this.held.length): DiskResult[] {
    return this.held.splice(0, count).map((job) => this.#do(job));
  }

  pieceOf(piece: number): Uint8Array {
    return this.bytes.subarray(piece * this.pieceBytes, (piece + 1) * this.pieceBytes);
  }

  isRight(piece: number): boolean {
    const digest = createHash("sha1").update(this.pieceOf(piece)).digest();
    return digest.equals(this.digests.subarray(piece * 20, piece * 20 + 20));
  }

  #do(job: DiskJob): DiskResult {
    const fault = this.fault?.(job);
    if (fault !== undefined)
      return { type: "failed", job: job.job, fault, path: "sample", detail: "as told" };
    switch (job.type) {
      case "probe":
        return { type: "probed", job: job.job, sizes: this.sizes };
      case "write":
        this.bytes.set(
          this.pool.subarray(job.memory, job.memory + job.length),
          job.piece * this.pieceBytes + job.begin,
        );
        return { type: "done", job: job.job };
      case "verify": {
        const blocks: Buffer[] = [];
        const bytes = this.pieceOf(job.piece);
        for (let at = 0; at < bytes.length; at += blockBytes)
          blocks.push(
            createHash("sha1")
              .update(bytes.subarray(at, at + blockBytes))
              .digest(),
          );
        const good = this.isRight(job.piece);
        return { type: "verified", job: job.job, good, blocks: job.blocks ? Buffer.concat(blocks) : null };
      }
      case "check": {
        const states = Array.from({ length: job.count }, (_, index) => this.#stateOf(job.first + index));
        return { type: "checked", job: job.job, states: Uint8Array.from(states) };
      }
      case "read":
        for (const { piece, begin, length, memory } of job.blocks)
          this.pool.set(this.pieceOf(piece).subarray(begin, begin + length), memory);
        return { type: "done", job: job.job };
      default:
        return { type: "done", job: job.job };
    }
  }

  #stateOf(piece: number): number {
    if (this.isRight(piece)) return pieceState.good;
    return this.pieceOf(piece).every((byte) => byte === 0) ? pieceState.missing : pieceState.bad;
  }
}
