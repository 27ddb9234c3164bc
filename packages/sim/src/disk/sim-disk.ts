import { createHash } from "node:crypto";
import { assert, type Ms, ms, must, type Prng } from "@dure/base";
import {
  type BlockRead,
  type DiskJob,
  type DiskResult,
  FileLayout,
  pieceState,
  type StoreFile,
  type StoreId,
  type StoreSpec,
} from "@dure/carrier";
import type { Clock } from "../time/index.ts";
import type { DiskFile } from "./disk-file.ts";
import { type Volume, VolumeError } from "./volume.ts";

export interface SimDiskOptions {
  readonly clock: Clock;
  readonly volume: Volume;
  /** The memory that jobs name. */
  readonly pool: Uint8Array;
  readonly prng: Prng;
  readonly bytesPerSecond?: number;
  readonly twist?: DiskTwist;
  readonly onResults: (results: readonly DiskResult[]) => void;
}

/** How a disk lies, for peers that lie and for bugs that are planted. */
export interface DiskTwist {
  /** A block that was read, before its reader sees it. */
  readonly served?: (block: BlockRead, bytes: Uint8Array) => void;
  /** The verdict that is told instead of the true one. */
  readonly verdict?: (piece: number, good: boolean) => boolean;
}

interface Store {
  readonly id: StoreId;
  readonly spec: StoreSpec;
  readonly layout: FileLayout;
  /** The folder that the root was when the store was opened, or became when the store made it. */
  root: number | undefined;
  /** Files that were there once. */
  readonly seen: Map<number, number>;
}

type Job<Type> = Extract<DiskJob, { type: Type }>;
type Body = DiskResult extends infer Result
  ? Result extends DiskResult
    ? Omit<Result, "job">
    : never
  : never;

const done = { type: "done" } as const;
const blockBytes = 16_384;
const seekMost = 2;
const syncMost = 30;

/**
 * The disk port of one process on a simulated machine: jobs are really done, on the machine's volume, each at its time.
 * Jobs that name the same piece are done in order, the others as the lot falls.
 */
export class SimDisk {
  readonly #options: SimDiskOptions;
  readonly #stores = new Map<StoreId, Store>(); // bounded by the torrents
  /** When the last job of a piece, or of the whole store, is done. */
  readonly #piecesDone = new Map<string, Ms>(); // bounded by the jobs under way
  readonly #storesDone = new Map<StoreId, Ms>();
  /** When the last opening or closing of a store is done: what comes after waits for it. */
  readonly #barriers = new Map<StoreId, Ms>();
  #lineFree = ms(0);
  #open = true;

  constructor(options: SimDiskOptions) {
    this.#options = options;
  }

  submit(jobs: readonly DiskJob[]): void {
    for (const job of jobs) this.#plan(job);
  }

  /** The process ends: jobs that have not been done never are. */
  close(): void {
    this.#open = false;
  }

  #plan(job: DiskJob): void {
    const { clock, volume } = this.#options;
    const epoch = job.type === "sync" ? volume.beginSync() : 0;
    const names = piecesOf(job).map((piece) => `${job.store}/${piece}`);
    const at = this.#time(job, names);
    for (const name of names) this.#piecesDone.set(name, at);
    this.#storesDone.set(job.store, ms(Math.max(at, this.#storesDone.get(job.store) ?? 0)));
    if (job.type === "open" || job.type === "close") this.#barriers.set(job.store, at);
    clock.at(at, () => {
      if (!this.#open) return;
      for (const name of names) if (this.#piecesDone.get(name) === at) this.#piecesDone.delete(name);
      const result = this.#try(job, epoch);
      this.#options.onResults([{ ...result, job: job.job } as DiskResult]); // the spread restores what `Body` took
    });
  }

  /** Jobs wait for those of the same pieces; opening and closing for all of the store; bytes for the disk. */
  #time(job: DiskJob, names: readonly string[]): Ms {
    const { clock, volume, prng, bytesPerSecond = 200e6 } = this.#options;
    let start = Math.max(clock.now, this.#barriers.get(job.store) ?? 0);
    if (job.type === "open" || job.type === "close")
      start = Math.max(start, this.#storesDone.get(job.store) ?? 0);
    for (const name of names) start = Math.max(start, this.#piecesDone.get(name) ?? 0);
    const seek = prng.float() * (job.type === "sync" ? syncMost : seekMost) * volume.slowness;
    this.#lineFree = ms(
      Math.max(this.#lineFree, clock.now) + (this.#bytesOf(job) * 1000 * volume.slowness) / bytesPerSecond,
    );
    return ms(Math.max(start, this.#lineFree) + seek);
  }

  #bytesOf(job: DiskJob): number {
    const pieceBytes = this.#stores.get(job.store)?.spec.pieceBytes ?? 0;
    switch (job.type) {
      case "write":
        return job.length;
      case "read":
        return job.blocks.reduce((sum, block) => sum + block.length, 0);
      case "verify":
        return pieceBytes;
      case "check":
        return pieceBytes * job.count;
      default:
        return 0;
    }
  }

  #try(job: DiskJob, epoch: number): Body {
    try {
      return this.#do(job, epoch);
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      return { type: "failed", fault: error.fault, path: error.path, detail: error.message };
    }
  }

  #do(job: DiskJob, epoch: number): Body {
    switch (job.type) {
      case "open":
        this.#stores.set(job.store, this.#openStore(job.store, job.spec));
        return done;
      case "close":
        this.#stores.delete(job.store);
        return done;
      case "forget":
        return done; // a verdict here always reads what is stored
      case "probe":
        return this.#probe(this.#store(job.store));
      case "create":
        return this.#create(this.#store(job.store), job.files);
      case "write":
        return this.#write(this.#store(job.store), job);
      case "read":
        return this.#read(this.#store(job.store), job);
      case "verify":
        return this.#verify(this.#store(job.store), job);
      case "check":
        return this.#check(this.#store(job.store), job);
      case "sync":
        return this.#sync(this.#store(job.store), epoch);
    }
  }

  #openStore(id: StoreId, spec: StoreSpec): Store {
    const layout = new FileLayout(spec.files);
    assert(layout.totalBytes === spec.totalBytes, "files and total agree");
    return { id, spec, layout, root: this.#options.volume.folder(spec.root), seen: new Map() };
  }

  #store(id: StoreId): Store {
    return must(this.#stores.get(id), "a job names an open store");
  }

  // ---- what jobs do

  #probe(store: Store): Body {
    this.#mayFail(store.spec.root);
    this.#present(store);
    const sizes = store.spec.files.map(({ pad }, index) => {
      return pad ? null : (this.#existing(store, index)?.length ?? null);
    });
    return { type: "probed", sizes };
  }

  #create(store: Store, files: readonly number[] | "all"): Body {
    this.#mayFail(store.spec.root);
    this.#present(store);
    const all = files === "all" ? store.spec.files.keys() : files;
    for (const index of all) if (store.spec.files[index]?.pad === false) this.#fileFor(store, index);
    return done;
  }

  #write(store: Store, job: Job<"write">): Body {
    this.#present(store);
    const bytes = this.#options.pool.subarray(job.memory, job.memory + job.length);
    const fails = this.#options.volume.operationFails();
    let at = 0;
    for (const span of store.layout.spans(job.piece * store.spec.pieceBytes + job.begin, job.length)) {
      const part = bytes.subarray(at, at + span.length);
      at += span.length;
      if (span.pad) continue;
      const path = pathOf(store, span.file);
      const file = this.#fileFor(store, span.file);
      // A write that fails may have stored the beginning.
      const stored = fails ? part.subarray(0, this.#options.prng.below(part.length)) : part;
      this.#options.volume.write(path, file, span.offset, stored);
      if (fails) throw new VolumeError("io", path);
    }
    return done;
  }

  #read(store: Store, job: Job<"read">): Body {
    this.#mayFail(store.spec.root);
    this.#present(store);
    for (const block of job.blocks) {
      const bytes = this.#options.pool.subarray(block.memory, block.memory + block.length);
      this.#load(store, block.piece * store.spec.pieceBytes + block.begin, bytes);
      this.#options.twist?.served?.(block, bytes);
    }
    return done;
  }

  #verify(store: Store, job: Job<"verify">): Body {
    this.#mayFail(store.spec.root);
    this.#present(store);
    const bytes = new Uint8Array(pieceLengthOf(store, job.piece));
    this.#load(store, job.piece * store.spec.pieceBytes, bytes);
    this.#writeBack(store, job.piece, bytes.length);
    const right = matches(store, job.piece, bytes);
    const good = this.#options.twist?.verdict?.(job.piece, right) ?? right;
    return { type: "verified", good, blocks: job.blocks ? blockDigests(bytes) : null };
  }

  #check(store: Store, job: Job<"check">): Body {
    this.#mayFail(store.spec.root);
    this.#present(store);
    const states = new Uint8Array(job.count);
    for (let index = 0; index < job.count; index += 1)
      states[index] = this.#stateOf(store, job.first + index);
    return { type: "checked", states };
  }

  #stateOf(store: Store, piece: number): number {
    const bytes = new Uint8Array(pieceLengthOf(store, piece));
    try {
      this.#load(store, piece * store.spec.pieceBytes, bytes);
    } catch (error) {
      if (error instanceof VolumeError && error.fault === "missing") return pieceState.missing;
      throw error;
    }
    this.#writeBack(store, piece, bytes.length);
    if (matches(store, piece, bytes)) return pieceState.good;
    return bytes.every((byte) => byte === 0) ? pieceState.missing : pieceState.bad;
  }

  #sync(store: Store, epoch: number): Body {
    const { volume } = this.#options;
    const files = store.spec.files.flatMap(({ pad }, index) => (pad ? [] : [index]));
    if (volume.operationFails()) {
      for (const index of files) this.#existing(store, index)?.syncFailed();
      throw new VolumeError("io", store.spec.root);
    }
    this.#present(store);
    for (const index of files)
      if (this.#existing(store, index) !== undefined) volume.synced(pathOf(store, index), epoch);
    return done;
  }

  // ---- files

  #mayFail(path: string): void {
    if (this.#options.volume.operationFails()) throw new VolumeError("io", path);
  }

  /** The root must be the folder it was; one that never was there may come to be. */
  #present(store: Store): void {
    const seen = this.#options.volume.folder(store.spec.root);
    if (store.root === undefined) store.root = seen;
    else if (seen !== store.root) throw new VolumeError("missing", store.spec.root);
  }

  /** A file that was there once and has gone is a fault. */
  #existing(store: Store, index: number): DiskFile | undefined {
    const path = pathOf(store, index);
    const file = this.#options.volume.file(path);
    const known = store.seen.get(index);
    if (known !== undefined && file?.inode !== known) throw new VolumeError("missing", path);
    if (file !== undefined) store.seen.set(index, file.inode);
    return file;
  }

  #fileFor(store: Store, index: number): DiskFile {
    const existing = this.#existing(store, index);
    if (existing !== undefined) return existing;
    const { volume } = this.#options;
    volume.makeFolder(store.spec.root);
    this.#present(store);
    const file = volume.makeFile(pathOf(store, index));
    store.seen.set(index, file.inode);
    return file;
  }

  #load(store: Store, offset: number, into: Uint8Array): void {
    let at = 0;
    for (const span of store.layout.spans(offset, into.length)) {
      const part = into.subarray(at, at + span.length);
      at += span.length;
      if (span.pad) {
        part.fill(0);
        continue;
      }
      const file = this.#existing(store, span.file);
      if (file === undefined || file.length < span.offset + span.length)
        throw new VolumeError("missing", pathOf(store, span.file));
      part.set(file.read(span.offset, span.offset + span.length));
    }
  }

  #writeBack(store: Store, piece: number, length: number): void {
    for (const span of store.layout.spans(piece * store.spec.pieceBytes, length))
      if (!span.pad) this.#existing(store, span.file)?.writtenBack(span.offset, span.offset + span.length);
  }
}

export function pathOf(
  store: { readonly spec: Pick<StoreSpec, "root"> & { readonly files: readonly Pick<StoreFile, "path">[] } },
  index: number,
): string {
  const file = must(store.spec.files[index], "the file is in the store");
  return [store.spec.root, ...file.path].join("/");
}

function piecesOf(job: DiskJob): number[] {
  switch (job.type) {
    case "write":
    case "verify":
    case "forget":
      return [job.piece];
    case "read":
      return [...new Set(job.blocks.map((block) => block.piece))];
    case "check":
      return Array.from({ length: job.count }, (_, index) => job.first + index);
    default:
      return [];
  }
}

function pieceLengthOf({ spec }: Store, piece: number): number {
  return Math.min(spec.pieceBytes, spec.totalBytes - piece * spec.pieceBytes);
}

function matches({ spec }: Store, piece: number, bytes: Uint8Array): boolean {
  return (
    createHash("sha1")
      .update(bytes)
      .digest()
      .compare(spec.digests, piece * 20, piece * 20 + 20) === 0
  );
}

function blockDigests(bytes: Uint8Array): Uint8Array {
  const digests = new Uint8Array(Math.ceil(bytes.length / blockBytes) * 20);
  for (let block = 0; block * blockBytes < bytes.length; block += 1) {
    const part = bytes.subarray(block * blockBytes, (block + 1) * blockBytes);
    digests.set(createHash("sha1").update(part).digest(), block * 20);
  }
  return digests;
}
