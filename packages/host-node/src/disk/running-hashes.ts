import { createHash, type Hash } from "node:crypto";
import { BoundedMap, must } from "@dure/base";
import type { FileSpan } from "@dure/carrier";
import type { Store } from "./store.ts";

interface Running {
  readonly hash: Hash;
  /** The piece is hashed up to here. */
  next: number;
}

// At the top the oldest is dropped: its piece is read back when it is verified.
const runningMax = 512;
const zeros = Buffer.alloc(256 * 1024);

/** SHA-1 of pieces as they are written from the front; what is written out of turn is read back by `verify`. */
export class RunningHashes {
  readonly #running = new BoundedMap<number, Running>({ max: runningMax, full: "drop-oldest" });

  /** Bytes below what was hashed are about to change. */
  beforeWrite(store: Store, piece: number, begin: number): void {
    const running = this.#running.get(keyOf(store, piece));
    if (running !== undefined && begin < running.next) this.#running.delete(keyOf(store, piece));
  }

  /** `bytes` were stored at `begin`, laid out as `spans`. */
  afterWrite(
    store: Store,
    written: { piece: number; begin: number; bytes: Uint8Array; spans: readonly FileSpan[] },
  ): void {
    const key = keyOf(store, written.piece);
    const running = this.#running.get(key) ?? { hash: createHash("sha1"), next: 0 };
    if (!skipPads(running, store, written.piece, written.begin)) return;
    let at = 0;
    for (const { pad, length } of written.spans) {
      // Pads are zeros whatever the peer sent: the file will never say otherwise.
      if (pad) hashZeros(running.hash, length);
      else running.hash.update(written.bytes.subarray(at, at + length));
      at += length;
    }
    running.next = written.begin + at;
    this.#running.set(key, running);
  }

  /** The hash of the piece so far, which leaves the collection; a fresh one when there is none. */
  take(store: Store, piece: number): Running {
    const running = this.#running.get(keyOf(store, piece));
    this.#running.delete(keyOf(store, piece));
    return running ?? { hash: createHash("sha1"), next: 0 };
  }

  drop(store: Store, piece: number): void {
    this.#running.delete(keyOf(store, piece));
  }

  dropStore(store: Store): void {
    for (const key of [...this.#running.keys()]) {
      if (Math.floor(key / piecesMax) === store.id) this.#running.delete(key);
    }
  }
}

/** Advances over pads up to `begin`; false when bytes are missing in between. */
function skipPads(running: Running, store: Store, piece: number, begin: number): boolean {
  if (running.next === begin) return true;
  const gap = store.layout.spans(store.offsetOf(piece) + running.next, begin - running.next);
  if (!gap.every((span) => span.pad)) return false;
  hashZeros(running.hash, begin - running.next);
  running.next = begin;
  return true;
}

export function hashZeros(hash: Hash, length: number): void {
  for (let left = length; left > 0; left -= zeros.length) {
    hash.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }
}

/** Says whether a digest is that of `length` zeros. Remembers the last few lengths it was asked for. */
export class ZeroDigests {
  readonly #byLength = new BoundedMap<number, Buffer>({ max: 16, full: "drop-oldest" });

  isZeros(digest: Buffer, length: number): boolean {
    if (!this.#byLength.has(length)) {
      const hash = createHash("sha1");
      hashZeros(hash, length);
      this.#byLength.set(length, hash.digest());
    }
    return must(this.#byLength.get(length), "it was just put there").equals(digest);
  }
}

const piecesMax = 2 ** 22; // twice what a torrent may have; store numbers stay exact up to 2^31

function keyOf(store: Store, piece: number): number {
  return store.id * piecesMax + piece;
}
