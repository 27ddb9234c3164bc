import { type InfoHash, type Prng, type UnixMs, unixMs } from "@dure/base";
import type {
  DhtTable,
  PartialRecord,
  StateJob,
  StateResult,
  TorrentKey,
  TorrentRecord,
} from "@dure/carrier";
import type { Clock } from "../time/index.ts";

/** One torrent's row; never changed in place, so that a copy of the table is a copy of the rows' names. */
interface Row extends Omit<TorrentRecord, "unsynced" | "partial"> {
  readonly unsynced: ReadonlySet<number>;
  readonly partial: ReadonlyMap<number, Uint8Array>;
}

type Table = ReadonlyMap<string, Row>;
type Body = StateResult extends infer Result
  ? Result extends StateResult
    ? Omit<Result, "job">
    : never
  : never;

const peersMax = 100;
const done = { type: "done" } as const;
/** What the calendar said when virtual time began. */
const calendarBegins = 1_700_000_000_000;

/**
 * A machine's database: it outlives its processes. What was journalled survives them, and a power cut only as far as
 * the medium had got; a commit brings everything before it to the medium.
 */
export class SimProfile {
  /** Every so many jobs one fails; undefined: none. */
  failEvery: number | undefined;
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #owners = new Map<string, { readonly pid: number; readonly since: UnixMs }>();
  #table: Table = new Map();
  #durable: Table = this.#table;
  /** Tables since then, oldest first. Bounded by the journal between two commits. */
  #history: Table[] = [];
  #jobs = 0;
  /** Saved by rename: a power cut takes nothing of them. */
  readonly #dht = new Map<number, DhtTable & { readonly id: Uint8Array }>(); // one a family
  #dhtOwner: number | undefined;

  constructor(clock: Clock, prng: Prng) {
    this.#clock = clock;
    this.#prng = prng;
  }

  get calendar(): UnixMs {
    return unixMs(calendarBegins + Math.floor(this.#clock.now));
  }

  /** What the table says, and what it would after a power cut in the worst case. */
  record(key: TorrentKey): {
    readonly now: TorrentRecord | undefined;
    readonly durable: TorrentRecord | undefined;
  } {
    const of = (table: Table) => {
      const row = table.get(nameOf(key));
      return row === undefined ? undefined : recordOf(row);
    };
    return { now: of(this.#table), durable: of(this.#durable) };
  }

  do(pid: number, job: StateJob): Body {
    this.#jobs += 1;
    if (this.failEvery !== undefined && this.#jobs % this.failEvery === 0)
      return { type: "failed", detail: "simulated failure of the database" };
    if (job.type === "load-dht") return this.#loadDht(pid);
    if (job.type === "save-dht") return this.#saveDht(pid, job);
    const name = nameOf(job.key);
    if (job.type === "claim") return this.#claim(pid, name, job);
    const row = this.#table.get(name);
    if (row === undefined || this.#owners.get(name)?.pid !== pid)
      return { type: "failed", detail: "the torrent is not claimed" };
    switch (job.type) {
      case "save-torrent":
        this.#put({ ...row, name: job.name, torrent: job.torrent.slice() });
        return this.#sync();
      case "journal":
        this.#put(journalled(row, job));
        this.#history.push(this.#table);
        return done;
      case "commit":
        this.#put(committed(row, job));
        return this.#sync();
      case "release":
        this.#owners.delete(name);
        return done;
      case "remove": {
        const table = new Map(this.#table);
        table.delete(name);
        this.#table = table;
        this.#owners.delete(name);
        return this.#sync();
      }
    }
  }

  /** The process is gone, whichever way: what it held is free. */
  ended(pid: number): void {
    for (const [name, owner] of [...this.#owners]) if (owner.pid === pid) this.#owners.delete(name);
    if (this.#dhtOwner === pid) this.#dhtOwner = undefined;
  }

  powerCut(): void {
    const states = [this.#durable, ...this.#history];
    this.#table = states[this.#prng.below(states.length)] ?? this.#durable;
    this.#durable = this.#table;
    this.#history = [];
    this.#owners.clear();
    this.#dhtOwner = undefined;
  }

  #loadDht(pid: number): Body {
    this.#dhtOwner ??= pid;
    const owns = this.#dhtOwner === pid;
    const tables = [...this.#dht.values()]
      .sort((a, b) => a.family - b.family)
      .map(({ family, id, nodes }) => ({ family, id: owns ? id.slice() : null, nodes: nodes.slice() }));
    return { type: "dht", tables, damaged: false };
  }

  #saveDht(pid: number, job: Extract<StateJob, { type: "save-dht" }>): Body {
    this.#dhtOwner ??= pid;
    for (const { family, id, nodes } of job.tables) {
      const kept = this.#dhtOwner === pid ? id : (this.#dht.get(family)?.id ?? id);
      this.#dht.set(family, { family, id: kept.slice(), nodes: nodes.slice() });
    }
    return done;
  }

  #claim(pid: number, name: string, job: Extract<StateJob, { type: "claim" }>): Body {
    const owner = this.#owners.get(name);
    if (owner !== undefined) return { type: "owned", ...owner };
    this.#owners.set(name, { pid, since: this.calendar });
    if (!this.#table.has(name)) this.#put(blank(job, this.calendar));
    const row = this.#table.get(name);
    return row === undefined
      ? { type: "failed", detail: "lost" }
      : { type: "claimed", record: recordOf(row) };
  }

  #put(row: Row): void {
    this.#table = new Map(this.#table).set(nameOf(row), row);
  }

  #sync(): Body {
    this.#durable = this.#table;
    this.#history = [];
    return done;
  }
}

function journalled(row: Row, job: Extract<StateJob, { type: "journal" }>): Row {
  const unsynced = new Set(row.unsynced);
  const partial = new Map(row.partial);
  for (const piece of job.dropped) {
    partial.delete(piece);
    unsynced.delete(piece);
  }
  for (const { piece, blocks } of job.partial) {
    partial.set(piece, blocks.slice());
    unsynced.delete(piece);
  }
  for (const piece of job.unsynced) {
    unsynced.add(piece);
    partial.delete(piece);
  }
  return { ...row, unsynced, partial };
}

function committed(row: Row, job: Extract<StateJob, { type: "commit" }>): Row {
  const have = job.have.slice();
  const had = (piece: number) => ((have[piece >>> 3] ?? 0) & (0x80 >>> (piece & 7))) !== 0;
  return {
    ...row,
    have,
    unsynced: new Set([...row.unsynced].filter((piece) => !had(piece))),
    partial: new Map([...row.partial].filter(([piece]) => !had(piece))),
    uploaded: job.uploaded,
    downloaded: job.downloaded,
    completedAt: job.completedAt,
    peers: job.peers.slice(0, peersMax),
  };
}

function blank({ key, name }: { key: TorrentKey; name: string }, addedAt: UnixMs): Row {
  return {
    ...key,
    name,
    torrent: null,
    have: null,
    unsynced: new Set(),
    partial: new Map(),
    uploaded: 0,
    downloaded: 0,
    addedAt,
    completedAt: null,
    peers: [],
  };
}

function recordOf(row: Row): TorrentRecord {
  const partial = Array.from(
    row.partial,
    ([piece, blocks]): PartialRecord => ({ piece, blocks: blocks.slice() }),
  );
  return { ...row, have: row.have?.slice() ?? null, unsynced: [...row.unsynced], partial };
}

function nameOf(key: { readonly infoHash: InfoHash; readonly dir: string }): string {
  return `${key.infoHash}${key.dir}`;
}
