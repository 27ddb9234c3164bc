import { join } from "node:path";
import { type Database, openDatabase } from "./database.ts";

/** Which of a key's items (BEP 44), 32 bytes and at most 64. */
export interface ItemName {
  readonly publicKey: Uint8Array;
  readonly salt: Uint8Array;
}

/** What a follower last took up, in one folder. */
export interface TakenVersion {
  readonly sequence: number;
  readonly infoHash: Uint8Array;
  /** The .torrent whose files lie in the folder: of this version, or of an earlier one as long as this one's is not known. */
  readonly torrent: Uint8Array | null;
}

/**
 * Sequence numbers of items that this profile published or follows, so that they never go back: items are forgotten by the
 * DHT within hours, and anybody may put an old one again. Calls block for the length of a small transaction.
 */
export class Versions {
  readonly #database: Database;

  constructor(profile: string) {
    this.#database = openDatabase(join(profile, "dure.db")).database;
  }

  /** The highest sequence number that was ever published or taken up; undefined when there was none. */
  newest({ publicKey, salt }: ItemName): number | undefined {
    const row = this.#database.sql
      .prepare("SELECT max(sequence) AS newest FROM version WHERE public_key = ? AND salt = ?")
      .get(publicKey, salt);
    return typeof row?.newest === "number" ? row.newest : undefined;
  }

  taken({ publicKey, salt }: ItemName, dir: string): TakenVersion | undefined {
    const row = this.#database.sql
      .prepare(
        "SELECT sequence, info_hash, torrent FROM version WHERE public_key = ? AND salt = ? AND dir = ?",
      )
      .get(publicKey, salt, dir);
    if (typeof row?.sequence !== "number" || !(row.info_hash instanceof Uint8Array)) return undefined;
    const torrent = row.torrent instanceof Uint8Array ? row.torrent : null;
    return { sequence: row.sequence, infoHash: row.info_hash, torrent };
  }

  take(item: ItemName, dir: string, version: TakenVersion): void {
    this.#save(item, dir, version);
  }

  publish(item: ItemName, version: Omit<TakenVersion, "torrent">): void {
    this.#save(item, published, { ...version, torrent: null });
  }

  close(): void {
    this.#database.close();
  }

  /** Durable: after a power cut the number must not be given a second time. */
  #save({ publicKey, salt }: ItemName, dir: string, { sequence, infoHash, torrent }: TakenVersion): void {
    this.#database.transaction(true, () => {
      this.#database.sql
        .prepare(
          "INSERT OR REPLACE INTO version (public_key, salt, dir, sequence, info_hash, torrent) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .run(publicKey, salt, dir, sequence, infoHash, torrent);
    });
  }
}

/** In place of a folder: no path is empty. */
const published = "";
