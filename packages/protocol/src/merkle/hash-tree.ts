import { assert, at, must } from "@dure/base";
import type { HashSpan } from "../peer-wire/index.ts";
import { merkleLimits } from "./limits.ts";
import { uncleCount } from "./proof.ts";
import { type HashRow, hashPair, parentsOf, type Sha256, zeroRoot } from "./root.ts";

const { hashBytes } = merkleLimits;

/**
 * The layers above one row of hashes, kept to answer hash requests: twice the bytes of the row. Built once: to hash
 * a large file's layer again for each question would let a stranger keep us busy.
 */
export class HashTree {
  /** The row's own height first. Only what covers data is kept; the rest is the filler of its layer. */
  readonly #rows: Uint8Array[] = [];
  readonly #fillers: Uint8Array[] = [];
  readonly #base: number;

  constructor(row: HashRow, width: number, sha256?: Sha256) {
    const height = Math.log2(width);
    assert(Number.isInteger(height) && row.hashes.length <= width * hashBytes, "a row within its width");
    this.#base = row.height;
    let hashes = row.hashes;
    let filler = zeroRoot(row.height, sha256);
    for (let layer = 0; ; layer += 1) {
      this.#rows.push(hashes);
      this.#fillers.push(filler);
      if (layer === height) break;
      hashes = parentsOf(hashes, filler, sha256);
      filler = hashPair(filler, filler, sha256);
    }
  }

  get base(): number {
    return this.#base;
  }

  /** The height of its one top hash. */
  get top(): number {
    return this.#base + this.#rows.length - 1;
  }

  get root(): Uint8Array {
    return must(this.#rows[this.#rows.length - 1], "a tree has a top");
  }

  hash(height: number, index: number): Uint8Array {
    const row = at(this.#rows, height - this.#base);
    const from = index * hashBytes;
    return from < row.length ? row.subarray(from, from + hashBytes) : at(this.#fillers, height - this.#base);
  }
}

/** One piece's own tree, over its blocks, for requests below the piece layer. */
export interface PieceTree {
  readonly tree: HashTree;
  readonly index: number;
}

/**
 * The hashes and uncles of a request that `checkHashRequest` passed, or undefined when they cannot be had from
 * what is given: below the file tree's base only one piece is known.
 */
export function hashesFor(span: HashSpan, file: HashTree, piece?: PieceTree): Uint8Array | undefined {
  const find = (height: number, index: number): Uint8Array | undefined => {
    if (height >= file.base) return file.hash(height, index);
    if (piece === undefined || height > piece.tree.top) return undefined;
    const width = 2 ** (piece.tree.top - height);
    const below = index - piece.index * width;
    return below >= 0 && below < width ? piece.tree.hash(height, below) : undefined;
  };
  const answer = new Uint8Array((span.length + uncleCount(span)) * hashBytes);
  let filled = 0;
  const take = (height: number, index: number): boolean => {
    const hash = find(height, index);
    if (hash === undefined) return false;
    answer.set(hash, filled);
    filled += hashBytes;
    return true;
  };
  for (let offset = 0; offset < span.length; offset += 1) {
    if (!take(span.baseLayer, span.index + offset)) return undefined;
  }
  const top = Math.log2(span.length);
  for (let uncle = 0; uncle < uncleCount(span); uncle += 1) {
    const index = Math.floor(span.index / 2 ** (top + uncle));
    if (!take(span.baseLayer + top + uncle, index % 2 === 0 ? index + 1 : index - 1)) return undefined;
  }
  return answer;
}
