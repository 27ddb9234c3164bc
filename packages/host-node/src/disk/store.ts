import { createHash } from "node:crypto";
import { assert, at } from "@dure/base";
import {
  FileLayout,
  type FileSpan,
  type JobId,
  type StoreFile,
  type StoreId,
  type StoreSpec,
} from "@dure/carrier";
import { balancedCount, blockCount, merkleLimits } from "@dure/protocol";
import type { DiskError } from "./fault.ts";
import { MerkleHash, type PieceHash } from "./piece-hash.ts";
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
  readonly #digestBytes: number;

  constructor(id: StoreId, spec: StoreSpec, rootMemory: SharedArrayBuffer) {
    this.id = id;
    this.root = new Root(spec.root, rootMemory);
    this.files = spec.files;
    this.layout = new FileLayout(spec.files);
    assert(this.layout.totalBytes === spec.totalBytes, "files and total agree");
    this.#digestBytes = spec.hash === "merkle" ? merkleLimits.hashBytes : 20;
    const pieceCount = Math.ceil(spec.totalBytes / spec.pieceBytes);
    assert(pieceCount * this.#digestBytes === spec.digests.length, "a digest a piece");
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
    const at = piece * this.#digestBytes;
    return digest.compare(this.#digests, at, at + this.#digestBytes) === 0;
  }

  get merkle(): boolean {
    return this.#digestBytes === merkleLimits.hashBytes;
  }

  newHash(piece: number): PieceHash {
    return this.merkle ? new MerkleHash(this.treeWidth(piece)) : createHash("sha1");
  }

  /** Leaves of the piece's tree; a file no longer than a piece has no more than it needs (BEP 52). 0 with SHA-1. */
  treeWidth(piece: number): number {
    if (!this.merkle) return 0;
    const [first] = this.dataSpans(piece);
    const fileBytes = first === undefined ? 0 : this.file(first.file).bytes;
    return balancedCount(blockCount(Math.min(fileBytes, this.#pieceBytes)));
  }

  /** What of the piece is hashed: with SHA-1 pads too. */
  dataSpans(piece: number, from = 0): FileSpan[] {
    const spans = this.layout.spans(this.offsetOf(piece) + from, this.lengthOf(piece) - from);
    return this.merkle ? spans.filter(({ pad }) => !pad) : spans;
  }

  dataLength(piece: number): number {
    return this.dataSpans(piece).reduce((sum, { length }) => sum + length, 0);
  }
}
