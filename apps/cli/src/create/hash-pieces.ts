import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Files laid end to end, cut into pieces. Plain data: it goes to workers. */
export interface HashPlan {
  readonly files: readonly HashFile[];
  readonly pieceBytes: number;
  readonly totalBytes: number;
}

export interface HashFile {
  readonly diskPath: string;
  readonly bytes: number;
  readonly offset: number;
  /** Zeros that are nowhere on disk (BEP 47). */
  readonly pad: boolean;
}

const digestBytes = 20;
const bufferBytes = 1024 * 1024;

/** The SHA-1 of `count` pieces from `first`. Throws `ChangedFile` when a file is not as long as it was. */
export function hashPieces(
  plan: HashPlan,
  range: { readonly first: number; readonly count: number },
  onBytes: (bytes: number) => void,
): Uint8Array<ArrayBuffer> {
  const digests = new Uint8Array(range.count * digestBytes);
  const buffer = new Uint8Array(bufferBytes);
  const reader = new FileReader();
  try {
    for (let index = 0; index < range.count; index += 1) {
      const begin = (range.first + index) * plan.pieceBytes;
      const end = Math.min(begin + plan.pieceBytes, plan.totalBytes);
      const hash = createHash("sha1");
      for (let at = begin; at < end; ) {
        const file = plan.files[fileAt(plan.files, at)];
        if (file === undefined) throw new RangeError("a byte outside all files");
        const length = Math.min(end, file.offset + file.bytes, at + bufferBytes) - at;
        const bytes = buffer.subarray(0, length);
        if (file.pad) bytes.fill(0);
        else reader.read(file, at - file.offset, bytes);
        hash.update(bytes);
        at += length;
        onBytes(length);
      }
      digests.set(hash.digest(), index * digestBytes);
    }
  } finally {
    reader.close();
  }
  return digests;
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
