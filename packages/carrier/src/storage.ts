import { assert, type Bitfield, earliest, type Ms, ms, must, type UnixMs } from "@dure/base";
import type { BlockSpan, Info } from "@dure/protocol";
import { pieceLength } from "@dure/protocol";
import { Assembly, type Landing, type RunWrite } from "./assembly.ts";
import type { Desk } from "./desk.ts";
import type { Pool } from "./pool.ts";
import { type DiskResult, pieceState, type StoreId, type TorrentKey } from "./ports/index.ts";
import { storeSpec } from "./store-spec.ts";

/** Arrived bytes that are not on disk yet: written in parts rather than lost with the process. */
const unwrittenMax = 3 << 20;
/** Bytes given to the disk and not taken: above the first reading stops, below the second it goes on. */
const backlogMost = 6 << 20;
const backlogLeast = 3 << 20;
/** Progress that the journal does not know. The three together are what a killed process downloads again: under 16 MiB. */
const journalBytes = 3 << 20;
const journalWait = ms(1000);
/** Verified pieces wait this long for a sync: each one costs the disk a flush. */
const syncWait = ms(5000);
const retryFirst = ms(1000);
const retryMost = ms(15_000);

type Failed = Extract<DiskResult, { type: "failed" }>;

/** What becomes of the storage, for whoever owns it. */
export type StorageEvent =
  | {
      readonly type: "verified";
      readonly piece: number;
      readonly good: boolean;
      readonly blocks: Uint8Array | null;
    }
  | { readonly type: "fault"; readonly failure: Failed }
  | { readonly type: "back" }
  /** A verified piece is not on the disk after all. */
  | { readonly type: "gone"; readonly piece: number }
  | { readonly type: "state-fault"; readonly detail: string }
  /** Everything had so far is synced and saved. */
  | { readonly type: "saved" };

export interface SavedTotals {
  readonly uploaded: number;
  readonly downloaded: number;
  readonly completedAt: UnixMs | null;
  readonly peers: readonly string[];
}

export interface StorageOptions {
  readonly desk: Desk;
  readonly pool: Pool;
  readonly store: StoreId;
  readonly key: TorrentKey;
  readonly info: Info;
  /** Verified and synced. */
  readonly have: Bitfield;
  readonly onEvent: (event: StorageEvent) => void;
  readonly totals: () => SavedTotals;
}

/**
 * One torrent's way to the disk and the database: blocks are gathered, written, verified, journalled, synced, saved.
 *
 * Invariants: a piece enters `#synced` only after a sync that was asked for once it was verified; what was written and
 * is not in the journal is at most `journalBytes` and what is under way. A write or verdict that the disk refuses is
 * kept and tried again until it succeeds: nothing is downloaded twice because a disk was full.
 */
export class Storage {
  readonly assembly: Assembly;
  readonly #options: StorageOptions;
  readonly #synced: Bitfield;
  /** Verified since the last sync was asked for, and since the one before. */
  #unsynced = new Set<number>(); // bounded by the torrent's pieces
  /** What the journal has not been told yet. */
  #journal = {
    bytes: 0,
    unsynced: [] as number[],
    partial: new Set<number>(),
    dropped: [] as number[],
    since: undefined as Ms | undefined,
  };
  #syncing = false;
  #syncAt: Ms | undefined;
  #saving = false;
  /** Jobs the disk refused, oldest first. Bounded by the pool (writes) and the pieces in memory (verdicts). */
  #refused: (() => void)[] = [];
  #retry: { at: Ms; wait: Ms } | undefined;
  #faulty = false;
  /** The last refusal was of a file or folder that is not there. */
  #vanished = false;
  #closed = false;
  #backlog = 0;

  constructor(options: StorageOptions) {
    this.#options = options;
    this.#synced = options.have.copy();
    this.assembly = new Assembly(options.pool, (piece) => pieceLength(options.info, piece));
  }

  get saved(): boolean {
    return this.#unsynced.size === 0 && !this.#syncing && !this.#saving;
  }

  get faulty(): boolean {
    return this.#faulty;
  }

  /** The disk is behind: nothing more should come in. */
  get congested(): boolean {
    return this.#backlog > backlogMost;
  }

  get relieved(): boolean {
    return this.#backlog <= backlogLeast;
  }

  resume(piece: number, blocks: Bitfield): void {
    this.assembly.resume(piece, blocks);
  }

  place(span: BlockSpan): Landing | "full" | "taken" {
    return this.assembly.place(span);
  }

  arrived(now: Ms, landing: Landing): void {
    const write = this.assembly.arrived(landing);
    if (write !== undefined) this.#write(now, write);
    else if (this.assembly.unwrittenBytes > unwrittenMax) this.relieve(now);
  }

  /** Memory is short: what can be written is written now. */
  relieve(now: Ms): void {
    for (const write of this.assembly.flushAll()) this.#write(now, write);
  }

  verify(now: Ms, piece: number, blocks: boolean): void {
    for (const write of this.assembly.flush(piece)) this.#write(now, write);
    this.#verify(now, piece, blocks);
  }

  /** The piece is verified. */
  good(now: Ms, piece: number): void {
    this.assembly.drop(piece);
    this.#unsynced.add(piece);
    this.#journal.unsynced.push(piece);
    this.#journal.partial.delete(piece);
    this.#journal.since ??= now;
    this.#syncAt ??= ms(now + syncWait);
    if (this.#journal.bytes >= journalBytes) this.#writeJournal();
  }

  /** The piece was wrong, or is given up. */
  bad(now: Ms, piece: number): void {
    this.assembly.drop(piece);
    this.#options.desk.disk({ type: "forget", store: this.#options.store, piece }, () => undefined);
    this.#journal.partial.delete(piece);
    this.#journal.dropped.push(piece);
    this.#journal.since ??= now;
  }

  /** A piece we had is gone from the disk. */
  gone(piece: number): void {
    this.#synced.clear(piece);
    this.#unsynced.delete(piece);
    this.save();
  }

  deadline(): Ms | undefined {
    if (this.#closed) return undefined;
    const journalAt = this.#journal.since === undefined ? undefined : ms(this.#journal.since + journalWait);
    const syncAt = this.#syncing || this.#faulty ? undefined : this.#syncAt;
    return earliest(this.#retry?.at, earliest(journalAt, syncAt));
  }

  wake(now: Ms): void {
    if (this.#journal.since !== undefined && now >= this.#journal.since + journalWait) {
      this.relieve(now);
      this.#writeJournal();
    }
    if (this.#syncAt !== undefined && now >= this.#syncAt && !this.#syncing && !this.#faulty) this.sync(now);
    if (this.#retry !== undefined && now >= this.#retry.at) this.#tryAgain(now);
  }

  /** Verified pieces reach the medium, then the database. `saved` follows. */
  sync(now: Ms): void {
    if (this.#syncing) return;
    this.#writeJournal();
    const pieces = this.#unsynced;
    this.#unsynced = new Set();
    this.#syncing = true;
    this.#syncAt = undefined;
    const { desk, store } = this.#options;
    desk.disk({ type: "sync", store }, (result) => {
      this.#syncing = false;
      if (result.type === "failed") {
        for (const piece of pieces) this.#unsynced.add(piece);
        return this.#refuse(now, result, () => this.#doubt(now));
      }
      this.#accepted();
      for (const piece of pieces) this.#synced.set(piece);
      if (this.#unsynced.size > 0) this.#syncAt = ms(now + syncWait);
      this.save();
    });
  }

  /**
   * A sync failed. Linux counts the pages it could not write as clean, so a further sync would lie: whatever was waiting
   * for it is read back and hashed first, and what is wrong is fetched again.
   */
  #doubt(now: Ms): void {
    const { desk, store, onEvent } = this.#options;
    const pieces = [...this.#unsynced];
    let left = pieces.length;
    if (left === 0) return this.sync(now);
    for (const piece of pieces) {
      desk.disk({ type: "check", store, first: piece, count: 1 }, (result) => {
        left -= 1;
        if (result.type === "checked" && result.states[0] !== pieceState.good) {
          this.#unsynced.delete(piece);
          onEvent({ type: "gone", piece });
        }
        if (left > 0) return;
        if (result.type === "failed") this.#refuse(now, result, () => this.#doubt(now));
        else this.sync(now);
      });
    }
  }

  /** The have bitmap and the totals go to the database. */
  save(): void {
    const { desk, key } = this.#options;
    this.#saving = true;
    desk.state({ type: "commit", key, have: this.#synced.toBytes(), ...this.#options.totals() }, (result) => {
      this.#saving = false;
      if (result.type === "failed") this.#options.onEvent({ type: "state-fault", detail: result.detail });
      else this.#options.onEvent({ type: "saved" });
    });
  }

  /** Everything that has arrived is written, synced and saved; then `saved` is said. */
  finish(now: Ms): void {
    this.relieve(now);
    this.#writeJournal();
    if (this.#syncing) this.#syncAt = now;
    else this.sync(now);
  }

  close(): void {
    this.#closed = true;
    const { desk, store } = this.#options;
    desk.disk({ type: "close", store }, () => undefined);
  }

  #write(now: Ms, write: RunWrite): void {
    const { desk, store } = this.#options;
    const { piece, begin, length, memory } = write;
    this.#backlog += length;
    desk.disk({ type: "write", store, piece, begin, length, memory }, (result) => {
      this.#backlog -= length;
      if (result.type === "failed") return this.#refuse(now, result, () => this.#write(now, write));
      this.assembly.stored(write, true);
      this.#accepted();
      if (write.run.piece.dropped) return;
      this.#journal.bytes += length;
      this.#journal.partial.add(piece);
      this.#journal.since ??= now;
      if (this.#journal.bytes >= journalBytes) this.#writeJournal();
    });
  }

  #verify(now: Ms, piece: number, blocks: boolean): void {
    const { desk, store, onEvent } = this.#options;
    desk.disk({ type: "verify", store, piece, blocks }, (result) => {
      if (result.type === "failed") return this.#refuse(now, result, () => this.#verify(now, piece, blocks));
      assert(result.type === "verified", "a verify is answered by a verdict");
      this.#accepted();
      onEvent({ type: "verified", piece, good: result.good, blocks: result.blocks });
    });
  }

  #writeJournal(): void {
    const { unsynced, partial, dropped, since } = this.#journal;
    if (since === undefined) return;
    this.#journal = { bytes: 0, unsynced: [], partial: new Set(), dropped: [], since: undefined };
    const records = [...partial].flatMap((piece) => {
      const blocks = this.assembly.storedBlocks(piece);
      return blocks === undefined ? [] : [{ piece, blocks: blocks.toBytes() }];
    });
    if (unsynced.length + records.length + dropped.length === 0) return;
    const { desk, key, onEvent } = this.#options;
    desk.state({ type: "journal", key, unsynced, partial: records, dropped }, (result) => {
      if (result.type === "failed") onEvent({ type: "state-fault", detail: result.detail });
    });
  }

  #refuse(now: Ms, failure: Failed, again: () => void): void {
    if (this.#closed) return;
    this.#refused.push(again);
    this.#vanished = failure.fault === "missing";
    if (this.#retry === undefined) this.#retry = { at: ms(now + retryFirst), wait: retryFirst };
    if (this.#faulty) return;
    this.#faulty = true;
    this.#options.onEvent({ type: "fault", failure });
  }

  /** One job first: if the disk refuses it, the rest need not be tried. */
  #tryAgain(now: Ms): void {
    const first = this.#refused.shift();
    const wait = ms(Math.min(must(this.#retry, "a retry is due").wait * 2, retryMost));
    this.#retry = { at: ms(now + wait), wait };
    if (this.#vanished) this.#openAgain();
    first?.();
  }

  /** A folder that vanished is not made again behind the user's back; whether it is there now, only `open` looks. */
  #openAgain(): void {
    const { desk, store, key, info } = this.#options;
    desk.disk({ type: "open", store, spec: storeSpec(key.dir, info) }, () => undefined);
  }

  #accepted(): void {
    if (!this.#faulty) return;
    const rest = this.#refused;
    this.#refused = [];
    this.#faulty = false;
    this.#retry = undefined;
    this.#options.onEvent({ type: "back" });
    for (const again of rest) again();
  }
}
