import { join } from "node:path";
import { NodeError } from "../api.ts";
import { type Database, openDatabase } from "./database.ts";
import { isSqliteError, isSystemError, StateError } from "./fault.ts";

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
 * DHT within hours, and anybody may put an old one again. Calls block for the length of a small transaction, and throw a
 * `NodeError` "profile" when the database cannot be used.
 */
export class Versions {
  readonly #database: Database;
  readonly #profile: string;

  constructor(profile: string) {
    this.#database = usable(profile, () => openDatabase(join(profile, "dure.db")).database);
    this.#profile = profile;
  }

  /** The highest sequence number that was ever published or taken up; undefined when there was none. */
  newest({ publicKey, salt }: ItemName): number | undefined {
    const row = this.#row(
      "SELECT max(sequence) AS newest FROM version WHERE public_key = ? AND salt = ?",
      publicKey,
      salt,
    );
    return typeof row?.newest === "number" ? row.newest : undefined;
  }

  taken({ publicKey, salt }: ItemName, dir: string): TakenVersion | undefined {
    const row = this.#row(
      "SELECT sequence, info_hash, torrent FROM version WHERE public_key = ? AND salt = ? AND dir = ?",
      publicKey,
      salt,
      dir,
    );
    if (typeof row?.sequence !== "number" || !(row.info_hash instanceof Uint8Array)) return undefined;
    const torrent = row.torrent instanceof Uint8Array ? row.torrent : null;
    return { sequence: row.sequence, infoHash: row.info_hash, torrent };
  }

  take(item: ItemName, dir: string, version: TakenVersion): void {
    this.#save(item, dir, version);
  }

  /** What was last published from here. */
  published(item: ItemName): Omit<TakenVersion, "torrent"> | undefined {
    return this.taken(item, published);
  }

  publish(item: ItemName, version: Omit<TakenVersion, "torrent">): void {
    this.#save(item, published, { ...version, torrent: null });
  }

  close(): void {
    this.#database.close();
  }

  /** Durable: after a power cut the number must not be given a second time. */
  #save({ publicKey, salt }: ItemName, dir: string, { sequence, infoHash, torrent }: TakenVersion): void {
    const insert =
      "INSERT OR REPLACE INTO version (public_key, salt, dir, sequence, info_hash, torrent) VALUES (?, ?, ?, ?, ?, ?)";
    usable(this.#profile, () =>
      this.#database.transaction(true, () =>
        this.#database.sql.prepare(insert).run(publicKey, salt, dir, sequence, infoHash, torrent),
      ),
    );
  }

  #row(text: string, ...values: (Uint8Array | string)[]) {
    return usable(this.#profile, () => this.#database.sql.prepare(text).get(...values));
  }
}

function usable<T>(profile: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (!(cause instanceof StateError) && !isSqliteError(cause) && !isSystemError(cause)) throw cause;
    throw new NodeError("profile", `the profile cannot be used: ${cause.message}`, profile, { cause });
  }
}

/** In place of a folder: no path is empty. */
const published = "";
