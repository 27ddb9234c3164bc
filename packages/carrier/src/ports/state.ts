import type { Family, InfoHash, UnixMs } from "@dure/base";

/**
 * The profile's database as a peer. Jobs are done in order; each is one transaction.
 * A torrent in a folder is one row, under (infoHash, dir), and has at most one living owner process.
 */
export interface TorrentKey {
  readonly infoHash: InfoHash;
  /** Absolute, resolved. */
  readonly dir: string;
}

export interface TorrentRecord extends TorrentKey {
  readonly name: string;
  /** The whole .torrent, or null while a magnet waits for its metadata. */
  readonly torrent: Uint8Array | null;
  /** Bitfield bytes of pieces verified and synced; null when nothing was ever saved. */
  readonly have: Uint8Array | null;
  /** Verified and written but not yet synced when last heard of: to be checked again. */
  readonly unsynced: readonly number[];
  /** Blocks of unfinished pieces that were written: one bit each, first block in the high bit. */
  readonly partial: readonly PartialRecord[];
  readonly uploaded: number;
  readonly downloaded: number;
  readonly addedAt: UnixMs;
  readonly completedAt: UnixMs | null;
  /** Addresses (`IP:PORT`) that served us last time, best first. At most 100. */
  readonly peers: readonly string[];
}

export interface PartialRecord {
  readonly piece: number;
  readonly blocks: Uint8Array;
}

/** A routing table of the DHT, and the node id it was made for. One for each family. */
export interface DhtTable {
  readonly family: Family;
  /** 20 bytes. Null where another living process of the profile goes by the one that was saved. */
  readonly id: Uint8Array | null;
  /** Compact nodes of the family (BEP 5, BEP 32), the most reliable first. */
  readonly nodes: Uint8Array;
}

export type StateJob =
  /** Takes ownership: answered with the record, or with the living process that has it. */
  | { readonly type: "claim"; readonly job: number; readonly key: TorrentKey; readonly name: string }
  | {
      readonly type: "save-torrent";
      readonly job: number;
      readonly key: TorrentKey;
      readonly name: string;
      readonly torrent: Uint8Array;
    }
  /** What was written since: buffered by the operating system, so it survives a killed process. */
  | {
      readonly type: "journal";
      readonly job: number;
      readonly key: TorrentKey;
      readonly unsynced: readonly number[];
      readonly partial: readonly PartialRecord[];
      /** Pieces whose partial entry is void. */
      readonly dropped: readonly number[];
    }
  /** After a sync: the have bitmap replaces the old one; entries of its pieces leave the journal. */
  | {
      readonly type: "commit";
      readonly job: number;
      readonly key: TorrentKey;
      readonly have: Uint8Array;
      readonly uploaded: number;
      readonly downloaded: number;
      readonly completedAt: UnixMs | null;
      readonly peers: readonly string[];
    }
  /** Gives up ownership; the record stays. */
  | { readonly type: "release"; readonly job: number; readonly key: TorrentKey }
  /** Forgets the torrent; its files are not touched. */
  | { readonly type: "remove"; readonly job: number; readonly key: TorrentKey }
  /** The tables of the DHT. Their ids go to the first living process that asks, until it ends. */
  | { readonly type: "load-dht"; readonly job: number }
  /**
   * The nodes replace what was saved of their families, whoever saved it; the ids only when no other living process has
   * them. Other families stay.
   */
  | {
      readonly type: "save-dht";
      readonly job: number;
      readonly tables: readonly (DhtTable & { readonly id: Uint8Array })[];
    };

/** Jobs about one torrent. */
export type TorrentJob = Extract<StateJob, { readonly key: TorrentKey }>;

export type StateResult =
  | { readonly type: "done"; readonly job: number }
  | { readonly type: "claimed"; readonly job: number; readonly record: TorrentRecord }
  | { readonly type: "owned"; readonly job: number; readonly pid: number; readonly since: UnixMs }
  /** IPv4 first. `damaged`: some of what was saved could not be read, and is left out. */
  | {
      readonly type: "dht";
      readonly job: number;
      readonly tables: readonly DhtTable[];
      readonly damaged: boolean;
    }
  /**
   * Saved state could not be read and is gone: what it affects is null in the records that follow, and must be rebuilt
   * by checking. Comes before the result of the job that met it. When the whole database was made anew, torrents that
   * run are saved again only by further jobs: send `save-torrent` and `commit` for them.
   */
  | { readonly type: "damaged"; readonly job: number; readonly detail: string }
  | { readonly type: "failed"; readonly job: number; readonly detail: string };
