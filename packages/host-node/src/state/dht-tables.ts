import { crc32 } from "node:zlib";
import type { DhtTable, StateJob } from "@dure/carrier";
import type { Database } from "./database.ts";
import { isAlive, type Owner } from "./owner.ts";

const idBytes = 20;

/**
 * The tables of the DHT. Whoever is first among the living processes of the profile goes by the ids in them; the nodes are
 * everybody's, and the last writer's stay. None of it is durable: what a power cut takes is asked for again.
 */
export class DhtTables {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** `owned`: this very user of the profile has the ids already. */
  load(owner: Owner, owned: boolean): { tables: DhtTable[]; damaged: boolean; owns: boolean } {
    return this.#database.transaction(false, () => {
      const owns = this.#own(owner, owned);
      const tables: DhtTable[] = []; // one a family
      let damaged = false;
      for (const { family, id, nodes, crc32: sum } of this.#database.sql
        .prepare("SELECT family, id, nodes, crc32 FROM dht ORDER BY family")
        .all()) {
        const good =
          (family === 4 || family === 6) &&
          id instanceof Uint8Array &&
          nodes instanceof Uint8Array &&
          id.length === idBytes &&
          checksum(family, id, nodes) === sum;
        if (good) tables.push({ family, id: owns ? id : null, nodes });
        else damaged = true;
      }
      return { tables, damaged, owns };
    });
  }

  /** Returns whether the ids are ours. */
  save(owner: Owner, owned: boolean, job: Extract<StateJob, { type: "save-dht" }>): boolean {
    return this.#database.transaction(false, () => {
      const owns = this.#own(owner, owned);
      const { sql } = this.#database;
      for (const { family, id, nodes } of job.tables) {
        const saved = sql.prepare("SELECT id FROM dht WHERE family = ?").get(family)?.id;
        const kept = owns || !(saved instanceof Uint8Array) ? id : saved;
        sql
          .prepare("INSERT OR REPLACE INTO dht (family, id, nodes, crc32) VALUES (?, ?, ?, ?)")
          .run(family, kept, nodes, checksum(family, kept, nodes));
      }
      return owns;
    });
  }

  release(owner: Owner): void {
    this.#database.sql.prepare("DELETE FROM dht_owner WHERE pid = ? AND mark = ?").run(owner.pid, owner.mark);
  }

  #own(owner: Owner, owned: boolean): boolean {
    const { sql } = this.#database;
    const row = sql.prepare("SELECT pid, mark FROM dht_owner WHERE one = 1").get();
    const holder = row === undefined ? undefined : { pid: Number(row.pid), mark: String(row.mark) };
    const ours = holder?.pid === owner.pid && holder.mark === owner.mark;
    if (holder !== undefined && isAlive(holder) && !(ours && owned)) return false;
    sql
      .prepare("INSERT OR REPLACE INTO dht_owner (one, pid, mark) VALUES (1, ?, ?)")
      .run(owner.pid, owner.mark);
    return true;
  }
}

// SQLite keeps no checksum of its pages; addresses out of thin air would be strangers whom we send datagrams.
function checksum(family: number, id: Uint8Array, nodes: Uint8Array): number {
  return crc32(nodes, crc32(id, family));
}
