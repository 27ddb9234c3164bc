import type { Info } from "@dure/protocol";
import type { StoreSpec } from "./ports/index.ts";

/** Where a torrent's bytes lie below `root`, as the disk wants to know it. */
export function storeSpec(root: string, info: Info): StoreSpec {
  const { pieceBytes, totalBytes, pieces } = info;
  const files = info.files.map(({ path, bytes, offset, pad, executable }) => ({
    path,
    bytes,
    offset,
    pad,
    executable,
  }));
  return { root, files, pieceBytes, totalBytes, digests: pieces };
}
