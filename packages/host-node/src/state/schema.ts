import type { DatabaseSync } from "node:sqlite";
import { StateError } from "./fault.ts";

// Each entry lifts the database by one version. Released entries never change.
const migrations: readonly string[] = [
  // Three tables, since SQLite rewrites the whole row: a commit must not copy the .torrent.
  `CREATE TABLE torrent (
     id INTEGER PRIMARY KEY,
     info_hash TEXT NOT NULL,
     dir TEXT NOT NULL,
     name TEXT NOT NULL,
     added_at INTEGER NOT NULL,
     owner_pid INTEGER,
     owner_mark TEXT,
     owner_since INTEGER,
     UNIQUE (info_hash, dir)
   ) STRICT;
   CREATE TABLE metainfo (
     torrent INTEGER PRIMARY KEY REFERENCES torrent ON DELETE CASCADE,
     bytes BLOB NOT NULL
   ) STRICT;
   CREATE TABLE progress (
     torrent INTEGER PRIMARY KEY REFERENCES torrent ON DELETE CASCADE,
     have BLOB NOT NULL,
     have_crc32 INTEGER NOT NULL,
     uploaded INTEGER NOT NULL,
     downloaded INTEGER NOT NULL,
     completed_at INTEGER,
     peers TEXT NOT NULL
   ) STRICT;
   -- blocks: what was written of an unfinished piece; null: the piece is finished and not known to be synced.
   CREATE TABLE journal (
     torrent INTEGER NOT NULL REFERENCES torrent ON DELETE CASCADE,
     piece INTEGER NOT NULL,
     blocks BLOB,
     PRIMARY KEY (torrent, piece)
   ) STRICT, WITHOUT ROWID;`,
  // A row each for IPv4 and IPv6, written whole: a table has some hundred nodes. The owner goes by the ids.
  `CREATE TABLE dht (
     family INTEGER PRIMARY KEY,
     id BLOB NOT NULL,
     nodes BLOB NOT NULL,
     crc32 INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE dht_owner (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     pid INTEGER NOT NULL,
     mark TEXT NOT NULL
   ) STRICT;`,
  // dir: the folder of a follower, or empty for what was published from here.
  `CREATE TABLE version (
     public_key BLOB NOT NULL,
     salt BLOB NOT NULL,
     dir TEXT NOT NULL,
     sequence INTEGER NOT NULL,
     info_hash BLOB NOT NULL,
     torrent BLOB,
     PRIMARY KEY (public_key, salt, dir)
   ) STRICT;`,
];

export const schemaVersion = migrations.length;

/** Brings a database of any released version to this one; refuses one from the future. */
export function migrate(database: DatabaseSync): void {
  if (versionOf(database) === schemaVersion) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(database); // again: another process may have been faster
    if (version > schemaVersion) {
      throw new StateError(
        `the profile was written by a newer Dure (schema ${version}, this one knows ${schemaVersion}): ` +
          "use that version, or another profile",
      );
    }
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${schemaVersion}`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.user_version);
}
