import type { FileSpan } from "@dure/carrier";
import type { Descriptors } from "./descriptors.ts";
import { readAll, writeAll } from "./file-io.ts";
import type { Store } from "./store.ts";

// Stays in the second-level cache between the read and the hash; the fastest of five sizes from 16 KiB to 1 MiB.
const chunkBytes = 256 * 1024;

/** Reads stored bytes to be hashed, through one buffer of its own. */
export class FileReader {
  readonly #descriptors: Descriptors;
  readonly #chunk = Buffer.allocUnsafeSlow(chunkBytes);
  #bytesRead = 0;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  /** All that was ever read. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Gives the bytes of the spans to `take` in portions that are good only until it returns. */
  read(store: Store, spans: readonly FileSpan[], take: (bytes: Uint8Array) => void): void {
    for (const span of spans) {
      for (let done = 0; done < span.length; done += chunkBytes) {
        const length = Math.min(chunkBytes, span.length - done);
        if (span.pad) this.#chunk.fill(0, 0, length);
        else this.#fill(store, span.file, { length, offset: span.offset + done });
        take(this.#chunk.subarray(0, length));
        this.#bytesRead += length;
      }
    }
  }

  #fill(store: Store, file: number, { length, offset }: { length: number; offset: number }): void {
    const doubtful = store.doubtful.has(file);
    const descriptor = this.#descriptors.get(store, file, doubtful ? "write" : "read");
    const transfer = { memory: this.#chunk, at: 0, length, offset };
    readAll(descriptor, transfer);
    if (!doubtful) return;
    // The kernel holds these bytes for clean although it failed to write them: make it try again.
    store.dirty.add(file);
    writeAll(descriptor, transfer);
  }
}
