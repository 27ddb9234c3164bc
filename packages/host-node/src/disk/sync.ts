import { close, constants, fdatasync, fstatSync, fsync, lstatSync, open } from "node:fs";
import { promisify } from "node:util";
import type { DiskResult, JobId } from "@dure/carrier";
import type { Descriptor, Descriptors } from "./descriptors.ts";
import { codeOf, DiskError, toDiskError } from "./fault.ts";
import type { Store } from "./store.ts";

// Of the four threads of libuv's pool, which name resolution needs too.
const lanesCount = 2;

/**
 * Brings the written files of a store to the medium in libuv's threads, while the worker goes on.
 * One sync of a store runs at a time; those asked for meanwhile share the next one.
 */
export class Syncer {
  readonly #descriptors: Descriptors;
  readonly #report: (result: DiskResult) => void;
  /** The running hashes of the store stand for bytes that may be lost. */
  readonly #failed: (store: Store) => void;

  constructor(
    descriptors: Descriptors,
    tell: { report: (result: DiskResult) => void; failed: (store: Store) => void },
  ) {
    this.#descriptors = descriptors;
    this.#report = tell.report;
    this.#failed = tell.failed;
  }

  request(store: Store, job: JobId): void {
    store.syncsWaiting.push(job);
    store.syncing ??= this.#run(store);
  }

  async #run(store: Store): Promise<void> {
    while (store.syncsWaiting.length > 0) {
      const jobs = store.syncsWaiting.splice(0);
      const error = await this.#flush(store);
      if (error !== undefined) this.#failed(store);
      for (const job of jobs) {
        if (error === undefined) this.#report({ type: "done", job });
        else
          this.#report({ type: "failed", job, fault: error.fault, path: error.path, detail: error.message });
      }
    }
    store.syncing = undefined;
  }

  /** The first error, after everything was tried. */
  async #flush(store: Store): Promise<DiskError | undefined> {
    const files = [...store.dirty];
    const folders = [...store.dirtyFolders];
    store.dirty.clear();
    store.dirtyFolders.clear();
    const tasks = [
      ...files.map((file) => () => this.#syncFile(store, file)),
      ...folders.map((folder) => () => syncFolder(store, folder)),
    ].values();
    let first: DiskError | undefined;
    const lane = async () => {
      for (const task of tasks) {
        const error = await task();
        first ??= error;
      }
    };
    await Promise.all(Array.from({ length: lanesCount }, lane));
    return first;
  }

  async #syncFile(store: Store, file: number): Promise<DiskError | undefined> {
    try {
      const lost = store.closedBadly.get(file);
      store.closedBadly.delete(file);
      if (lost !== undefined) throw lost;
      const descriptor = this.#descriptor(store, file);
      descriptor.pins += 1;
      try {
        await promisify(fdatasync)(descriptor.fd);
        // A file that was deleted or replaced under its open descriptor syncs well, and is not there.
        const named = lstatSync(descriptor.path, { bigint: true, throwIfNoEntry: false });
        const written = fstatSync(descriptor.fd, { bigint: true });
        if (named === undefined || named.ino !== written.ino || named.dev !== written.dev) {
          this.#descriptors.drop(descriptor);
          throw new DiskError("missing", descriptor.path, "the file has vanished or was replaced");
        }
        return undefined;
      } catch (error) {
        throw toDiskError(error, descriptor.path);
      } finally {
        this.#descriptors.unpin(descriptor);
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      store.dirty.add(file);
      store.doubtful.add(file);
      return error;
    }
  }

  /** A file that we only found, and may not write, is synced through a descriptor for reading. */
  #descriptor(store: Store, file: number): Descriptor {
    try {
      return this.#descriptors.get(store, file, "write");
    } catch (error) {
      if (!(error instanceof DiskError) || !["denied", "read-only"].includes(error.fault)) throw error;
      return this.#descriptors.get(store, file, "read");
    }
  }
}

async function syncFolder(store: Store, folder: string): Promise<DiskError | undefined> {
  try {
    const fd = await promisify(open)(folder, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
    try {
      await promisify(fsync)(fd);
    } finally {
      await promisify(close)(fd);
    }
    return undefined;
  } catch (error) {
    // Some file systems (and Windows) cannot sync a folder; it is theirs to keep then.
    const code = codeOf(error) ?? "";
    if (["EINVAL", "ENOTSUP", "EISDIR", "EPERM"].includes(code)) return undefined;
    store.dirtyFolders.add(folder);
    return toDiskError(error, folder);
  }
}
