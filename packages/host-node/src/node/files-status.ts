import type { Bitfield } from "@dure/base";
import { type Info, pieceLength } from "@dure/protocol";

/** Bytes of a range of the torrent that lie in pieces we have. */
export function bytesHad(info: Info, have: Bitfield, offset: number, bytes: number): number {
  if (bytes === 0) return 0;
  const end = offset + bytes;
  let had = 0;
  for (let piece = Math.floor(offset / info.pieceBytes); piece * info.pieceBytes < end; piece += 1) {
    if (!have.has(piece)) continue;
    const from = Math.max(offset, piece * info.pieceBytes);
    const to = Math.min(end, piece * info.pieceBytes + pieceLength(info, piece));
    had += to - from;
  }
  return had;
}

/** Bytes of the wanted files, pads not counted. */
export function bytesWanted(info: Info, files: readonly number[] | undefined): number {
  const wanted = files === undefined ? undefined : new Set(files);
  return info.files.reduce(
    (sum, file, index) => sum + (!file.pad && (wanted?.has(index) ?? true) ? file.bytes : 0),
    0,
  );
}

/** Of the wanted files, the bytes that we have. Counts all at once when nothing or everything is there. */
export function bytesDone(info: Info, have: Bitfield, files: readonly number[] | undefined): number {
  if (have.none) return 0;
  if (have.all) return bytesWanted(info, files);
  const wanted = files === undefined ? undefined : new Set(files);
  return info.files.reduce((sum, file, index) => {
    return file.pad || !(wanted?.has(index) ?? true)
      ? sum
      : sum + bytesHad(info, have, file.offset, file.bytes);
  }, 0);
}
