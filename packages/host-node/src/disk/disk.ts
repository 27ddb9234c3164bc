import { hash } from "node:crypto";
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { assert, at, must } from "@dure/base";
import {
  type BlockRead,
  type DiskJob,
  type DiskResult,
  type FileSpan,
  pieceState,
  type StoreId,
} from "@dure/carrier";
import { Descriptors } from "./descriptors.ts";
import { DiskError, toDiskError } from "./fault.ts";
import { readAll, writeAll } from "./file-io.ts";
import { FileReader } from "./file-reader.ts";
import type { OpenJob, WorkerJob } from "./messages.ts";
import { realFolder } from "./open-file.ts";
import { RunningHashes, ZeroDigests } from "./running-hashes.ts";
import { Store } from "./store.ts";
import { Syncer } from "./sync.ts";

type Job<Type extends DiskJob["type"]> = Extract<DiskJob, { type: Type }>;

const blockBytes = 16 * 1024;

/** Does disk jobs one after another with synchronous calls: what a worker runs. */
export class Disk {
  readonly #pool: Uint8Array;
  readonly #report: (result: DiskResult) => void;
  readonly #stores = new Map<StoreId, Store>(); // bounded by the stores the carrier opens
  readonly #retired = new Set<Promise<void>>();
  readonly #descriptors: Descriptors;
  readonly #hashes = new RunningHashes();
  readonly #zeroDigests = new ZeroDigests();
  readonly #syncer: Syncer;
  readonly #files: FileReader;
  #bytesMoved = 0;

  constructor(options: {
    pool: SharedArrayBuffer;
    filesOpenMax: number;
    report: (result: DiskResult) => void;
  }) {
    this.#pool = new Uint8Array(options.pool);
    this.#report = options.report;
    this.#descriptors = new Descriptors(options.filesOpenMax);
    this.#files = new FileReader(this.#descriptors);
    this.#syncer = new Syncer(this.#descriptors, {
      report: options.report,
      failed: (store) => this.#hashes.dropStore(store),
    });
  }

  /** Payload read, written or hashed so far: how the worker knows how long a batch has taken. */
  get bytesMoved(): number {
    return this.#bytesMoved + this.#files.bytesRead;
  }

  /** Reports exactly one result, now or (sync, close) later. */
  run(job: WorkerJob): void {
    try {
      const result = this.#do(job);
      if (result !== undefined) this.#report(result);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      const { fault, path, message } = error;
      this.#report({ type: "failed", job: job.job, fault, path, detail: message });
    }
  }

  /** Closes every store; settles when nothing runs any more. */
  async close(): Promise<void> {
    for (const store of this.#stores.values()) this.#retire(store);
    this.#stores.clear();
    await Promise.all(this.#retired);
  }

  #do(job: WorkerJob): DiskResult | undefined {
    switch (job.type) {
      case "open":
        return this.#open(job);
      case "probe":
        return this.#probe(job);
      case "create":
        return this.#create(job);
      case "write":
        return this.#write(job);
      case "verify":
        return this.#verify(job);
      case "forget":
        this.#hashes.drop(this.#store(job), job.piece);
        return { type: "done", job: job.job };
      case "read":
        return this.#read(job);
      case "check":
        return this.#check(job);
      case "sync":
        this.#sync(job);
        return undefined;
      case "close":
        return this.#close(job);
    }
  }

  #store(job: DiskJob): Store {
    return must(this.#stores.get(job.store), "a job names an open store");
  }

  #open(job: OpenJob): DiskResult {
    const before = this.#stores.get(job.store);
    const store = new Store(job.store, job.spec, job.rootMemory);
    if (before !== undefined) {
      // What was not synced is to be checked again by the caller; that check must bring it to the medium.
      const uncertain =
        before.files.length === store.files.length ? [...before.doubtful, ...before.dirty] : [];
      for (const file of uncertain) store.doubtful.add(file);
      this.#retire(before);
    }
    this.#stores.set(job.store, store);
    return { type: "done", job: job.job };
  }

  #close(job: Job<"close">): undefined {
    const store = this.#store(job);
    this.#stores.delete(job.store);
    void this.#retire(store).then(() => this.#report({ type: "done", job: job.job }));
  }

  /** Closes the files once the syncs asked for before are done. */
  #retire(store: Store): Promise<void> {
    this.#hashes.dropStore(store);
    const closed = (store.syncing ?? Promise.resolve()).then(() => {
      this.#descriptors.closeStore(store);
      this.#retired.delete(closed);
    });
    this.#retired.add(closed);
    return closed;
  }

  #probe(job: Job<"probe">): DiskResult {
    const store = this.#store(job);
    const sizes = store.files.map((file, index) => (file.pad ? null : this.#sizeOf(store, index)));
    return { type: "probed", job: job.job, sizes };
  }

  /** The length of a file by its name; null when no regular file is there. */
  #sizeOf(store: Store, index: number): number | null {
    const root = store.root.present();
    const { path } = store.file(index);
    const folder = root === undefined ? undefined : realFolder(root, path.slice(0, -1));
    if (folder === undefined) return null;
    const full = join(folder, at(path, path.length - 1));
    try {
      const stats = lstatSync(full, { throwIfNoEntry: false });
      if (stats?.isFile() !== true) return null;
      store.seen[index] = 1;
      return stats.size;
    } catch (error) {
      throw toDiskError(error, full);
    }
  }

  #create(job: Job<"create">): DiskResult {
    const store = this.#store(job);
    const files = job.files === "all" ? store.files.keys() : job.files;
    for (const file of files) if (!store.file(file).pad) this.#descriptors.get(store, file, "make");
    return { type: "done", job: job.job };
  }

  #write(job: Job<"write">): DiskResult {
    const store = this.#store(job);
    const { piece, begin, length } = job;
    assert(begin + length <= store.lengthOf(piece), "a write ends with its piece");
    const spans = store.layout.spans(store.offsetOf(piece) + begin, length);
    this.#hashes.beforeWrite(store, piece, begin);
    let memory = job.memory;
    for (const span of spans) {
      if (!span.pad) {
        const descriptor = this.#descriptors.get(store, span.file, "make");
        store.dirty.add(span.file); // before the attempt: half a write is a write
        writeAll(descriptor, { memory: this.#pool, at: memory, length: span.length, offset: span.offset });
      }
      memory += span.length;
    }
    const bytes = this.#pool.subarray(job.memory, memory);
    this.#hashes.afterWrite(store, { piece, begin, bytes, spans });
    this.#bytesMoved += length;
    return { type: "done", job: job.job };
  }

  #verify(job: Job<"verify">): DiskResult {
    const store = this.#store(job);
    const running = this.#hashes.take(store, job.piece);
    if (job.blocks) return this.#verifyBlocks(job, store);
    const rest = store.dataSpans(job.piece, running.next);
    this.#files.read(store, rest, (bytes) => running.hash.update(bytes));
    const good = store.digestMatches(job.piece, running.hash.digest());
    return { type: "verified", job: job.job, good, blocks: null };
  }

  #verifyBlocks(job: Job<"verify">, store: Store): DiskResult {
    const whole = store.newHash(job.piece);
    const length = store.lengthOf(job.piece);
    const hashed = store.dataLength(job.piece); // with SHA-1 all of it
    const blocks = Buffer.allocUnsafeSlow(Math.ceil(length / blockBytes) * 20);
    const block = Buffer.allocUnsafeSlow(blockBytes);
    for (let begin = 0; begin < length; begin += blockBytes) {
      const count = Math.min(blockBytes, length - begin);
      let filled = 0;
      this.#files.read(store, store.layout.spans(store.offsetOf(job.piece) + begin, count), (bytes) => {
        block.set(bytes, filled);
        filled += bytes.length;
      });
      const bytes = block.subarray(0, count);
      blocks.set(hash("sha1", bytes, "buffer"), (begin / blockBytes) * 20);
      whole.update(bytes.subarray(0, Math.max(0, hashed - begin)));
    }
    const good = store.digestMatches(job.piece, whole.digest());
    return { type: "verified", job: job.job, good, blocks };
  }

  #read(job: Job<"read">): DiskResult {
    const store = this.#store(job);
    for (const run of joined(job.blocks)) {
      assert(run.begin + run.length <= store.lengthOf(run.piece), "a read ends with its piece");
      const spans = store.layout.spans(store.offsetOf(run.piece) + run.begin, run.length);
      let memory = run.memory;
      for (const span of spans) {
        if (span.pad) this.#pool.fill(0, memory, memory + span.length);
        else {
          const descriptor = this.#descriptors.get(store, span.file, "read");
          readAll(descriptor, { memory: this.#pool, at: memory, length: span.length, offset: span.offset });
        }
        memory += span.length;
      }
      this.#bytesMoved += run.length;
    }
    return { type: "done", job: job.job };
  }

  #check(job: Job<"check">): DiskResult {
    const store = this.#store(job);
    const states = new Uint8Array(job.count);
    const sizes = new Map<number, number | null>(); // of the files of this job
    const reaches = ({ file, offset, length, pad }: FileSpan): boolean => {
      if (pad) return true;
      if (!sizes.has(file)) sizes.set(file, this.#sizeOf(store, file));
      return (sizes.get(file) ?? -1) >= offset + length;
    };
    for (let index = 0; index < job.count; index += 1) {
      const piece = job.first + index;
      const spans = store.layout.spans(store.offsetOf(piece), store.lengthOf(piece));
      states[index] = spans.every(reaches) ? this.#checkPiece(store, piece, spans) : pieceState.missing;
    }
    return { type: "checked", job: job.job, states };
  }

  #sync(job: Job<"sync">): void {
    const store = this.#store(job);
    for (const piece of job.alien ?? []) {
      const spans = store.layout.spans(store.offsetOf(piece), store.lengthOf(piece));
      for (const { file, pad } of spans) if (!pad) store.dirty.add(file);
    }
    this.#syncer.request(store, job.job);
  }

  #checkPiece(store: Store, piece: number, spans: readonly FileSpan[]): number {
    const whole = store.newHash(piece);
    this.#files.read(store, store.merkle ? store.dataSpans(piece) : spans, (bytes) => whole.update(bytes));
    const digest = whole.digest();
    if (store.digestMatches(piece, digest)) return pieceState.good;
    return this.#zeroDigests.isZeros(digest, store, piece) ? pieceState.missing : pieceState.bad;
  }
}

/** Blocks that follow each other both on disk and in memory, as one. */
function joined(blocks: readonly BlockRead[]): BlockRead[] {
  const runs: BlockRead[] = [];
  for (const block of blocks) {
    const last = runs.at(-1);
    const follows =
      last?.piece === block.piece &&
      last.begin + last.length === block.begin &&
      last.memory + last.length === block.memory;
    if (last !== undefined && follows)
      runs[runs.length - 1] = { ...last, length: last.length + block.length };
    else runs.push(block);
  }
  return runs;
}
