import { equalBytes, fail, ok, type Result } from "@dure/base";
import type { HashSpan } from "../peer-wire/index.ts";
import { balancedCount, blockCount, pieceHeight, treeHeight } from "./geometry.ts";
import { merkleLimits } from "./limits.ts";
import { hashPair, parentsOf, type Sha256 } from "./root.ts";

/*
 * A `hashes` message (BEP 52) holds `length` hashes of the base layer from `index` on, then uncles:
 *
 *                    root                       base layer 0, index 2, length 2, proof layers 2:
 *              ┌──────┴──────┐                  hashes c d, uncles A B
 *              ·             B
 *          ┌───┴───┐     ┌───┴───┐              Proof layers count from the layer above the base. The uncle beside the
 *          A       ·     ·       ·              top of the asked hashes is at layer log2(length), so the first
 *         a b     c d   e f     g h             log2(length) - 1 proof layers add nothing.
 */

const { hashBytes } = merkleLimits;

export type HashRequestReason = "bad-length" | "bad-index" | "bad-base" | "bad-proof";

/** Whether a request makes sense for a file of so many bytes. */
export function checkHashRequest(span: HashSpan, fileBytes: number): Result<true, HashRequestReason> {
  const { baseLayer, index, length, proofLayers } = span;
  const within = length >= 2 && length <= merkleLimits.requestHashesMax;
  if (!within || !Number.isInteger(Math.log2(length))) return fail("bad-length");
  const height = treeHeight(fileBytes);
  if (baseLayer >= height) return fail("bad-base");
  const layerCount = 2 ** (height - baseLayer);
  if (length > layerCount) return fail("bad-length");
  // Past the file's last hash there is only padding, which nobody needs to ask for.
  const dataCount = Math.ceil(blockCount(fileBytes) / 2 ** baseLayer);
  if (index % length !== 0 || index >= dataCount) return fail("bad-index");
  return proofLayers < height - baseLayer ? ok(true) : fail("bad-proof");
}

/** How many uncles follow the asked hashes. */
export function uncleCount(span: Pick<HashSpan, "length" | "proofLayers">): number {
  return Math.max(0, span.proofLayers - (Math.log2(span.length) - 1));
}

/** A hash of the tree that is known to be right: the file's root, or one of its piece layer. */
export interface Anchor {
  readonly hash: Uint8Array;
  readonly height: number;
  readonly index: number;
}

export type ProofReason = "wrong-count" | "wrong-height" | "wrong-hash";

/**
 * The hashes of the base layer, once the uncles lead from them to the anchor. A stranger's answer: it holds for
 * nothing else than what was asked.
 */
export function verifyHashes(
  span: HashSpan,
  hashes: Uint8Array,
  anchor: Anchor,
  sha256?: Sha256,
): Result<Uint8Array, ProofReason> {
  const uncles = uncleCount(span);
  if (hashes.length !== (span.length + uncles) * hashBytes) return fail("wrong-count");
  const top = span.baseLayer + Math.log2(span.length) + uncles;
  const topIndex = Math.floor(span.index / 2 ** (top - span.baseLayer));
  if (top !== anchor.height || topIndex !== anchor.index) return fail("wrong-height");
  let hash = hashes.subarray(0, span.length * hashBytes);
  while (hash.length > hashBytes) hash = parentsOf(hash, hash, sha256); // a power of two: nothing is left over
  let index = span.index / span.length;
  for (let uncle = 0; uncle < uncles; uncle += 1) {
    const at = (span.length + uncle) * hashBytes;
    const beside = hashes.subarray(at, at + hashBytes);
    hash = index % 2 === 0 ? hashPair(hash, beside, sha256) : hashPair(beside, hash, sha256);
    index = Math.floor(index / 2);
  }
  return equalBytes(hash, anchor.hash) ? ok(hashes.subarray(0, span.length * hashBytes)) : fail("wrong-hash");
}

/** What to ask for the piece layer of a file: nothing when it is no longer than a piece. Each answer proves itself. */
export function pieceLayerRequests(
  file: { readonly piecesRoot: Uint8Array; readonly bytes: number },
  pieceBytes: number,
): readonly HashSpan[] {
  if (file.bytes <= pieceBytes) return [];
  const baseLayer = pieceHeight(pieceBytes);
  const pieceCount = Math.ceil(file.bytes / pieceBytes);
  const length = Math.min(balancedCount(pieceCount), merkleLimits.requestHashesMax);
  const proofLayers = treeHeight(file.bytes) - baseLayer - 1;
  const spans: HashSpan[] = []; // bounded by the pieces a torrent may have
  for (let index = 0; index < pieceCount; index += length) {
    spans.push({ piecesRoot: file.piecesRoot, baseLayer, index, length, proofLayers });
  }
  return spans;
}

/** What to ask for the hashes of a piece's blocks, with a proof up to its hash: nothing when it is one block. */
export function blockHashesRequest(
  file: { readonly piecesRoot: Uint8Array; readonly bytes: number },
  piece: { readonly index: number; readonly pieceBytes: number },
): HashSpan | undefined {
  const width = Math.min(piece.pieceBytes / merkleLimits.blockBytes, 2 ** treeHeight(file.bytes));
  if (width < 2) return undefined;
  const length = Math.min(width, merkleLimits.requestHashesMax);
  const index = piece.index * width;
  return { piecesRoot: file.piecesRoot, baseLayer: 0, index, length, proofLayers: Math.log2(width) - 1 };
}
