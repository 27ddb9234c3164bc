import { assert, type Ms, ms, must, type Prng } from "@dure/base";
import { type BlockRead, type DiskJob, type DiskResult, pieceState, type StoreId } from "@dure/carrier";
import type { Clock } from "../time/index.ts";
import { blockDigests, OpenStore } from "./open-store.ts";
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

type Job<Type> = Extract<DiskJob, { type: Type }>;
type Body = DiskResult extends infer Result
  ? Result extends DiskResult
    ? Omit<Result, "job">
    : never
  : never;

const done = { type: "done" } as const;
const seekMost = 2;
const syncMost = 30;

/**
 * The disk port of one process on a simulated machine: jobs are really done, on the machine's volume, each at its time.
 * Jobs that name the same piece are done in order, the others as the lot falls.
 */
export class SimDisk {
  readonly #options: SimDiskOptions;
  readonly #stores = new Map<StoreId, OpenStore>(); // bounded by the torrents
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
        assert(job.spec.hash === undefined, "the simulated disk hashes with SHA-1 only");
        this.#stores.set(job.store, new OpenStore(this.#options.volume, job.spec));
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

  #store(id: StoreId): OpenStore {
    return must(this.#stores.get(id), "a job names an open store");
  }

  // ---- what jobs do

  #probe(store: OpenStore): Body {
    this.#mayFail(store.spec.root);
    store.present();
    const sizes = store.spec.files.map(({ pad }, index) => {
      return pad ? null : (store.existing(index)?.length ?? null);
    });
    return { type: "probed", sizes };
  }

  #create(store: OpenStore, files: readonly number[] | "all"): Body {
    this.#mayFail(store.spec.root);
    store.present();
    const wanted = new Set(files === "all" ? store.files : files);
    for (const index of store.files) if (wanted.has(index)) store.fileFor(index);
    return done;
  }

  #write(store: OpenStore, job: Job<"write">): Body {
    store.present();
    const bytes = this.#options.pool.subarray(job.memory, job.memory + job.length);
    const fails = this.#options.volume.operationFails();
    let at = 0;
    for (const span of store.layout.spans(store.offsetOf(job.piece) + job.begin, job.length)) {
      const part = bytes.subarray(at, at + span.length);
      at += span.length;
      if (span.pad) continue;
      const path = store.path(span.file);
      const file = store.fileFor(span.file);
      // A write that fails may have stored the beginning.
      const stored = fails ? part.subarray(0, this.#options.prng.below(part.length)) : part;
      this.#options.volume.write(path, file, span.offset, stored);
      if (fails) throw new VolumeError("io", path);
    }
    return done;
  }

  #read(store: OpenStore, job: Job<"read">): Body {
    this.#mayFail(store.spec.root);
    store.present();
    for (const block of job.blocks) {
      const bytes = this.#options.pool.subarray(block.memory, block.memory + block.length);
      store.load(store.offsetOf(block.piece) + block.begin, bytes);
      this.#options.twist?.served?.(block, bytes);
    }
    return done;
  }

  #verify(store: OpenStore, job: Job<"verify">): Body {
    this.#mayFail(store.spec.root);
    store.present();
    const bytes = store.loadPiece(job.piece);
    const right = store.matches(job.piece, bytes);
    const good = this.#options.twist?.verdict?.(job.piece, right) ?? right;
    return { type: "verified", good, blocks: job.blocks ? blockDigests(bytes) : null };
  }

  #check(store: OpenStore, job: Job<"check">): Body {
    this.#mayFail(store.spec.root);
    store.present();
    const states = Array.from({ length: job.count }, (_, index) => stateOf(store, job.first + index));
    return { type: "checked", states: Uint8Array.from(states) };
  }

  #sync(store: OpenStore, epoch: number): Body {
    const { volume } = this.#options;
    if (volume.operationFails()) {
      for (const index of store.files) store.existing(index)?.syncFailed();
      throw new VolumeError("io", store.spec.root);
    }
    store.present();
    for (const index of store.files)
      if (store.existing(index) !== undefined) volume.synced(store.path(index), epoch);
    return done;
  }

  #mayFail(path: string): void {
    if (this.#options.volume.operationFails()) throw new VolumeError("io", path);
  }
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

function stateOf(store: OpenStore, piece: number): number {
  try {
    const bytes = store.loadPiece(piece);
    if (store.matches(piece, bytes)) return pieceState.good;
    return bytes.every((byte) => byte === 0) ? pieceState.missing : pieceState.bad;
  } catch (error) {
    if (error instanceof VolumeError && error.fault === "missing") return pieceState.missing;
    throw error;
  }
}
