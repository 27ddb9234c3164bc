import { open } from "node:fs/promises";
import { type Metainfo, metainfoLimits, parseTorrent } from "@dure/protocol";
import { fileError } from "../create/walk.ts";
import { CliError } from "../errors.ts";

export interface LoadedTorrent {
  readonly metainfo: Metainfo;
  readonly bytes: Uint8Array;
}

/** Reads and parses a .torrent; `-` is the standard input. */
export async function loadTorrent(path: string): Promise<LoadedTorrent> {
  const bytes = path === "-" ? await readInput() : await readFile(path);
  const parsed = parseTorrent(bytes);
  if (parsed.ok) return { metainfo: parsed.value, bytes };
  throw badTorrent(path, parsed.reason);
}

export function badTorrent(path: string, reason: string): CliError {
  return new CliError("bad-torrent", "torrent.bad", { path, reason });
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path);
    const found = await file.stat();
    if (found.isDirectory()) throw new CliError("file", "torrent.folder", { path });
    if (found.size > metainfoLimits.torrentBytesMax) throw badTorrent(path, "torrent-too-large");
    return await file.readFile();
  } catch (error) {
    throw error instanceof CliError ? error : fileError(error, path);
  }
}

async function readInput(): Promise<Uint8Array> {
  const parts: Uint8Array[] = []; // bounded by the check below
  let length = 0;
  for await (const part of process.stdin) {
    parts.push(part);
    length += part.length;
    if (length > metainfoLimits.torrentBytesMax) throw badTorrent("-", "torrent-too-large");
  }
  return Buffer.concat(parts);
}
