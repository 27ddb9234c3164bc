import type { Prng } from "@dure/base";
import type { DiskFault } from "@dure/carrier";
import { DiskFile } from "./disk-file.ts";

/** A job that the disk refuses. */
export class VolumeError extends Error {
  override readonly name = "VolumeError";
  readonly fault: DiskFault;
  readonly path: string;

  constructor(fault: DiskFault, path: string) {
    super(`simulated ${fault}: ${path}`);
    this.fault = fault;
    this.path = path;
  }
}

const pageBytes = 4096;

/** A machine's disk: it outlives the processes that use it. Faults are switches that a scenario turns. */
export class Volume {
  /** The whole disk; files occupy pages of 4 KiB. */
  capacityBytes = Number.POSITIVE_INFINITY;
  readOnly = false;
  /** Every so many operations one fails; undefined: none. */
  failEvery: number | undefined;
  /** Times slower than usual. */
  slowness = 1;
  readonly #prng: Prng;
  readonly #files = new Map<string, DiskFile>();
  readonly #folders = new Map<string, number>([["/", 1]]);
  /** Files whose entry is not in its folder for certain. */
  readonly #unsyncedEntries = new Set<string>();
  #inodes = 1;
  #epoch = 0;
  #operations = 0;
  #usedPages = 0;
  #hidden: { readonly files: Map<string, DiskFile>; readonly folders: Map<string, number> } | undefined;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  get usedBytes(): number {
    return this.#usedPages * pageBytes;
  }

  get files(): ReadonlyMap<string, DiskFile> {
    return this.#files;
  }

  file(path: string): DiskFile | undefined {
    return this.#files.get(path);
  }

  /** A number that says whether the folder is still the same one; undefined when it is not there. */
  folder(path: string): number | undefined {
    return this.#folders.get(path);
  }

  makeFolder(path: string): void {
    if (this.#folders.has(path)) return;
    this.#writable(path);
    const parent = parentOf(path);
    if (parent !== path) this.makeFolder(parent);
    this.#inodes += 1;
    this.#folders.set(path, this.#inodes);
  }

  makeFile(path: string): DiskFile {
    this.#writable(path);
    this.makeFolder(parentOf(path));
    this.#inodes += 1;
    const file = new DiskFile(this.#inodes);
    this.#files.set(path, file);
    this.#unsyncedEntries.add(path);
    return file;
  }

  /** Writes what fits; throws when that was not all. */
  write(path: string, file: DiskFile, at: number, bytes: Uint8Array): void {
    this.#writable(path);
    const added = file.pagesAdded(at, at + bytes.length);
    if ((this.#usedPages + added) * pageBytes <= this.capacityBytes) {
      this.#usedPages += added;
      file.write(at, bytes, this.#epoch);
      return;
    }
    let fits = 0;
    while (file.pagesAdded(at, at + fits + 1) === 0) fits += 1; // to the end of the pages that are there
    if (fits > 0) file.write(at, bytes.subarray(0, Math.min(fits, bytes.length)), this.#epoch);
    throw new VolumeError("full", path);
  }

  /** Begins a sync: what is written from now on is not covered by it. */
  beginSync(): number {
    this.#epoch += 1;
    return this.#epoch;
  }

  synced(path: string, epoch: number): void {
    this.#files.get(path)?.synced(epoch);
    this.#unsyncedEntries.delete(path);
  }

  /** Counts an operation; true when it is one that fails. */
  operationFails(): boolean {
    this.#operations += 1;
    return this.failEvery !== undefined && this.#operations % this.failEvery === 0;
  }

  /** Another program's hand: a file with its folders. */
  put(path: string, bytes: Uint8Array): void {
    this.erase(path);
    this.write(path, this.makeFile(path), 0, bytes);
    this.synced(path, this.beginSync());
  }

  /** Removes a file, or a folder with all that is in it. */
  erase(path: string): void {
    const below = (other: string) => other === path || other.startsWith(`${path}/`);
    for (const [other, file] of [...this.#files]) {
      if (!below(other)) continue;
      this.#usedPages -= file.pagesUsed;
      this.#files.delete(other);
      this.#unsyncedEntries.delete(other);
    }
    for (const other of [...this.#folders.keys()]) if (below(other)) this.#folders.delete(other);
  }

  /** Takes the disk out of the machine: its folders are not there. */
  unmount(): void {
    if (this.#hidden !== undefined) return;
    this.#hidden = { files: new Map(this.#files), folders: new Map(this.#folders) };
    this.#files.clear();
    this.#folders.clear();
    this.#folders.set("/", 1);
  }

  mount(): void {
    if (this.#hidden === undefined) return;
    this.#files.clear();
    this.#folders.clear();
    for (const [path, file] of this.#hidden.files) this.#files.set(path, file);
    for (const [path, inode] of this.#hidden.folders) this.#folders.set(path, inode);
    this.#hidden = undefined;
  }

  powerCut(): void {
    this.mount();
    for (const path of this.#unsyncedEntries) if (this.#prng.chance(0.5)) this.#files.delete(path);
    this.#unsyncedEntries.clear();
    this.#usedPages = 0;
    for (const file of this.#files.values()) {
      file.powerCut(this.#prng);
      this.#usedPages += file.pagesUsed;
    }
  }

  #writable(path: string): void {
    if (this.readOnly) throw new VolumeError("read-only", path);
  }
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}
