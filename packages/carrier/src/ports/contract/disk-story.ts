import assert, { deepEqual, equal } from "node:assert/strict";
import { Prng } from "@dure/base";
import type { DiskResult, StoreSpec } from "../disk.ts";
import { type DiskJobBody, storeOf, type TestFile } from "./disk-runner.ts";

const kib = 1024;

/** A host's disk, and a look at it from outside. */
export interface DiskUnderTest {
  /** A folder of its own for this disk, which is there and empty. */
  readonly root: string;
  /** The memory that jobs name. */
  readonly pool: Uint8Array;
  /** Does the jobs as one submission; results in the order of the jobs. */
  run(jobs: readonly DiskJobBody[]): Promise<readonly DiskResult[]>;
  /** Writes a file below the root, with its folders, as another program would. */
  put(path: string, bytes: Uint8Array): void;
  /** The bytes of a file below the root; undefined when there is none. */
  get(path: string): Uint8Array | undefined;
  /** Removes a file or folder below the root; "" is the root itself. */
  erase(path: string): void;
  close(): Promise<void>;
}

/** One store on one disk, and what the tests say about it. */
export class Story {
  readonly disk: DiskUnderTest;
  store: ReturnType<typeof storeOf>;
  #files: readonly TestFile[] = [];

  constructor(disk: DiskUnderTest) {
    this.disk = disk;
    this.store = storeOf({ root: disk.root, files: [], pieceBytes: 1 }, new Prng(1));
  }

  async open(files: readonly TestFile[], pieceBytes = 32 * kib, random = new Prng(1)): Promise<void> {
    this.#files = files;
    this.store = storeOf({ root: this.disk.root, files, pieceBytes }, random);
    await this.reopen();
  }

  reopen(): Promise<void> {
    return this.done({ type: "open", store: 1, spec: this.store.spec });
  }

  get piecesCount(): number {
    return this.#spec.digests.length / 20;
  }

  pieceLength(piece: number): number {
    return Math.min(this.#spec.pieceBytes, this.#spec.totalBytes - piece * this.#spec.pieceBytes);
  }

  file(index: number): TestFile {
    const file = this.#files[index];
    assert(file !== undefined);
    return file;
  }

  content(offset: number, length: number): Buffer {
    return this.store.content.subarray(offset, offset + length);
  }

  pool(offset: number, length: number): Buffer {
    return Buffer.from(this.disk.pool.slice(offset, offset + length));
  }

  putAll(): void {
    for (const [index, file] of this.#files.entries()) {
      if (file.pad !== true) this.disk.put(file.path, this.store.fileContent(index));
    }
  }

  /** The result without its number. */
  async one(job: DiskJobBody) {
    const [result] = await this.disk.run([job]);
    assert(result !== undefined);
    const { job: _number, ...rest } = result;
    return rest;
  }

  async done(job: DiskJobBody): Promise<void> {
    deepEqual(await this.one(job), { type: "done" });
  }

  async fault(job: DiskJobBody): Promise<string> {
    const result = await this.one(job);
    return result.type === "failed" ? result.fault : result.type;
  }

  /** A descriptor that is still open hides that its file has gone; the sync tells then. */
  async faultOfWriteAndSync(piece: number): Promise<string> {
    this.disk.pool.set(this.content(piece * 32 * kib, this.pieceLength(piece)), 0);
    const written = await this.fault({
      type: "write",
      store: 1,
      piece,
      begin: 0,
      length: this.pieceLength(piece),
      memory: 0,
    });
    return written === "done" ? this.fault({ type: "sync", store: 1 }) : written;
  }

  write(run: { piece: number; begin: number; length: number; memory: number }): Promise<void> {
    return this.done({ type: "write", store: 1, ...run });
  }

  /** Writes right bytes, from somewhere in the pool. */
  writeRange(piece: number, begin: number, length: number): Promise<void> {
    const memory = 128 * kib + begin;
    this.disk.pool.set(this.content(piece * this.#spec.pieceBytes + begin, length), memory);
    return this.write({ piece, begin, length, memory });
  }

  /** Writes a right piece in runs of these lengths; the last ends with the piece. */
  async writePiece(piece: number, runs: readonly number[]): Promise<void> {
    let begin = 0;
    for (const run of runs) {
      const length = Math.min(run, this.pieceLength(piece) - begin);
      if (length > 0) await this.writeRange(piece, begin, length);
      begin += length;
    }
  }

  async verify(piece: number): Promise<boolean> {
    const result = await this.one({ type: "verify", store: 1, piece, blocks: false });
    assert(result.type === "verified", `verify: ${JSON.stringify(result)}`);
    equal(result.blocks, null);
    return result.good;
  }

  async check(first: number, count: number): Promise<number[]> {
    const result = await this.one({ type: "check", store: 1, first, count });
    assert(result.type === "checked", `check: ${JSON.stringify(result)}`);
    return [...result.states];
  }

  get #spec(): StoreSpec {
    return this.store.spec;
  }
}
