import { pieceState } from "@dure/carrier";
import type { Info, TorrentFile } from "@dure/protocol";

/** A file that is not all there. A piece that two files share counts for both. */
export interface FileGap {
  readonly path: string;
  readonly pieceCount: number;
  readonly piecesBad: number;
  readonly piecesMissing: number;
}

/** The files that pieces which are not right reach into, in the torrent's order. */
export function gapsOf(info: Info, states: Uint8Array): readonly FileGap[] {
  return info.files
    .filter((file) => !file.pad && file.bytes > 0)
    .map((file) => gapOf(info, file, states))
    .filter((gap) => gap.piecesBad + gap.piecesMissing > 0);
}

function gapOf(info: Info, file: TorrentFile, states: Uint8Array): FileGap {
  const first = Math.floor(file.offset / info.pieceBytes);
  const last = Math.floor((file.offset + file.bytes - 1) / info.pieceBytes);
  let piecesBad = 0;
  let piecesMissing = 0;
  for (let piece = first; piece <= last; piece += 1) {
    if (states[piece] === pieceState.bad) piecesBad += 1;
    if (states[piece] === pieceState.missing) piecesMissing += 1;
  }
  return { path: file.path.join("/"), pieceCount: last - first + 1, piecesBad, piecesMissing };
}
