import { createHash } from "node:crypto";
import { must, type Prng } from "@dure/base";
import type { DiskJob, DiskResult, StoreSpec } from "../disk.ts";

type WithoutJob<Job> = Job extends DiskJob ? Omit<Job, "job"> : never;
/** A job whose number somebody else will choose. */
export type DiskJobBody = WithoutJob<DiskJob>;

/** Gives jobs their numbers and each its result, for hosts whose results come by callback. */
export class DiskRunner {
  readonly #submit: (jobs: readonly DiskJob[]) => void;
  readonly #waiting = new Map<number, (result: DiskResult) => void>();
  #next = 1;

  constructor(submit: (jobs: readonly DiskJob[]) => void) {
    this.#submit = submit;
  }

  hear(results: readonly DiskResult[]): void {
    for (const result of results) {
      must(this.#waiting.get(result.job), "a result answers a job, once")(result);
      this.#waiting.delete(result.job);
    }
  }

  /** Results in the order of the jobs. */
  run(jobs: readonly DiskJobBody[]): Promise<DiskResult[]> {
    const numbered = jobs.map((job): DiskJob => ({ ...job, job: this.#next++ }));
    const results = numbered.map(
      ({ job }) => new Promise<DiskResult>((resolve) => this.#waiting.set(job, resolve)),
    );
    this.#submit(numbered);
    return Promise.all(results);
  }
}

export interface TestFile {
  readonly path: string;
  readonly bytes: number;
  readonly pad?: boolean;
  readonly executable?: boolean;
}

/** A store with random content, zeros in the pads, and the digests that this content has. */
export function storeOf(
  { root, files, pieceBytes }: { root: string; files: readonly TestFile[]; pieceBytes: number },
  random: Prng,
): { spec: StoreSpec; content: Buffer; fileContent: (index: number) => Buffer } {
  let offset = 0;
  const laid = files.map(({ path, bytes, pad = false, executable = false }) => {
    const file = { path: path.split("/"), bytes, offset, pad, executable };
    offset += bytes;
    return file;
  });
  const content = Buffer.from(random.bytes(offset));
  for (const file of laid) if (file.pad) content.fill(0, file.offset, file.offset + file.bytes);
  const digests: Buffer[] = [];
  for (let start = 0; start < offset; start += pieceBytes) {
    digests.push(
      createHash("sha1")
        .update(content.subarray(start, start + pieceBytes))
        .digest(),
    );
  }
  const spec = { root, files: laid, pieceBytes, totalBytes: offset, digests: Buffer.concat(digests) };
  const fileContent = (index: number) => {
    const file = must(laid[index], "the file is in the store");
    return content.subarray(file.offset, file.offset + file.bytes);
  };
  return { spec, content, fileContent };
}
