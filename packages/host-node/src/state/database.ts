import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { isBusy, isCorruption, isSqliteError, StateError } from "./fault.ts";
import { migrate } from "./schema.ts";

// Another process of the profile holds the lock for the length of one small transaction, or of a checkpoint.
const busyWaitMs = 5000;
// Reading a larger one through at each start would be felt; its damage is met when it is used.
const checkedBytesMax = 64 * 1024 * 1024;

/**
 * The profile's database, open. WAL, so that readers and one writer do not wait for each other.
 *
 * synchronous=NORMAL: a commit is in the system's cache, safe from a killed process; a power cut may take the last few,
 * always from the end, never one out of the middle. That is enough where the lost record only claimed what can be found
 * again by checking. What must outlive a power cut is done with `durable`, which syncs the log before it returns.
 */
export class Database {
  readonly sql: DatabaseSync;
  readonly #file: string;
  readonly #inode: bigint;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #durable = false;

  constructor(file: string) {
    this.#file = file;
    try {
      // The profile tells what its owner downloads.
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      this.sql = new DatabaseSync(file, { timeout: busyWaitMs });
    } catch (error) {
      const { message } = error as Error; // neither throws anything else
      throw new StateError(`cannot open ${file}: ${message}`, { cause: error });
    }
    try {
      setUp(this.sql, file);
      this.#inode = inodeOf(file);
      this.#begin = this.sql.prepare("BEGIN IMMEDIATE");
      this.#commit = this.sql.prepare("COMMIT");
    } catch (error) {
      this.sql.close();
      throw error;
    }
  }

  /** All of `body` or nothing of it. No other process writes meanwhile. */
  transaction<Result>(durable: boolean, body: () => Result): Result {
    if (durable !== this.#durable) this.sql.exec(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);
    this.#durable = durable;
    this.#begin.run();
    try {
      const result = body();
      this.#commit.run();
      return result;
    } catch (error) {
      if (this.sql.isTransaction) this.sql.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.sql.close();
  }

  /** Closes, and says whether the file by that name is still this one. */
  closeDamaged(): boolean {
    try {
      this.sql.close();
    } catch (error) {
      if (!isSqliteError(error)) throw error;
    }
    return existsSync(this.#file) && inodeOf(this.#file) === this.#inode;
  }
}

/** Opens the database; one that cannot be read is moved aside and named. */
export function openDatabase(file: string): { database: Database; movedTo: string | undefined } {
  try {
    return { database: new Database(file), movedTo: undefined };
  } catch (error) {
    if (!isCorruption(error)) throw named(error, file);
  }
  const movedTo = moveAside(file);
  try {
    return { database: new Database(file), movedTo };
  } catch (error) {
    throw named(error, file);
  }
}

/** Renames the database and its log to the first free `.corrupt-N`. */
export function moveAside(file: string): string {
  let number = 1;
  while (existsSync(`${file}.corrupt-${number}`)) number += 1;
  const target = `${file}.corrupt-${number}`;
  for (const part of ["", "-wal", "-shm"]) {
    if (existsSync(file + part)) renameSync(file + part, target + part);
  }
  return target;
}

function setUp(sql: DatabaseSync, file: string): void {
  whileBusy(() => sql.exec("PRAGMA journal_mode = WAL"));
  sql.exec("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON");
  sql.exec("PRAGMA journal_size_limit = 4194304"); // what the log shrinks to after a checkpoint
  migrate(sql);
  if (statSync(file).size > checkedBytesMax) return;
  const verdict = sql.prepare("PRAGMA quick_check(1)").get()?.quick_check;
  if (verdict !== "ok") throw Object.assign(new Error(String(verdict)), { errcode: 11 }); // as SQLite would throw it
}

// Changing the journal mode does not wait for the lock by itself when two processes make the database at once.
function whileBusy(attempt: () => void): void {
  const until = performance.now() + busyWaitMs;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function named(error: unknown, file: string): unknown {
  if (!isSqliteError(error)) return error;
  return new StateError(`cannot use ${file}: ${error.message}`, { cause: error });
}

function inodeOf(file: string): bigint {
  return statSync(file, { bigint: true }).ino;
}
