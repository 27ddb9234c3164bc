import { must } from "@dure/base";
import type { StateJob, StateResult, TorrentJob, TorrentKey } from "@dure/carrier";
import { type Database, moveAside, openDatabase } from "./database.ts";
import { DhtTables } from "./dht-tables.ts";
import { isCorruption, isSqliteError, isSystemError, StateError } from "./fault.ts";
import { type Owner, thisProcess } from "./owner.ts";
import { Torrents } from "./torrents.ts";

interface Claim {
  readonly key: TorrentKey;
  readonly name: string;
  readonly id: number;
}

interface Open {
  readonly database: Database;
  readonly torrents: Torrents;
  readonly dht: DhtTables;
}

/** Does state jobs one after another: what the state worker runs. */
export class Profile {
  readonly #file: string;
  readonly #report: (result: StateResult) => void;
  readonly #owner: Owner = thisProcess();
  readonly #claims = new Map<string, Claim>(); // bounded by the torrents of this process
  /** This user of the profile goes by the ids of the DHT in it. */
  #ownsDht = false;
  #open: Open | undefined;

  constructor(options: { file: string; report: (result: StateResult) => void }) {
    this.#file = options.file;
    this.#report = options.report;
  }

  /** Reports one result of the job, after a `damaged` if need be. */
  run(job: StateJob): void {
    try {
      this.#report(this.#attempt(job));
    } catch (error) {
      if (!(error instanceof StateError) && !isSqliteError(error) && !isSystemError(error)) throw error;
      this.#report({ type: "failed", job: job.job, detail: error.message });
    }
  }

  /** Gives up all that this process holds. */
  close(): void {
    if (this.#open === undefined) return;
    const { database, torrents, dht } = this.#open;
    try {
      database.transaction(false, () => {
        for (const claim of this.#claims.values()) torrents.release(claim.id, this.#owner);
        if (this.#ownsDht) dht.release(this.#owner);
      });
      database.close();
    } catch (error) {
      if (!isSqliteError(error)) throw error; // a claim that stays is stale once this process is gone
    }
  }

  #attempt(job: StateJob): StateResult {
    try {
      return this.#do(job);
    } catch (error) {
      if (!isCorruption(error)) throw error;
      this.#startAnew(job);
      return this.#do(job);
    }
  }

  #do(job: StateJob): StateResult {
    const { torrents, dht } = this.#ready(job);
    switch (job.type) {
      case "load-dht": {
        const { owns, ...found } = dht.load(this.#owner, this.#ownsDht);
        this.#ownsDht = owns;
        return { type: "dht", job: job.job, ...found };
      }
      case "save-dht":
        this.#ownsDht = dht.save(this.#owner, this.#ownsDht, job);
        break;
      case "claim":
        return this.#claim(job, torrents);
      default:
        this.#change(job, torrents);
    }
    return { type: "done", job: job.job };
  }

  #change(job: Exclude<TorrentJob, { type: "claim" }>, torrents: Torrents): void {
    const claim = this.#claims.get(nameOf(job.key));
    if (claim === undefined) throw new StateError(`${job.key.infoHash} in ${job.key.dir} is not claimed`);
    switch (job.type) {
      case "save-torrent":
        torrents.saveTorrent(claim.id, job);
        break;
      case "journal":
        torrents.journal(claim.id, job);
        break;
      case "commit":
        torrents.commit(claim.id, job);
        break;
      case "release":
        torrents.release(claim.id, this.#owner);
        this.#claims.delete(nameOf(job.key));
        break;
      case "remove":
        torrents.remove(claim.id);
        this.#claims.delete(nameOf(job.key));
        break;
    }
  }

  #claim(job: Extract<StateJob, { type: "claim" }>, torrents: Torrents): StateResult {
    const answer = torrents.claim(job, this.#owner);
    if (answer.type === "owned") return { ...answer, job: job.job };
    const { id, record, damaged } = answer;
    this.#claims.set(nameOf(job.key), { key: job.key, name: job.name, id });
    if (damaged) {
      const detail = `the saved progress of ${job.name} was damaged; its files are checked again`;
      this.#report({ type: "damaged", job: job.job, detail });
    }
    return { type: "claimed", job: job.job, record };
  }

  /** Opened at the first job, and again after a failure: the folder may be writable now. */
  #ready(job: StateJob): Open {
    if (this.#open !== undefined) return this.#open;
    const { database, movedTo } = openDatabase(this.#file);
    this.#open = { database, torrents: new Torrents(database), dht: new DhtTables(database) };
    if (movedTo !== undefined) this.#tellDamaged(job, movedTo);
    return this.#open;
  }

  /** The open database turned out to be damaged. Torrents of this process stay claimed in the new one. */
  #startAnew(job: StateJob): void {
    const damaged = must(this.#open, "damage is met in an open database, or handled while it is opened");
    this.#open = undefined;
    // Another process may have met the damage first and made a new one: that one is good.
    if (damaged.database.closeDamaged()) this.#tellDamaged(job, moveAside(this.#file));
    const { torrents } = this.#ready(job);
    for (const [name, claim] of this.#claims) {
      const answer = torrents.claim({ key: claim.key, name: claim.name }, this.#owner);
      // Whoever was first in a database made anew has it; our further jobs for the torrent then fail.
      if (answer.type === "claimed") this.#claims.set(name, { ...claim, id: answer.id });
      else this.#claims.delete(name);
    }
  }

  #tellDamaged(job: StateJob, movedTo: string): void {
    const detail = `the profile's database could not be read and was moved to ${movedTo}; files are checked again`;
    this.#report({ type: "damaged", job: job.job, detail });
  }
}

function nameOf(key: TorrentKey): string {
  return `${key.infoHash} ${key.dir}`;
}
