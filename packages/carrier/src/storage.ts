import { assert, type Bitfield, earliest, type Ms, ms, must, type UnixMs } from "@dure/base";
import type { BlockSpan, Info } from "@dure/protocol";
import { pieceLength } from "@dure/protocol";
import { Assembly, type Landing, type RunWrite } from "./assembly.ts";
import type { Desk } from "./desk.ts";
import type { Exposure, ExposureShare } from "./exposure.ts";
import { FileLayout } from "./layout.ts";
import type { Pool } from "./pool.ts";
import { type DiskResult, pieceState, type StoreId, type TorrentKey } from "./ports/index.ts";
import { storeSpec } from "./store-spec.ts";

/** What is on disk stands in the journal after this, at the latest. */
const journalWait = ms(1000);
/** Verified pieces wait this long for a sync: each one costs the disk a flush. */
const syncWait = ms(5000);
const retryFirst = ms(1000);
const retryMost = ms(15_000);

/** Tries a job once more; `proof`: if it succeeds, the disk works again. */
type Again = (proof: boolean) => void;
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
  /** Of all torrents together. */
  readonly exposure: Exposure;
  readonly store: StoreId;
  readonly key: TorrentKey;
  readonly info: Info;
  readonly have: Bitfield;
  /** Those of `have` that are verified, and not known to be synced. */
  readonly unsynced: readonly number[];
  /** Of the turn under way. */
  readonly time: () => Ms;
  readonly onEvent: (event: StorageEvent) => void;
  readonly totals: () => SavedTotals;
}

/**
 * One torrent's way to the disk and the database: blocks are gathered, written, verified, journalled, synced, saved.
 *
 * Invariants: a piece enters `#synced` only after a sync that was asked for once it was verified, and that followed no
 * failed one without the piece being read again; all bytes that arrived and are not in the journal are in the exposure.
 * A write or verdict that the disk refuses is kept and tried again until it succeeds: nothing is downloaded twice
 * because a disk was full.
 */
export class Storage {
  readonly assembly: Assembly;
  readonly #options: StorageOptions;
  readonly #exposure: ExposureShare;
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
  /** Found right by a check: whoever wrote them need not have synced them. */
  #alien: Set<number>; // bounded likewise
  #syncing = false;
  /** Then nothing but a sync shows that the disk is well: writes may succeed all the while. */
  #syncFailed = false;
  #syncAt: Ms | undefined;
  #saving = false;
  /** Jobs the disk refused, oldest first. Bounded by the pool (writes) and the pieces in memory (verdicts). */
  #refused: Again[] = [];
  #retry: { at: Ms; wait: Ms } | undefined;
  #faulty = false;
  /** The last refusal was of a file or folder that is not there. */
  #vanished = false;
  #finishing = false;
  #closed = false;

  constructor(options: StorageOptions) {
    this.#options = options;
    this.#synced = options.have.copy();
    this.#alien = new Set(options.unsynced);
    for (const piece of options.unsynced) {
      this.#synced.clear(piece);
      this.#unsynced.add(piece);
      this.#syncAt = options.time(); // what was checked at a start must not be checked again at the next
    }
    this.#exposure = options.exposure.share({
      write: () => this.relieve(options.time()),
      journal: () => this.#writeJournal(),
    });
    this.assembly = new Assembly(options.pool, (piece) => pieceLength(options.info, piece));
  }

  get saved(): boolean {
    return this.#unsynced.size === 0 && !this.#syncing && !this.#saving;
  }

  get faulty(): boolean {
    return this.#faulty;
  }

  /** The disk, or the database, is behind: nothing more should come in. */
  get congested(): boolean {
    return this.#exposure.congested;
  }

  get relieved(): boolean {
    return this.#exposure.relieved;
  }

  resume(piece: number, blocks: Bitfield): void {
    this.assembly.resume(piece, blocks);
  }

  place(span: BlockSpan): Landing | "full" | "taken" {
    return this.assembly.place(span);
  }

  arrived(now: Ms, landing: Landing): void {
    const dropped = landing.run.piece.dropped;
    const write = this.assembly.arrived(landing);
    if (!dropped) this.#exposure.enter("gathered", landing.span.length);
    if (write !== undefined) this.#give(now, write);
  }

  /** Memory is short: what can be written is written now. */
  relieve(now: Ms): void {
    for (const write of this.assembly.flushAll()) this.#give(now, write);
  }

  verify(now: Ms, piece: number, blocks: boolean): void {
    for (const write of this.assembly.flush(piece)) this.#give(now, write);
    this.#verify(now, piece, blocks);
  }

  /** The piece is verified. */
  good(now: Ms, piece: number): void {
    this.#drop(piece);
    this.#unsynced.add(piece);
    this.#journal.unsynced.push(piece);
    this.#journal.partial.delete(piece);
    this.#journal.since ??= now;
    this.#planSync(now);
  }

  /** The piece was wrong, or is given up. */
  bad(now: Ms, piece: number): void {
    this.#drop(piece);
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
    if (this.#syncAt !== undefined && now >= this.#syncAt && !this.#syncing && !this.#faulty) this.sync();
    if (this.#retry !== undefined && now >= this.#retry.at) this.#tryAgain(now);
  }

  /** Verified pieces reach the medium, then the database. `saved` follows. */
  sync(): void {
    // After a failure the next one comes by way of `#readAgain`.
    if (!this.#syncing && !this.#syncFailed) this.#sync(false);
  }

  #sync(proof: boolean): void {
    this.#writeJournal();
    const pieces = this.#unsynced;
    this.#unsynced = new Set();
    this.#syncing = true;
    this.#syncAt = undefined;
    const { desk, store, time } = this.#options;
    const alien = [...this.#alien];
    this.#alien = new Set();
    desk.disk({ type: "sync", store, alien }, (result) => {
      this.#syncing = false;
      if (result.type === "failed") {
        for (const piece of pieces) this.#unsynced.add(piece);
        for (const piece of alien) this.#alien.add(piece);
        this.#syncFailed = true;
        return this.#refuse(time(), result, (proof) => this.#readAgain([...this.#unsynced], proof));
      }
      this.#syncFailed = false;
      if (proof) this.#accepted();
      for (const piece of pieces) this.#synced.set(piece);
      if (this.#unsynced.size > 0) this.#planSync(time());
      this.#writeJournal();
      this.save();
    });
  }

  /**
   * After a failed sync: the kernel has dropped what it could not write, and would call the next sync a success. Pieces
   * that are read back, and are right, are written again by the disk on the way.
   */
  #readAgain(pieces: readonly number[], proof: boolean): void {
    const [piece, ...rest] = pieces;
    const { desk, store, time, onEvent } = this.#options;
    if (piece === undefined) return this.#sync(proof);
    desk.disk({ type: "check", store, first: piece, count: 1 }, (result) => {
      if (result.type === "failed")
        return this.#refuse(time(), result, (again) => this.#readAgain(pieces, again));
      if (result.type === "checked" && result.states[0] !== pieceState.good) onEvent({ type: "gone", piece });
      this.#readAgain(rest, proof);
    });
  }

  /** At the end at once: a piece may be verified while the last sync is under way. */
  #planSync(now: Ms): void {
    if (this.#finishing) this.#syncAt = now;
    else this.#syncAt ??= ms(now + syncWait);
  }

  /** The have bitmap and the totals go to the database. */
  save(): void {
    const { desk, key } = this.#options;
    this.#saving = true;
    desk.state({ type: "commit", key, have: this.#synced.toBytes(), ...this.#options.totals() }, (result) => {
      this.#saving = false;
      if (result.type !== "failed") return this.#options.onEvent({ type: "saved" });
      this.#syncAt ??= ms(this.#options.time() + syncWait); // and with that sync it is saved again
      this.#options.onEvent({ type: "state-fault", detail: result.detail });
    });
  }

  /** Everything that has arrived is written, synced and saved; then `saved` is said. */
  finish(now: Ms): void {
    this.#finishing = true;
    this.relieve(now);
    if (this.#syncing) this.#syncAt = now;
    else this.sync();
  }

  close(): void {
    this.#closed = true;
    this.#exposure.close();
    const { desk, store } = this.#options;
    desk.disk({ type: "close", store }, () => undefined);
  }

  #give(now: Ms, write: RunWrite): void {
    this.#exposure.move(write.length, "gathered", "writing");
    this.#write(now, write);
  }

  #write(now: Ms, write: RunWrite, proof = false): void {
    const { desk, store } = this.#options;
    const { piece, begin, length, memory } = write;
    desk.disk({ type: "write", store, piece, begin, length, memory }, (result) => {
      if (result.type === "failed")
        return this.#refuse(now, result, (again) => this.#write(now, write, again));
      this.assembly.stored(write, true);
      if (proof) this.#accepted();
      if (write.run.piece.dropped) return this.#exposure.leave("writing", length);
      this.#journal.bytes += length;
      this.#journal.partial.add(piece);
      this.#journal.since ??= now;
      this.#exposure.move(length, "writing", "written");
    });
  }

  #drop(piece: number): void {
    const before = this.assembly.unwrittenBytes;
    this.assembly.drop(piece);
    this.#exposure.leave("gathered", before - this.assembly.unwrittenBytes);
  }

  #verify(now: Ms, piece: number, blocks: boolean, proof = false): void {
    const { desk, store, onEvent } = this.#options;
    desk.disk({ type: "verify", store, piece, blocks }, (result) => {
      const again: Again = (next) => this.#verify(now, piece, blocks, next);
      // A write before it was refused: what was read back is not what arrived, and nobody's lie.
      if (this.assembly.isWriting(piece)) return this.#faulty ? this.#waitForWrites(again) : again(false);
      if (result.type === "failed") return this.#refuse(now, result, again);
      assert(result.type === "verified", "a verify is answered by a verdict");
      if (proof) this.#accepted();
      onEvent({ type: "verified", piece, good: result.good, blocks: result.blocks });
    });
  }

  #writeJournal(): void {
    const { bytes, unsynced, partial, dropped, since } = this.#journal;
    if (since === undefined) return;
    this.#journal = { bytes: 0, unsynced: [], partial: new Set(), dropped: [], since: undefined };
    const records = [...partial].flatMap((piece) => {
      const blocks = this.assembly.storedBlocks(piece);
      return blocks === undefined ? [] : [{ piece, blocks: blocks.toBytes() }];
    });
    this.#exposure.move(bytes, "written", "journalling");
    const { desk, key, onEvent } = this.#options;
    desk.state({ type: "journal", key, unsynced, partial: records, dropped }, (result) => {
      this.#exposure.leave("journalling", bytes);
      if (result.type === "failed") onEvent({ type: "state-fault", detail: result.detail });
    });
  }

  #refuse(now: Ms, failure: Failed, again: Again): void {
    if (this.#closed) return;
    this.#refused.push(again);
    this.#vanished = failure.fault === "missing";
    if (this.#retry === undefined) this.#retry = { at: ms(now + retryFirst), wait: retryFirst };
    if (this.#faulty) return;
    this.#faulty = true;
    this.#exposure.stuck = true;
    this.#options.onEvent({ type: "fault", failure });
  }

  /** Trying this one showed nothing of the disk: the next has its turn soon. */
  #waitForWrites(again: Again): void {
    this.#refused.push(again);
    if (this.#retry === undefined) return;
    const soon = ms(this.#options.time() + retryFirst);
    this.#retry = { at: earliest(soon, this.#retry.at) ?? soon, wait: this.#retry.wait };
  }

  /** One job first: if the disk refuses it, the rest need not be tried. */
  #tryAgain(now: Ms): void {
    const first = this.#refused.shift();
    const wait = ms(Math.min(must(this.#retry, "a retry is due").wait * 2, retryMost));
    this.#retry = { at: ms(now + wait), wait };
    if (first === undefined) return;
    if (this.#vanished) this.#lookAgain(first);
    else first(true);
  }

  /**
   * A folder that vanished is looked for under its name, in a store of its own. What is there now may be the empty
   * folder that an unmounted disk leaves: only where bytes of ours lie is anything written, or called gone.
   */
  #lookAgain(again: Again): void {
    const { desk, store, key, info } = this.#options;
    const spec = storeSpec(key.dir, info);
    const look = -store; // the node's own are positive
    desk.disk({ type: "open", store: look, spec }, () => undefined);
    desk.disk({ type: "probe", store: look }, (result) => {
      if (this.#closed) return;
      if (result.type !== "probed" || !this.#holdsOurs(result.sizes))
        return void this.#refused.unshift(again);
      desk.disk({ type: "open", store, spec }, () => undefined);
      again(true);
    });
    desk.disk({ type: "close", store: look }, () => undefined);
  }

  /** Is any file there that we have bytes of? Yes when we have none at all. */
  #holdsOurs(sizes: readonly (number | null)[]): boolean {
    const { info } = this.#options;
    const layout = new FileLayout(info.files);
    let some = false;
    for (const piece of this.#onDisk()) {
      for (const { file, offset, pad } of layout.spans(piece * info.pieceBytes, pieceLength(info, piece))) {
        if (pad) continue;
        if ((sizes[file] ?? 0) > offset) return true;
        some = true;
      }
    }
    return !some;
  }

  *#onDisk(): Iterable<number> {
    yield* this.#synced;
    yield* this.#unsynced;
    yield* this.assembly.storedPieces();
  }

  /**
   * A job that was tried again has succeeded. Others prove nothing: on a full disk a small write may still find room.
   */
  #accepted(): void {
    if (!this.#faulty) return;
    if (this.#syncFailed && this.#retry !== undefined) {
      // Only a sync proves the disk now, and it may stand behind many jobs: they need not wait a quarter of a minute each.
      this.#retry = { at: this.#options.time(), wait: this.#retry.wait };
      return;
    }
    const rest = this.#refused;
    this.#refused = [];
    this.#faulty = false;
    this.#exposure.stuck = false;
    this.#retry = undefined;
    this.#options.onEvent({ type: "back" });
    for (const again of rest) again(false);
  }
}
