import type { StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { must, type UnixMs, unixMs } from "@dure/base";
import type { PartialRecord, StateJob, TorrentKey, TorrentRecord } from "@dure/carrier";
import type { Database } from "./database.ts";
import { isAlive, type Owner } from "./owner.ts";

type Job<Type extends StateJob["type"]> = Extract<StateJob, { type: Type }>;
type Row = ReturnType<StatementSync["get"]>;

export type ClaimAnswer =
  | { readonly type: "owned"; readonly pid: number; readonly since: UnixMs }
  | {
      readonly type: "claimed";
      readonly id: number;
      readonly record: TorrentRecord;
      /** The have bitmap did not match its checksum and was left out. */
      readonly damaged: boolean;
    };

const peersMax = 100;

/**
 * The tables of torrents. Each method is one transaction.
 *
 * Durable: what a power cut must not take. A new torrent and its metadata, since the user would miss them; a commit that
 * takes a bit away, since the bytes under it may be overwritten next, and the old bit would then claim wrong bytes.
 * A commit that only adds bits may be lost: they are claimed after the data was synced, and found again by checking.
 */
export class Torrents {
  readonly #database: Database;
  readonly #prepared = new Map<string, StatementSync>(); // one for each text below

  constructor(database: Database) {
    this.#database = database;
  }

  claim({ key, name }: { key: TorrentKey; name: string }, owner: Owner): ClaimAnswer {
    const isNew = this.#find(key) === undefined;
    return this.#database.transaction(isNew, () => {
      const now = Date.now();
      this.#sql("INSERT OR IGNORE INTO torrent (info_hash, dir, name, added_at) VALUES (?, ?, ?, ?)").run(
        key.infoHash,
        key.dir,
        name,
        now,
      );
      const row = must(this.#find(key), "the row was just put there");
      if (row.owner_pid !== null) {
        const holder = { pid: Number(row.owner_pid), mark: String(row.owner_mark) };
        if (isAlive(holder)) {
          return { type: "owned", pid: holder.pid, since: unixMs(Number(row.owner_since)) };
        }
      }
      const id = Number(row.id);
      this.#sql("UPDATE torrent SET owner_pid = ?, owner_mark = ?, owner_since = ? WHERE id = ?").run(
        owner.pid,
        owner.mark,
        now,
        id,
      );
      return { type: "claimed", id, ...this.#load(id, key) };
    });
  }

  saveTorrent(id: number, job: Job<"save-torrent">): void {
    this.#database.transaction(true, () => {
      this.#sql("UPDATE torrent SET name = ? WHERE id = ?").run(job.name, id);
      this.#sql("INSERT OR REPLACE INTO metainfo (torrent, bytes) VALUES (?, ?)").run(id, job.torrent);
    });
  }

  journal(id: number, job: Job<"journal">): void {
    const drop = this.#sql("DELETE FROM journal WHERE torrent = ? AND piece = ?");
    const put = this.#sql("INSERT OR REPLACE INTO journal (torrent, piece, blocks) VALUES (?, ?, ?)");
    this.#database.transaction(false, () => {
      for (const piece of job.dropped) drop.run(id, piece);
      for (const { piece, blocks } of job.partial) put.run(id, piece, blocks);
      for (const piece of job.unsynced) put.run(id, piece, null);
    });
  }

  commit(id: number, job: Job<"commit">): void {
    const before = this.#sql("SELECT have FROM progress WHERE torrent = ?").get(id)?.have;
    const durable = before instanceof Uint8Array && !isSubset(before, job.have);
    this.#database.transaction(durable, () => {
      this.#sql(
        `INSERT OR REPLACE INTO progress (torrent, have, have_crc32, uploaded, downloaded, completed_at, peers)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ).run(
        id,
        job.have,
        checksum(job.key, job.have),
        job.uploaded,
        job.downloaded,
        job.completedAt,
        JSON.stringify(job.peers.slice(0, peersMax)),
      );
      const drop = this.#sql("DELETE FROM journal WHERE torrent = ? AND piece = ?");
      for (const row of this.#sql("SELECT piece FROM journal WHERE torrent = ?").all(id)) {
        const piece = Number(row.piece);
        if (((job.have[piece >>> 3] ?? 0) & (0x80 >>> (piece & 7))) !== 0) drop.run(id, piece);
      }
    });
  }

  release(id: number, owner: Owner): void {
    this.#sql(
      "UPDATE torrent SET owner_pid = NULL, owner_mark = NULL WHERE id = ? AND owner_pid = ? AND owner_mark = ?",
    ).run(id, owner.pid, owner.mark);
  }

  remove(id: number): void {
    this.#database.transaction(true, () => this.#sql("DELETE FROM torrent WHERE id = ?").run(id));
  }

  #load(id: number, key: TorrentKey): { record: TorrentRecord; damaged: boolean } {
    const torrent = must(this.#sql("SELECT * FROM torrent WHERE id = ?").get(id), "the torrent is there");
    const metainfo = this.#sql("SELECT bytes FROM metainfo WHERE torrent = ?").get(id);
    const progress = this.#sql("SELECT * FROM progress WHERE torrent = ?").get(id);
    const have = bytesOf(progress, "have");
    const intact = have !== null && checksum(key, have) === progress?.have_crc32;
    const record = {
      ...key,
      name: String(torrent.name),
      torrent: bytesOf(metainfo, "bytes"),
      have: intact ? have : null,
      ...this.#loadJournal(id),
      uploaded: Number(progress?.uploaded ?? 0),
      downloaded: Number(progress?.downloaded ?? 0),
      addedAt: unixMs(Number(torrent.added_at)),
      completedAt: completedAt(progress),
      peers: peersOf(progress),
    };
    return { record, damaged: have !== null && !intact };
  }

  #loadJournal(id: number): { unsynced: number[]; partial: PartialRecord[] } {
    const unsynced: number[] = [];
    const partial: PartialRecord[] = [];
    for (const row of this.#sql("SELECT piece, blocks FROM journal WHERE torrent = ?").all(id)) {
      const piece = Number(row.piece);
      const blocks = bytesOf(row, "blocks");
      if (blocks === null) unsynced.push(piece);
      else partial.push({ piece, blocks });
    }
    return { unsynced, partial };
  }

  #find(key: TorrentKey): Row {
    return this.#sql("SELECT * FROM torrent WHERE info_hash = ? AND dir = ?").get(key.infoHash, key.dir);
  }

  #sql(text: string): StatementSync {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.#database.sql.prepare(text);
    this.#prepared.set(text, statement);
    return statement;
  }
}

function bytesOf(row: Row, column: string): Uint8Array | null {
  const value = row?.[column];
  return value instanceof Uint8Array ? value : null;
}

function completedAt(progress: Row): UnixMs | null {
  const value = progress?.completed_at;
  return typeof value === "number" ? unixMs(value) : null;
}

// The text may have rotted on the disk: what is no list of texts is no peers.
function peersOf(progress: Row): string[] {
  try {
    const list: unknown = JSON.parse(String(progress?.peers ?? "[]"));
    return Array.isArray(list) ? list.filter((item) => typeof item === "string").slice(0, peersMax) : [];
  } catch {
    return []; // JSON.parse knows one complaint
  }
}

// SQLite keeps no checksum of its pages, and one flipped bit would claim a piece that is not there.
function checksum(key: TorrentKey, have: Uint8Array): number {
  return crc32(have, crc32(key.infoHash));
}

function isSubset(small: Uint8Array, large: Uint8Array): boolean {
  for (let index = 0; index < small.length; index += 1) {
    if (((small[index] ?? 0) & ~(large[index] ?? 0)) !== 0) return false;
  }
  return true;
}
