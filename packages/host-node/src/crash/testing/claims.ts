import { closeSync, copyFileSync, existsSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Sample } from "./sample.ts";

const blockBytes = 16_384;

/** What the database of a dead process says of one torrent. */
export interface Claims {
  readonly have: readonly number[];
  readonly unsynced: readonly number[];
  readonly partial: readonly { readonly piece: number; readonly blocks: readonly number[] }[];
  readonly downloaded: number;
}

/**
 * Reads a copy of the database, with code of its own: the original stays as the dead process left it, log and all.
 * Torrents are found by their info-hash; undefined while there is no database yet.
 */
export function readClaims(profile: string): ReadonlyMap<string, Claims> | undefined {
  if (!existsSync(join(profile, "dure.db"))) return undefined;
  const copy = mkdtempSync(join(profile, "copy-"));
  for (const name of ["dure.db", "dure.db-wal"])
    if (existsSync(join(profile, name))) copyFileSync(join(profile, name), join(copy, name));
  const database = new DatabaseSync(join(copy, "dure.db"));
  try {
    const tables = database
      .prepare("SELECT count(*) AS count FROM sqlite_schema WHERE name = 'torrent'")
      .get();
    if (tables?.count === 0) return undefined;
    return new Map(
      database
        .prepare("SELECT id, info_hash FROM torrent")
        .all()
        .map((row) => [String(row.info_hash), claimsOf(database, Number(row.id))]),
    );
  } finally {
    database.close();
    rmSync(copy, { recursive: true });
  }
}

function claimsOf(database: DatabaseSync, id: number): Claims {
  const progress = database.prepare("SELECT have, downloaded FROM progress WHERE torrent = ?").get(id);
  const journal = database.prepare("SELECT piece, blocks FROM journal WHERE torrent = ?").all(id);
  return {
    have: bitsOf(progress?.have),
    unsynced: journal.flatMap((row) => (row.blocks === null ? [Number(row.piece)] : [])),
    partial: journal.flatMap((row) =>
      row.blocks === null ? [] : [{ piece: Number(row.piece), blocks: bitsOf(row.blocks) }],
    ),
    downloaded: Number(progress?.downloaded ?? 0),
  };
}

function bitsOf(value: unknown): number[] {
  if (!(value instanceof Uint8Array)) return [];
  const bits: number[] = [];
  for (let bit = 0; bit < value.length * 8; bit += 1)
    if (((value[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) bits.push(bit);
  return bits;
}

/** Bytes that need not be fetched again; throws at the first that is claimed and not on disk. */
export function provenBytes(sample: Sample, dir: string, claims: Claims | undefined): number {
  if (claims === undefined) return 0;
  const { info, content } = sample;
  const whole = new Set([...claims.have, ...claims.unsynced]);
  const ranges = [...whole].map((piece) => ({ from: piece * info.pieceBytes, bytes: info.pieceBytes }));
  for (const { piece, blocks } of claims.partial) {
    if (whole.has(piece)) continue;
    for (const block of blocks)
      ranges.push({ from: piece * info.pieceBytes + block * blockBytes, bytes: blockBytes });
  }
  let proven = 0;
  for (const range of joined(ranges, content.length)) {
    const onDisk = readRange(sample, dir, range.from, range.to);
    const wrong = onDisk.compare(content, range.from, range.to);
    if (wrong !== 0)
      throw new Error(`${sample.name} claims bytes ${range.from}–${range.to} that are not on disk`);
    proven += range.to - range.from;
  }
  return proven;
}

function joined(ranges: readonly { from: number; bytes: number }[], end: number) {
  const result: { from: number; to: number }[] = [];
  for (const { from, bytes } of ranges.toSorted((a, b) => a.from - b.from)) {
    const to = Math.min(from + bytes, end);
    const last = result.at(-1);
    if (last !== undefined && last.to === from) last.to = to;
    else result.push({ from, to });
  }
  return result;
}

/** The bytes of a range as its files hold them; what is missing reads as zeros. */
export function readRange(sample: Sample, dir: string, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  for (const file of sample.info.files) {
    const first = Math.max(from, file.offset);
    const last = Math.min(to, file.offset + file.bytes);
    const path = join(dir, ...file.path);
    if (file.pad || first >= last || !existsSync(path)) continue;
    const fd = openSync(path, "r");
    readSync(fd, bytes, first - from, last - first, first - file.offset);
    closeSync(fd);
  }
  return bytes;
}

/** Is every byte of the torrent on disk? */
export function isWhole(sample: Sample, dir: string): boolean {
  return readRange(sample, dir, 0, sample.content.length).equals(sample.content);
}
