import { mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DiskError, toDiskError } from "./fault.ts";

/**
 * A download folder, and whether it is still the one it was when the store was opened. A disk that was unmounted
 * leaves an empty folder at the same path: writing there would fill the wrong disk and look like a fresh download.
 *
 * What was learnt lies in a few shared bytes, so that all workers judge by the same first look.
 */
export class Root {
  readonly path: string;
  readonly #cell: RootCell;
  #real: string | undefined;

  constructor(path: string, memory: SharedArrayBuffer) {
    this.path = resolve(path);
    this.#cell = new RootCell(memory);
    if (!this.#cell.learnt) this.#cell.learn(lookAt(this.path));
  }

  /** The real path; undefined when the folder was not there at first and is not there yet. */
  present(): string | undefined {
    const seen = lookAt(this.path);
    if (!this.#cell.wasThere) {
      if (seen === undefined) return undefined;
      this.#cell.learn(seen);
    }
    if (seen === undefined) throw new DiskError("missing", this.path, "the download folder has vanished");
    if (!this.#cell.is(seen)) throw new DiskError("missing", this.path, "another folder is in its place");
    this.#real ??= realPath(this.path);
    return this.#real;
  }

  /** Makes a folder that never was there; `made` hears of each parent that got a new entry. */
  make(made: (parent: string) => void): string {
    try {
      const first = mkdirSync(this.path, { recursive: true });
      for (let path = this.path; first !== undefined && path.length >= first.length; path = dirname(path)) {
        made(dirname(path));
      }
    } catch (error) {
      throw toDiskError(error, this.path);
    }
    const real = this.present();
    if (real === undefined) throw new DiskError("missing", this.path, "the folder vanished as it was made");
    return real;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    throw toDiskError(error, path);
  }
}

interface Identity {
  readonly device: bigint;
  readonly inode: bigint;
}

function lookAt(path: string): Identity | undefined {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? undefined : { device: stats.dev, inode: stats.ino };
  } catch (error) {
    throw toDiskError(error, path);
  }
}

/** Three 64-bit words: what is known, device, inode. */
class RootCell {
  static readonly bytes = 24;
  readonly #words: BigUint64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new BigUint64Array(memory);
  }

  get learnt(): boolean {
    return Atomics.load(this.#words, 0) !== 0n;
  }

  get wasThere(): boolean {
    return Atomics.load(this.#words, 0) === 2n;
  }

  learn(identity: Identity | undefined): void {
    if (identity !== undefined) {
      Atomics.store(this.#words, 1, identity.device);
      Atomics.store(this.#words, 2, identity.inode);
    }
    Atomics.store(this.#words, 0, identity === undefined ? 1n : 2n);
  }

  is(identity: Identity): boolean {
    return (
      Atomics.load(this.#words, 1) === identity.device && Atomics.load(this.#words, 2) === identity.inode
    );
  }
}

/** What `Root` keeps its knowledge in. */
export function rootMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(RootCell.bytes);
}
