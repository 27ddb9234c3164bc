import { assert } from "@dure/base";

/** Where bytes are on their way from the network to where a killed process leaves them. */
export type ExposureStage =
  | "gathered" // in memory
  | "writing" // given to the disk
  | "written" // on disk, but the journal does not say so
  | "journalling"; // the journal was told, and has not answered

/** Above these blocks are written, or journalled, although more could be gathered first. */
const gatheredMost = 3 << 20;
const writtenMost = 6 << 20;
/** Above the first reading stops, below the second it goes on. What is being written is memory, too. */
const stop = { exposed: 12 << 20, writing: 6 << 20 } as const;
const go = { exposed: 8 << 20, writing: 3 << 20 } as const;
/** What torrents whose disk works have for themselves, however much waits for disks that do not. */
const reserved = 3 << 20;

/** One torrent's part. */
export interface ExposureShare {
  readonly bytes: number;
  /** Nothing more should come in. */
  readonly congested: boolean;
  /** More may come in again. */
  readonly relieved: boolean;
  enter(stage: ExposureStage, bytes: number): void;
  move(bytes: number, from: ExposureStage, to: ExposureStage): void;
  leave(stage: ExposureStage, bytes: number): void;
  /** Gives up all of it; later news is not counted. */
  close(): void;
  /** The disk refuses what is given to it, for the time being. */
  stuck: boolean;
}

const stages = ["gathered", "writing", "written", "journalling"] as const;

export interface ShareOptions {
  /** Gives what is gathered to the disk. */
  readonly write: () => void;
  readonly journal: () => void;
}

/**
 * What a killed process would have to download again, of all torrents together. It stays under 16 MiB: reading stops at
 * twelve, or at fifteen when a disk refuses writes, and what comes in after that is the rest of a chunk.
 */
export class Exposure {
  readonly #stages = { gathered: 0, writing: 0, written: 0, journalling: 0 };
  readonly #active = new Set<Share>(); // shares with bytes: bounded by the torrents

  #bytes = 0;
  /** Of torrents that are stuck. */
  #stuckBytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  share(options: ShareOptions): ExposureShare {
    return new Share(this, options);
  }

  // ---- for shares

  changed(share: Share, stage: ExposureStage, bytes: number): void {
    this.#stages[stage] += bytes;
    this.#bytes += bytes;
    if (share.stuck) this.#stuckBytes += bytes;
    if (share.bytes > 0) this.#active.add(share);
    else this.#active.delete(share);
    if (bytes < 0) return;
    if (stage === "gathered" && this.#stages.gathered > gatheredMost)
      for (const { options } of [...this.#active]) options.write();
    if (stage === "written" && this.#stages.written >= writtenMost)
      for (const { options } of [...this.#active]) options.journal();
  }

  stuckChanged(share: Share): void {
    this.#stuckBytes += share.stuck ? share.bytes : -share.bytes;
  }

  above(share: Share, bound: typeof stop | typeof go): boolean {
    if (share.stuck) return this.#bytes > bound.exposed;
    if (this.#stages.writing - this.#stuckBytes > bound.writing) return true;
    return this.#bytes - this.#stuckBytes > Math.max(reserved, bound.exposed - this.#stuckBytes);
  }
}

class Share implements ExposureShare {
  readonly options: ShareOptions;
  readonly #whole: Exposure;
  readonly #stages = { gathered: 0, writing: 0, written: 0, journalling: 0 };
  #stuck = false;
  #closed = false;
  bytes = 0;

  constructor(whole: Exposure, options: ShareOptions) {
    this.#whole = whole;
    this.options = options;
  }

  get stuck(): boolean {
    return this.#stuck;
  }

  set stuck(stuck: boolean) {
    if (stuck === this.#stuck) return;
    this.#stuck = stuck;
    this.#whole.stuckChanged(this);
  }

  get congested(): boolean {
    return this.#whole.above(this, stop);
  }

  get relieved(): boolean {
    return !this.#whole.above(this, go);
  }

  enter(stage: ExposureStage, bytes: number): void {
    this.#change(stage, bytes);
  }

  move(bytes: number, from: ExposureStage, to: ExposureStage): void {
    this.#change(from, -bytes);
    this.#change(to, bytes);
  }

  leave(stage: ExposureStage, bytes: number): void {
    this.#change(stage, -bytes);
  }

  close(): void {
    for (const stage of stages) this.leave(stage, this.#stages[stage]);
    this.#closed = true;
  }

  #change(stage: ExposureStage, bytes: number): void {
    if (this.#closed || bytes === 0) return;
    this.#stages[stage] += bytes;
    this.bytes += bytes;
    assert(this.#stages[stage] >= 0, "bytes leave where they entered");
    this.#whole.changed(this, stage, bytes);
  }
}
