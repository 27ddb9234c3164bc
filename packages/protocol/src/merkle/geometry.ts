import { assert } from "@dure/base";
import { merkleLimits } from "./limits.ts";

/** Blocks of a file, or of a piece: the last one may be short. */
export function blockCount(bytes: number): number {
  return Math.ceil(bytes / merkleLimits.blockBytes);
}

/** The power of two that a layer of `count` hashes is balanced to. */
export function balancedCount(count: number): number {
  assert(count >= 1, "a tree has a leaf");
  return 2 ** Math.ceil(Math.log2(count));
}

/** Layers between the leaves and the root of a file: 0 when it is one block. */
export function treeHeight(fileBytes: number): number {
  return Math.log2(balancedCount(blockCount(fileBytes)));
}

/** Layers between the leaves and the layer of which each hash covers one piece. */
export function pieceHeight(pieceBytes: number): number {
  assert(isPieceLength(pieceBytes), "a piece length of BEP 52");
  return Math.log2(pieceBytes / merkleLimits.blockBytes);
}

/** BEP 52: "a power of two and at least 16KiB". */
export function isPieceLength(bytes: number): boolean {
  return bytes >= merkleLimits.blockBytes && Number.isInteger(Math.log2(bytes));
}
