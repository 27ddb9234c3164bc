import type { Prng } from "@dure/base";

const pageBytes = 4096;

/** What a page held before, should the power go now. Undefined content: it had never reached the medium. */
interface Undo {
  readonly content: Uint8Array | undefined;
  /** The sync under way, or the last one, when the page was written. */
  readonly epoch: number;
  readonly older: Undo | undefined;
  /** A sync failed to write the page: the cache calls it clean, the medium does not have it. */
  lost: boolean;
}

/** A file: what everybody reads (the page cache), and what each page would be after a power cut. */
export class DiskFile {
  readonly inode: number;
  #bytes = new Uint8Array(0);
  #length = 0;
  /** Pages whose content is not on the medium for certain. */
  readonly #undo = new Map<number, Undo>();
  #durableLength = 0;
  readonly #pages = new Set<number>();

  constructor(inode: number) {
    this.inode = inode;
  }

  get length(): number {
    return this.#length;
  }

  get pagesDirty(): number {
    return this.#undo.size;
  }

  read(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, to);
  }

  /** Holes are free: only pages that were written take room. */
  get pagesUsed(): number {
    return this.#pages.size;
  }

  /** Pages that a write would add to what the file occupies. */
  pagesAdded(at: number, to: number): number {
    let added = 0;
    for (let page = Math.floor(at / pageBytes); page * pageBytes < to; page += 1)
      if (!this.#pages.has(page)) added += 1;
    return added;
  }

  write(at: number, bytes: Uint8Array, epoch: number): void {
    const end = at + bytes.length;
    this.#remember(at, end, epoch);
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, at);
    for (let page = Math.floor(at / pageBytes); page * pageBytes < end; page += 1) this.#pages.add(page);
    this.#length = Math.max(this.#length, end);
  }

  /** What was written before `epoch` is on the medium. Pages that an earlier sync lost stay lost. */
  synced(epoch: number): void {
    for (const [page, undo] of this.#undo) {
      const kept = cut(undo, epoch);
      if (kept === undefined) this.#undo.delete(page);
      else this.#undo.set(page, kept);
    }
    this.#durableLength = this.#length;
  }

  /** The sync failed: the kernel has dropped the marks of what it could not write. */
  syncFailed(): void {
    for (const undo of this.#undo.values()) undo.lost = true;
  }

  /** The pages are written back: the next sync covers them. */
  writtenBack(from: number, to: number): void {
    for (let page = Math.floor(from / pageBytes); page * pageBytes < to; page += 1) {
      const undo = this.#undo.get(page);
      if (undo !== undefined) undo.lost = false;
    }
  }

  /** The bytes that are left after a power cut in the worst case: every unsynced page is gone. */
  durable(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(to - from);
    bytes.set(this.#bytes.subarray(from, Math.min(to, this.#length)));
    for (let page = Math.floor(from / pageBytes); page * pageBytes < to; page += 1) {
      let undo = this.#undo.get(page);
      if (undo === undefined) continue;
      while (undo.older !== undefined) undo = undo.older;
      for (let at = Math.max(from, page * pageBytes); at < Math.min(to, (page + 1) * pageBytes); at += 1)
        bytes[at - from] = undo.content?.[at - page * pageBytes] ?? 0;
    }
    return bytes;
  }

  /** Each unsynced page is on the medium or not, as it happens. */
  powerCut(prng: Prng): void {
    let length = this.#durableLength;
    for (const [page, undo] of this.#undo) {
      let fate: Undo | undefined = undo;
      if (!undo.lost && prng.chance(0.5)) {
        length = Math.max(length, Math.min(this.#length, (page + 1) * pageBytes));
        continue;
      }
      while (fate.older !== undefined && (undo.lost || prng.chance(0.5))) fate = fate.older;
      const start = page * pageBytes;
      this.#bytes.fill(0, start, start + pageBytes);
      if (fate.content !== undefined) this.#bytes.set(fate.content, start);
    }
    this.#undo.clear();
    this.#length = length;
    this.#bytes.fill(0, length);
    for (const page of this.#pages) if (page * pageBytes >= length) this.#pages.delete(page);
    this.#durableLength = length;
  }

  #remember(from: number, to: number, epoch: number): void {
    for (let page = Math.floor(from / pageBytes); page * pageBytes < to; page += 1) {
      const undo = this.#undo.get(page);
      if (undo !== undefined && undo.epoch === epoch) {
        undo.lost = false; // dirty again, with the new content
        continue;
      }
      const start = page * pageBytes;
      const fresh = start >= this.#durableLength && undo === undefined;
      const content = fresh ? undefined : this.#bytes.slice(start, Math.min(start + pageBytes, this.#length));
      this.#undo.set(page, { content, epoch, older: undo, lost: false });
    }
  }
}

/** What is left to undo once everything from before `epoch` is on the medium. */
function cut(undo: Undo, epoch: number): Undo | undefined {
  if (undo.lost) return undo;
  if (undo.epoch < epoch) return undefined;
  return { ...undo, older: undo.older === undefined ? undefined : cut(undo.older, epoch) };
}
