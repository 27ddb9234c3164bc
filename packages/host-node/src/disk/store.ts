import { assert, at } from "@dure/base";
import { FileLayout, type JobId, type StoreFile, type StoreId, type StoreSpec } from "@dure/carrier";
import type { DiskError } from "./fault.ts";
import { Root } from "./root.ts";

/** What a worker knows of one torrent in one folder. */
export class Store {
  readonly id: StoreId;
  readonly root: Root;
  readonly files: readonly StoreFile[];
  readonly layout: FileLayout;
  /** 1 for each file that was there once: its absence later is a fault, not a reason to make it. */
  readonly seen: Uint8Array;
  /** Written since the last sync began, or not synced by it. */
  readonly dirty = new Set<number>();
  /** Folders with new entries since then. */
  readonly dirtyFolders = new Set<string>();
  /** A sync of these failed: what is in the cache may never reach the medium unless it is written again. */
  readonly doubtful = new Set<number>();
  /** Files that could not be closed well since the last sync: some file systems tell of a lost write only then. */
  readonly closedBadly = new Map<number, DiskError>();
  /** Sync jobs that wait for the running one. */
  readonly syncsWaiting: JobId[] = []; // bounded by the jobs outstanding
  /** Settles when no sync of this store runs. */
  syncing: Promise<void> | undefined;
  readonly #pieceBytes: number;
  readonly #digests: Uint8Array;

  constructor(id: StoreId, spec: StoreSpec, rootMemory: SharedArrayBuffer) {
    this.id = id;
    this.root = new Root(spec.root, rootMemory);
    this.files = spec.files;
    this.layout = new FileLayout(spec.files);
    assert(this.layout.totalBytes === spec.totalBytes, "files and total agree");
    assert(Math.ceil(spec.totalBytes / spec.pieceBytes) * 20 === spec.digests.length, "a digest a piece");
    this.seen = new Uint8Array(spec.files.length);
    this.#pieceBytes = spec.pieceBytes;
    this.#digests = spec.digests;
  }

  file(index: number): StoreFile {
    return at(this.files, index);
  }

  offsetOf(piece: number): number {
    return piece * this.#pieceBytes;
  }

  lengthOf(piece: number): number {
    return Math.min(this.#pieceBytes, this.layout.totalBytes - this.offsetOf(piece));
  }

  digestMatches(piece: number, digest: Buffer): boolean {
    return digest.compare(this.#digests, piece * 20, piece * 20 + 20) === 0;
  }
}
