import { BoundedMap, must } from "@dure/base";
import type { FileSpan } from "@dure/carrier";
import { MerkleHash, type PieceHash } from "./piece-hash.ts";
import type { Store } from "./store.ts";

interface Running {
  readonly hash: PieceHash;
  /** The piece is hashed up to here. */
  next: number;
}

// At the top the oldest is dropped: its piece is read back when it is verified.
const runningMax = 512;
const zeros = Buffer.alloc(256 * 1024);

/** Hashes of pieces as they are written from the front; what is written out of turn is read back by `verify`. */
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
    const running = this.#running.get(key) ?? { hash: store.newHash(written.piece), next: 0 };
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
    return running ?? { hash: store.newHash(piece), next: 0 };
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

/** Hashes a pad, which is not part of a tree (BEP 52). */
function hashZeros(hash: PieceHash, length: number): void {
  if (!(hash instanceof MerkleHash)) feedZeros(hash, length);
}

function feedZeros(hash: PieceHash, length: number): void {
  for (let left = length; left > 0; left -= zeros.length) {
    hash.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }
}

/** Says whether a piece's digest is that of nothing but zeros. Remembers the last few kinds it was asked for. */
export class ZeroDigests {
  readonly #byKind = new BoundedMap<string, Buffer>({ max: 16, full: "drop-oldest" });

  isZeros(digest: Buffer, store: Store, piece: number): boolean {
    const length = store.dataLength(piece);
    const kind = `${length}/${store.treeWidth(piece)}`;
    if (!this.#byKind.has(kind)) {
      const hash = store.newHash(piece);
      feedZeros(hash, length);
      this.#byKind.set(kind, hash.digest());
    }
    return must(this.#byKind.get(kind), "it was just put there").equals(digest);
  }
}

const piecesMax = 2 ** 22; // twice what a torrent may have; store numbers stay exact up to 2^31

function keyOf(store: Store, piece: number): number {
  return store.id * piecesMax + piece;
}
