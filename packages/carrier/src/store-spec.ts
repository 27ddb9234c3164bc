import type { Info } from "@dure/protocol";
import type { StoreSpec } from "./ports/index.ts";

/** Where a torrent's bytes lie below `root`, as the disk wants to know it. */
export function storeSpec(root: string, info: Info): StoreSpec {
  const { pieceBytes, totalBytes, pieces, merklePieces } = info;
  const files = info.files.map(({ path, bytes, offset, pad, executable }) => ({
    path,
    bytes,
    offset,
    pad,
    executable,
  }));
  if (merklePieces !== undefined) {
    return { root, files, pieceBytes, totalBytes, digests: merklePieces, hash: "merkle" };
  }
  return { root, files, pieceBytes, totalBytes, digests: pieces };
}
