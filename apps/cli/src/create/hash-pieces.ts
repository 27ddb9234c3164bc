import { createHash, hash as hashOnce } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { merkleLimits, pieceRoot, smallFileRoot } from "@dure/protocol";

/** Files laid end to end, cut into pieces. Plain data: it goes to workers. */
export interface HashPlan {
  readonly files: readonly HashFile[];
  readonly pieceBytes: number;
  readonly totalBytes: number;
  /** For the v1 list of pieces. */
  readonly sha1: boolean;
  /** For a file tree (BEP 52): every file with bytes begins a piece. */
  readonly merkle: boolean;
}

export interface HashFile {
  readonly diskPath: string;
  readonly bytes: number;
  readonly offset: number;
  /** Zeros that are nowhere on disk (BEP 47). */
  readonly pad: boolean;
}

/** For each piece 20 bytes of SHA-1, and 32 of the hash over its blocks; empty where the plan does not ask for them. */
export interface PieceHashes {
  readonly sha1: Uint8Array<ArrayBuffer>;
  readonly merkle: Uint8Array<ArrayBuffer>;
}

export function noHashes(plan: HashPlan, count: number): PieceHashes {
  const sha1 = new Uint8Array(plan.sha1 ? count * sha1Bytes : 0);
  return { sha1, merkle: new Uint8Array(plan.merkle ? count * merkleLimits.hashBytes : 0) };
}

export const sha1Bytes = 20;
const bufferBytes = 1024 * 1024; // a multiple of the block

/**
 * The hashes of `count` pieces from `first`, both kinds in one pass over the bytes. Throws `ChangedFile` when a file is
 * not as long as it was.
 */
export function hashPieces(
  plan: HashPlan,
  range: { readonly first: number; readonly count: number },
  onBytes: (bytes: number) => void,
): PieceHashes {
  const hashes = noHashes(plan, range.count);
  const buffer = new Uint8Array(bufferBytes);
  const reader = new FileReader();
  try {
    for (let index = 0; index < range.count; index += 1) {
      const begin = (range.first + index) * plan.pieceBytes;
      const end = Math.min(begin + plan.pieceBytes, plan.totalBytes);
      const sha1 = createHash("sha1");
      const leaves = new Leaves(plan.pieceBytes);
      for (let at = begin; at < end; ) {
        const file = plan.files[fileAt(plan.files, at)];
        if (file === undefined) throw new RangeError("a byte outside all files");
        const length = Math.min(end, file.offset + file.bytes, at + bufferBytes) - at;
        const bytes = buffer.subarray(0, length);
        if (file.pad) bytes.fill(0);
        else reader.read(file, at - file.offset, bytes);
        if (plan.sha1) sha1.update(bytes);
        if (plan.merkle && !file.pad) leaves.add(bytes, file.bytes);
        at += length;
        if (!file.pad) onBytes(length);
      }
      if (plan.sha1) hashes.sha1.set(sha1.digest(), index * sha1Bytes);
      if (plan.merkle) hashes.merkle.set(leaves.root(), index * merkleLimits.hashBytes);
    }
  } finally {
    reader.close();
  }
  return hashes;
}

/** The hashes of one piece's blocks (BEP 52). All its bytes, but for a pad, are of one file. */
class Leaves {
  readonly #pieceBytes: number;
  readonly #hashes: Uint8Array;
  #filled = 0;
  #fileBytes = 0;

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
    this.#hashes = new Uint8Array((pieceBytes / merkleLimits.blockBytes) * merkleLimits.hashBytes);
  }

  /** `bytes` begin with a block. */
  add(bytes: Uint8Array, fileBytes: number): void {
    this.#fileBytes = fileBytes;
    for (let at = 0; at < bytes.length; at += merkleLimits.blockBytes) {
      this.#hashes.set(sha256(bytes.subarray(at, at + merkleLimits.blockBytes)), this.#filled);
      this.#filled += merkleLimits.hashBytes;
    }
  }

  /** As it stands in the piece layer; of a file no longer than a piece the file's own root. */
  root(): Uint8Array {
    const leaves = this.#hashes.subarray(0, this.#filled);
    return this.#fileBytes > this.#pieceBytes
      ? pieceRoot(leaves, this.#pieceBytes, sha256)
      : smallFileRoot(leaves, sha256);
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hashOnce("sha256", bytes, "buffer");
}

/** A file that shrank or grew while it was read. */
export class ChangedFile extends Error {
  override readonly name = "ChangedFile";
  readonly path: string;

  constructor(path: string) {
    super(`changed while it was read: ${path}`);
    this.path = path;
  }
}

/** Keeps the file it read last open: pieces are read in order. */
class FileReader {
  #open: { readonly path: string; readonly descriptor: number } | undefined;

  read(file: HashFile, position: number, into: Uint8Array): void {
    const descriptor = this.#descriptorOf(file);
    for (let done = 0; done < into.length; ) {
      const count = readSync(descriptor, into, done, into.length - done, position + done);
      if (count === 0) throw new ChangedFile(file.diskPath);
      done += count;
    }
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.descriptor);
    this.#open = undefined;
  }

  #descriptorOf(file: HashFile): number {
    if (this.#open?.path === file.diskPath) return this.#open.descriptor;
    this.close();
    const descriptor = openSync(file.diskPath, "r");
    this.#open = { path: file.diskPath, descriptor };
    if (fstatSync(descriptor).size !== file.bytes) throw new ChangedFile(file.diskPath);
    return descriptor;
  }
}

// The last file that begins at or before the byte; empty files share their offset with the one that holds it.
function fileAt(files: readonly HashFile[], byte: number): number {
  let low = 0;
  let high = files.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((files[middle]?.offset ?? 0) <= byte) low = middle;
    else high = middle - 1;
  }
  return low;
}
