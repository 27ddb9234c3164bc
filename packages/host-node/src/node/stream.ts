import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Info, TorrentFile } from "@dure/protocol";
import { NodeError } from "../api.ts";

const chunkBytes = 256 * 1024;

export interface StreamHost {
  readonly dir: string;
  readonly info: Info;
  have(piece: number): boolean;
  /** Pieces from this byte of the torrent on come first; undefined ends the preference. */
  prefer(from: number | undefined): void;
  /** Resolves when another piece has been verified; rejects when the torrent has stopped. */
  nextPiece(): Promise<void>;
}

/** A file's bytes in order, read from disk as soon as their pieces are verified. */
export function streamFile(
  host: StreamHost,
  file: TorrentFile,
  range: { readonly start: number; readonly end: number } | undefined,
): ReadableStream<Uint8Array> {
  let at = range?.start ?? 0;
  const end = Math.min(range?.end ?? file.bytes, file.bytes);
  if (at < 0 || at > end)
    throw new NodeError("no-such-file", `bytes ${at} to ${end} are not in the file`, file.path.join("/"));
  let handle: FileHandle | undefined;
  const finish = async () => {
    host.prefer(undefined);
    await handle?.close();
    handle = undefined;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (at >= end) {
          await finish();
          return controller.close();
        }
        host.prefer(file.offset + at);
        const available = await waitFor(host, file, at, end);
        handle ??= await open(join(host.dir, ...file.path), "r");
        const bytes = new Uint8Array(Math.min(chunkBytes, available));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
        if (bytesRead === 0)
          throw new NodeError("disk", `${file.path.join("/")} has become shorter`, file.path.join("/"));
        at += bytesRead;
        controller.enqueue(bytes.subarray(0, bytesRead));
      },
      cancel: finish,
    },
    { highWaterMark: 1 },
  );
}

/** How many bytes from `at` on lie in verified pieces; waits until there is one. */
async function waitFor(host: StreamHost, file: TorrentFile, at: number, end: number): Promise<number> {
  const { pieceBytes } = host.info;
  const first = Math.floor((file.offset + at) / pieceBytes);
  while (!host.have(first)) await host.nextPiece();
  let piece = first;
  while ((piece + 1) * pieceBytes < file.offset + end && host.have(piece + 1)) piece += 1;
  return Math.min(end, (piece + 1) * pieceBytes - file.offset) - at;
}
