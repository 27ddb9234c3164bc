import { Bitfield } from "@dure/base";
import { type Info, peerWireLimits, pieceLength } from "@dure/protocol";
import type { Desk } from "./desk.ts";
import { FileLayout } from "./layout.ts";
import { type DiskResult, pieceState, type StoreId, type TorrentRecord } from "./ports/index.ts";
import { storeSpec } from "./store-spec.ts";

/** What the files of a torrent turned out to be. */
export type SetupOutcome =
  | {
      readonly type: "ready";
      readonly have: Bitfield;
      /** Those of `have` that were found right just now: whether they are synced nobody knows. */
      readonly unsynced: readonly number[];
      readonly partial: readonly { readonly piece: number; readonly blocks: Bitfield }[];
    }
  | { readonly type: "not-ours"; readonly path: string }
  | { readonly type: "fault"; readonly failure: Extract<DiskResult, { type: "failed" }> };

export interface SetupOptions {
  readonly desk: Desk;
  readonly store: StoreId;
  readonly root: string;
  readonly info: Info;
  readonly record: TorrentRecord;
  readonly overwrite: boolean;
  /** Paths, with slashes, of files that are ours though this torrent is new to us. */
  readonly ours?: ReadonlySet<string>;
  /** The data is known to be complete: nothing is checked. */
  readonly assumeComplete: boolean;
  /** Files to make even when empty; undefined: all. */
  readonly files: readonly number[] | undefined;
  readonly onProgress: (piecesChecked: number) => void;
  readonly onOutcome: (outcome: SetupOutcome) => void;
}

const { blockBytes } = peerWireLimits;
/** Pieces checked by one job: progress shows, and two workers share a check. */
const checkBytes = 32 << 20;

/**
 * Finds out what of a torrent is on disk before it joins its swarm (CONTRACT.md, "Files already there").
 *
 * With progress on record: what was synced is had, as far as its files still have their lengths; only what was written
 * and not synced, and what lies in files that changed length, is checked. Without: non-empty files are checked whole,
 * and refused when nothing in them is right and the torrent is new to us. What was found out is on record before the
 * outcome is told, and so before the first write: a process killed right after it knows the files as its own.
 */
export class Setup {
  readonly #options: SetupOptions;
  readonly #have: Bitfield;
  readonly #toCheck = new Set<number>(); // bounded by the torrent's pieces
  readonly #good: number[] = [];
  #sizes: readonly (number | null)[] = [];
  #checked = 0;
  /** Non-empty files, when there is no record of ours. */
  readonly #strangers: Info["files"][number][] = []; // bounded by the torrent's files
  readonly #wrong = new Set<number>(); // bounded by the torrent's pieces

  constructor(options: SetupOptions) {
    this.#options = options;
    const { have } = options.record;
    const { pieceCount } = options.info;
    const saved = have === null ? undefined : Bitfield.fromBytes(have, pieceCount);
    this.#have = saved ?? new Bitfield(pieceCount);
    this.#begin();
  }

  #begin(): void {
    const { desk, store, root, info, assumeComplete } = this.#options;
    desk.disk({ type: "open", store, spec: storeSpec(root, info) }, () => undefined);
    if (assumeComplete) {
      this.#have.fill();
      return this.#finish();
    }
    desk.disk({ type: "probe", store }, (result) => {
      if (result.type === "probed") this.#probed(result.sizes);
      else if (result.type === "failed") this.#options.onOutcome({ type: "fault", failure: result });
    });
  }

  #probed(sizes: readonly (number | null)[]): void {
    const { info, record, ours: known } = this.#options;
    this.#sizes = sizes;
    const ours = record.torrent !== null || record.have !== null;
    for (const [index, file] of info.files.entries()) {
      if (file.pad || file.bytes === 0) continue;
      const size = sizes[index] ?? 0;
      if (record.have === null && size > 0) {
        if (!ours && known?.has(file.path.join("/")) !== true) this.#strangers.push(file);
        this.#addPieces(file, () => true); // nothing was saved yet, or the progress was damaged
      }
      // A file of ours that was cut short or taken away: what was had of it is looked at again.
      if (size < file.bytes)
        this.#addPieces(file, (piece) => this.#have.has(piece) && this.#reaches(piece, file, size));
    }
    for (const piece of record.unsynced) if (piece < info.pieceCount) this.#toCheck.add(piece);
    for (const piece of this.#toCheck) this.#have.clear(piece);
    this.#check();
  }

  /** Does the piece need bytes of the file at or past `size`? */
  #reaches(piece: number, file: { readonly offset: number; readonly bytes: number }, size: number): boolean {
    const { info } = this.#options;
    const end = piece * info.pieceBytes + pieceLength(info, piece);
    return Math.min(end, file.offset + file.bytes) > file.offset + size;
  }

  #addPieces(
    file: { readonly offset: number; readonly bytes: number },
    test: (piece: number) => boolean,
  ): void {
    for (const piece of this.#piecesOf(file)) if (test(piece)) this.#toCheck.add(piece);
  }

  *#piecesOf(file: { readonly offset: number; readonly bytes: number }): Iterable<number> {
    const { pieceBytes } = this.#options.info;
    const last = Math.floor((file.offset + file.bytes - 1) / pieceBytes);
    for (let piece = Math.floor(file.offset / pieceBytes); piece <= last; piece += 1) yield piece;
  }

  #check(): void {
    const { desk, store, info, onOutcome } = this.#options;
    if (this.#toCheck.size === 0) return this.#finish();
    const pieces = [...this.#toCheck].sort((a, b) => a - b);
    const countMax = Math.max(1, Math.floor(checkBytes / info.pieceBytes));
    let failed = false;
    let left = 0;
    for (let index = 0; index < pieces.length; ) {
      const first = pieces[index] ?? 0;
      let count = 1;
      while (count < countMax && pieces[index + count] === first + count) count += 1;
      index += count;
      left += 1;
      desk.disk({ type: "check", store, first, count }, (result) => {
        left -= 1;
        if (failed) return;
        if (result.type === "failed") {
          failed = true;
          return onOutcome({ type: "fault", failure: result });
        }
        if (result.type === "checked") this.#heard(first, result.states);
        if (left === 0) this.#finish();
      });
    }
  }

  #heard(first: number, states: Uint8Array): void {
    for (const [index, state] of states.entries()) {
      if (state === pieceState.bad) this.#wrong.add(first + index);
      if (state !== pieceState.good) continue;
      this.#have.set(first + index);
      this.#good.push(first + index);
    }
    this.#checked += states.length;
    this.#options.onProgress(this.#checked);
  }

  /**
   * Something in the file is right. Where its pieces could not be read whole, as another file of theirs is not there,
   * or hold nothing but zeros, it is enough that something of the torrent is right.
   */
  #adopts(file: { readonly offset: number; readonly bytes: number }): boolean {
    const pieces = [...this.#piecesOf(file)];
    if (pieces.some((piece) => this.#have.has(piece))) return true;
    return this.#good.length > 0 && !pieces.some((piece) => this.#wrong.has(piece));
  }

  #finish(): void {
    const { desk, store, info, overwrite, onOutcome, files, assumeComplete } = this.#options;
    const stranger = overwrite ? undefined : this.#strangers.find((file) => !this.#adopts(file));
    if (stranger !== undefined) return onOutcome({ type: "not-ours", path: stranger.path.join("/") });
    if (assumeComplete) return onOutcome({ type: "ready", have: this.#have, unsynced: [], partial: [] });
    const empty = info.files.flatMap((file, index) =>
      file.bytes === 0 && (files?.includes(index) ?? true) ? [index] : [],
    );
    if (empty.length === 0) return this.#record();
    desk.disk({ type: "create", store, files: empty }, (result) => {
      if (result.type === "failed") onOutcome({ type: "fault", failure: result });
      else this.#record();
    });
  }

  /** The database hears what was found, unless it knew. That it cannot be told is no reason not to begin. */
  #record(): void {
    const { desk, record, onOutcome } = this.#options;
    const { infoHash, dir, uploaded, downloaded, completedAt, peers } = record;
    const partial = this.#partial();
    const ready = { type: "ready", have: this.#have, unsynced: this.#good, partial } as const;
    const kept = new Set([...this.#good, ...partial.map(({ piece }) => piece)]);
    const journalled = [...record.unsynced, ...record.partial.map(({ piece }) => piece)];
    const dropped = journalled.filter((piece) => !kept.has(piece));
    if (record.have !== null && this.#toCheck.size + dropped.length === 0) return onOutcome(ready);
    const key = { infoHash, dir };
    const records = partial.map(({ piece, blocks }) => ({ piece, blocks: blocks.toBytes() }));
    desk.state(
      { type: "journal", key, unsynced: this.#good, partial: records, dropped },
      () => undefined, // the answer to the next one, which comes after it, is enough
    );
    const synced = this.#have.copy();
    for (const piece of this.#good) synced.clear(piece);
    desk.state(
      { type: "commit", key, have: synced.toBytes(), uploaded, downloaded, completedAt, peers },
      () => onOutcome(ready),
    );
  }

  /** Blocks of unfinished pieces, as far as their files still reach them. */
  #partial(): { readonly piece: number; readonly blocks: Bitfield }[] {
    const { info, record } = this.#options;
    if (record.partial.length === 0) return [];
    const layout = new FileLayout(info.files);
    return record.partial.flatMap(({ piece, blocks }) => {
      if (piece >= info.pieceCount || this.#have.has(piece)) return [];
      const bytes = pieceLength(info, piece);
      const field = Bitfield.fromBytes(blocks, Math.ceil(bytes / blockBytes));
      if (field === undefined) return [];
      for (const block of [...field]) {
        const begin = block * blockBytes;
        const spans = layout.spans(piece * info.pieceBytes + begin, Math.min(blockBytes, bytes - begin));
        const there = spans.every(
          ({ file, offset, length, pad }) => pad || (this.#sizes[file] ?? 0) >= offset + length,
        );
        if (!there) field.clear(block);
      }
      return field.none ? [] : [{ piece, blocks: field }];
    });
  }
}
