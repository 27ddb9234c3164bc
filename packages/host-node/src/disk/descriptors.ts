import { closeSync } from "node:fs";
import { assert } from "@dure/base";
import { DiskError, toDiskError } from "./fault.ts";
import { type Access, openFile } from "./open-file.ts";
import type { Store } from "./store.ts";

export interface Descriptor {
  readonly fd: number;
  readonly path: string;
  readonly store: Store;
  readonly file: number;
  readonly writable: boolean;
  /** Syncs that use it: it is not closed while there are any. */
  pins: number;
}

/** The open files of a worker, least recently used first. At the ceiling the oldest that nobody uses is closed. */
export class Descriptors {
  #max: number;
  readonly #byFile = new Map<Store, Map<number, Descriptor>>();
  readonly #oldestFirst = new Set<Descriptor>(); // at most #max, and those pinned

  constructor(max: number) {
    assert(max > 0, "at least one file can be open");
    this.#max = max;
  }

  get count(): number {
    return this.#oldestFirst.size;
  }

  get(store: Store, file: number, access: Access): Descriptor {
    const open = this.#byFile.get(store)?.get(file);
    if (open !== undefined && (open.writable || access === "read")) {
      this.#oldestFirst.delete(open);
      this.#oldestFirst.add(open);
      return open;
    }
    // A pinned one is left to its sync, which closes it when it is done.
    if (open !== undefined) this.#forget(open);
    return this.#open(store, file, access);
  }

  unpin(descriptor: Descriptor): void {
    descriptor.pins -= 1;
    if (descriptor.pins === 0 && !this.#oldestFirst.has(descriptor)) close(descriptor);
  }

  /** Lets go of one file, so that the next use opens it by its name again. */
  drop(descriptor: Descriptor): void {
    if (this.#oldestFirst.has(descriptor)) this.#forget(descriptor);
  }

  closeStore(store: Store): void {
    for (const descriptor of this.#byFile.get(store)?.values() ?? []) this.#forget(descriptor);
    this.#byFile.delete(store);
  }

  #open(store: Store, file: number, access: Access): Descriptor {
    while (this.#oldestFirst.size >= this.#max && this.#closeOldest());
    for (;;) {
      try {
        const { fd, path } = openFile(store, file, access);
        const descriptor = { fd, path, store, file, writable: access !== "read", pins: 0 };
        this.#filesOf(store).set(file, descriptor);
        this.#oldestFirst.add(descriptor);
        return descriptor;
      } catch (error) {
        const tooMany = error instanceof DiskError && error.fault === "too-many-files";
        if (!tooMany || !this.#makeRoom()) throw error;
      }
    }
  }

  #filesOf(store: Store): Map<number, Descriptor> {
    const known = this.#byFile.get(store);
    if (known !== undefined) return known;
    const files = new Map<number, Descriptor>();
    this.#byFile.set(store, files);
    return files;
  }

  /** The process has fewer descriptors than we were told: leave some to its sockets from now on. */
  #makeRoom(): boolean {
    this.#max = Math.max(1, Math.floor((this.#oldestFirst.size * 3) / 4));
    const before = this.#oldestFirst.size;
    while (this.#oldestFirst.size > this.#max && this.#closeOldest());
    return this.#oldestFirst.size < before || this.#closeOldest();
  }

  /** False when every open file is in use. */
  #closeOldest(): boolean {
    for (const descriptor of this.#oldestFirst) {
      if (descriptor.pins > 0) continue;
      this.#forget(descriptor);
      return true;
    }
    return false;
  }

  #forget(descriptor: Descriptor): void {
    this.#oldestFirst.delete(descriptor);
    this.#byFile.get(descriptor.store)?.delete(descriptor.file);
    if (descriptor.pins === 0) close(descriptor);
  }
}

// The descriptor is gone either way; a network file system may tell only now that it lost what was written.
function close({ fd, path, store, file, writable }: Descriptor): void {
  try {
    closeSync(fd);
  } catch (error) {
    if (writable) store.closedBadly.set(file, toDiskError(error, path));
  }
}
