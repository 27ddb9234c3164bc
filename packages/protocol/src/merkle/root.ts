import { assert } from "@dure/base";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { balancedCount, blockCount, pieceHeight } from "./geometry.ts";
import { merkleLimits } from "./limits.ts";

/** SHA-256, 32 bytes. The core's own is enough for proofs; hosts pass a native one for whole files. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

const { hashBytes } = merkleLimits;

/** A run of hashes of one layer, one after the other. */
export interface HashRow {
  readonly hashes: Uint8Array;
  /** Layers between the leaves and this one. */
  readonly height: number;
}

/** The hash above `width` hashes, a power of two, of which those past the row's end cover no data (BEP 52: zero leaves). */
export function rootOf(row: HashRow, width: number, sha256: Sha256 = nobleSha256): Uint8Array {
  const count = row.hashes.length / hashBytes;
  assert(Number.isInteger(count) && count >= 1 && count <= width, "a row of whole hashes within its width");
  assert(Number.isInteger(Math.log2(width)), "a width that is a power of two");
  let hashes = row.hashes;
  // Up to the row's own top first: what lies beside it is padding alone, and takes one hash a layer.
  let filler = zeroRoot(row.height, sha256);
  for (let left = width; left > 1; left /= 2) {
    hashes = parentsOf(hashes, filler, sha256);
    filler = hashPair(filler, filler, sha256);
  }
  return hashes;
}

/** The hash of one piece from those of its blocks, as it stands in the piece layer. */
export function pieceRoot(leaves: Uint8Array, pieceBytes: number, sha256?: Sha256): Uint8Array {
  return rootOf({ hashes: leaves, height: 0 }, pieceBytes / merkleLimits.blockBytes, sha256);
}

/** The hash of a file that is no longer than a piece: its tree is only as wide as its blocks ask for. */
export function smallFileRoot(leaves: Uint8Array, sha256?: Sha256): Uint8Array {
  return rootOf({ hashes: leaves, height: 0 }, balancedCount(leaves.length / hashBytes), sha256);
}

/** The `pieces root` of a file that is longer than a piece. */
export function fileRoot(pieceLayer: Uint8Array, pieceBytes: number, sha256?: Sha256): Uint8Array {
  const row = { hashes: pieceLayer, height: pieceHeight(pieceBytes) };
  return rootOf(row, balancedCount(pieceLayer.length / hashBytes), sha256);
}

/** The hash of each block of `bytes`, which begin at a block and end with their piece or file. */
export function leavesOf(bytes: Uint8Array, sha256: Sha256 = nobleSha256): Uint8Array {
  const leaves = new Uint8Array(blockCount(bytes.length) * hashBytes);
  for (let at = 0, slot = 0; at < bytes.length; at += merkleLimits.blockBytes, slot += hashBytes) {
    leaves.set(sha256(bytes.subarray(at, at + merkleLimits.blockBytes)), slot);
  }
  return leaves;
}

/** The hash that stands at `height` above leaves that are all beyond the end of the file. */
export function zeroRoot(height: number, sha256: Sha256 = nobleSha256): Uint8Array {
  let hash = new Uint8Array(hashBytes);
  for (let layer = 0; layer < height; layer += 1) hash = new Uint8Array(hashPair(hash, hash, sha256));
  return hash;
}

export function hashPair(left: Uint8Array, right: Uint8Array, sha256: Sha256 = nobleSha256): Uint8Array {
  const pair = new Uint8Array(2 * hashBytes);
  pair.set(left);
  pair.set(right, hashBytes);
  return sha256(pair);
}

/** The layer above; a hash without a neighbour stands beside `filler`. */
export function parentsOf(hashes: Uint8Array, filler: Uint8Array, sha256: Sha256 = nobleSha256): Uint8Array {
  const pairBytes = 2 * hashBytes;
  const parents = new Uint8Array(Math.ceil(hashes.length / pairBytes) * hashBytes);
  const whole = Math.floor(hashes.length / pairBytes);
  for (let pair = 0; pair < whole; pair += 1) {
    parents.set(sha256(hashes.subarray(pair * pairBytes, (pair + 1) * pairBytes)), pair * hashBytes);
  }
  const odd = hashes.subarray(whole * pairBytes);
  if (odd.length > 0) parents.set(hashPair(odd, filler, sha256), whole * hashBytes);
  return parents;
}
