import { assert, at } from "@dure/base";
import type { StoreFile } from "./ports/index.ts";

export type LaidFile = Pick<StoreFile, "offset" | "bytes" | "pad">;

/** A part of one file. `offset` counts from the file's start. */
export interface FileSpan {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
  readonly pad: boolean;
}

/**
 * Which files hold which bytes of a torrent: its byte space is its files one after another (BEP 3).
 * Empty files hold nothing and appear in no span. Kept in three flat arrays: a torrent may have 100,000 files.
 */
export class FileLayout {
  readonly totalBytes: number;
  readonly #starts: Float64Array; // ascending, strictly: only files that hold bytes
  readonly #files: Uint32Array;
  readonly #pads: Uint8Array;

  constructor(files: readonly LaidFile[]) {
    const holding = files.filter((file) => file.bytes > 0).length;
    this.#starts = new Float64Array(holding);
    this.#files = new Uint32Array(holding);
    this.#pads = new Uint8Array(holding);
    let end = 0;
    let slot = 0;
    for (const [index, file] of files.entries()) {
      assert(file.offset === end, "a file begins where the one before it ends");
      if (file.bytes === 0) continue;
      this.#starts[slot] = file.offset;
      this.#files[slot] = index;
      this.#pads[slot] = file.pad ? 1 : 0;
      slot += 1;
      end += file.bytes;
    }
    this.totalBytes = end;
  }

  /** The spans of `length` bytes from `offset` on, in order, without gap or overlap. */
  spans(offset: number, length: number): FileSpan[] {
    assert(offset >= 0 && length >= 0 && offset + length <= this.totalBytes, "bytes inside the torrent");
    const spans: FileSpan[] = [];
    const end = offset + length;
    let from = offset;
    for (let slot = this.#slotOf(offset); from < end; slot += 1) {
      const to = Math.min(end, this.#endOf(slot));
      spans.push({
        file: at(this.#files, slot),
        offset: from - at(this.#starts, slot),
        length: to - from,
        pad: at(this.#pads, slot) === 1,
      });
      from = to;
    }
    return spans;
  }

  #endOf(slot: number): number {
    return this.#starts[slot + 1] ?? this.totalBytes;
  }

  /** The last slot that starts at or before `offset`; 0 in a torrent without bytes. */
  #slotOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (at(this.#starts, middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
