/**
 * The disk as a peer: jobs go out, results come back later, in any order except where said.
 *
 * Payload lies in one pool of memory that carrier and disk share; a job names bytes in it by offset.
 * Jobs that name the same piece of a store are done in the order given. Nothing here throws: a fault is a result.
 */
export type StoreId = number;
export type JobId = number;

/** Where a torrent's bytes lie and what they must hash to. Given once, kept by the host under its number. */
export interface StoreSpec {
  /** The download folder. No file of the store ever lies outside it, symlinks included. */
  readonly root: string;
  readonly files: readonly StoreFile[];
  readonly pieceBytes: number;
  readonly totalBytes: number;
  /** 20 bytes of SHA-1 for each piece, or what `hash` says. */
  readonly digests: Uint8Array;
  /**
   * BEP 52: 32 bytes for each piece, the hash over its blocks of 16 KiB. Files with bytes begin a piece; pads after them
   * are not hashed. Left out: SHA-1.
   */
  readonly hash?: "merkle";
}

export interface StoreFile {
  /** Sanitised components below the root. */
  readonly path: readonly string[];
  readonly bytes: number;
  /** In the torrent's byte space. */
  readonly offset: number;
  /** BEP 47: zeros that are hashed and never stored. */
  readonly pad: boolean;
  readonly executable: boolean;
}

export interface BlockRead {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
  /** Where in the pool the bytes go. */
  readonly memory: number;
}

export type DiskJob =
  /**
   * Learns the layout; touches nothing. The root is remembered as it is now, or as not there yet: a root that later
   * vanishes or is another folder (an unmounted disk), and a file that was there and vanishes, are `missing` and never
   * made anew until the store is opened again. Opening an open store begins it afresh.
   */
  | { readonly type: "open"; readonly job: JobId; readonly store: StoreId; readonly spec: StoreSpec }
  /** Which files are there, and how long. */
  | { readonly type: "probe"; readonly job: JobId; readonly store: StoreId }
  /** Makes folders and files (of no bytes yet) of the listed indices, or of all but pads; existing ones are left alone. */
  | {
      readonly type: "create";
      readonly job: JobId;
      readonly store: StoreId;
      readonly files: readonly number[] | "all";
    }
  /**
   * Stores pool bytes; makes folders and files as needed. A run that continues the piece is hashed on the way.
   * A file longer than the torrent says keeps its tail. Pads are not stored.
   */
  | {
      readonly type: "write";
      readonly job: JobId;
      readonly store: StoreId;
      readonly piece: number;
      readonly begin: number;
      readonly length: number;
      readonly memory: number;
    }
  /** Is the piece right? Bytes not hashed while they were written are read back. `blocks` asks for a SHA-1 per 16 KiB. */
  | {
      readonly type: "verify";
      readonly job: JobId;
      readonly store: StoreId;
      readonly piece: number;
      readonly blocks: boolean;
    }
  /** Forgets the running hash of a piece that will not be finished now. */
  | { readonly type: "forget"; readonly job: JobId; readonly store: StoreId; readonly piece: number }
  | {
      readonly type: "read";
      readonly job: JobId;
      readonly store: StoreId;
      readonly blocks: readonly BlockRead[];
    }
  /** Reads and hashes `count` pieces from `first`: a re-check. Ask in portions, several at once: they run in parallel. */
  | {
      readonly type: "check";
      readonly job: JobId;
      readonly store: StoreId;
      readonly first: number;
      readonly count: number;
    }
  /**
   * All writes of the store that were answered before this was asked reach the medium; others go on meanwhile.
   * After a failure nothing that was not synced before may be believed to be there (the kernel forgets what it could not
   * write, and the next sync succeeds): check such pieces again. Bytes read back by `check` and `verify` in the files
   * that failed are written back, so that the next sync covers them. The files of `alien` pieces, which another process
   * wrote, are synced too.
   */
  | {
      readonly type: "sync";
      readonly job: JobId;
      readonly store: StoreId;
      readonly alien?: readonly number[];
    }
  /** Closes files and forgets the store, after the jobs given before. */
  | { readonly type: "close"; readonly job: JobId; readonly store: StoreId };

export type DiskResult =
  | { readonly type: "done"; readonly job: JobId }
  /** Lengths on disk by file index; null where there is no file. Pad files are null. */
  | { readonly type: "probed"; readonly job: JobId; readonly sizes: readonly (number | null)[] }
  /** `blocks` holds 20 bytes for each 16 KiB block when they were asked for. */
  | {
      readonly type: "verified";
      readonly job: JobId;
      readonly good: boolean;
      readonly blocks: Uint8Array | null;
    }
  /** One `PieceState` a piece. */
  | { readonly type: "checked"; readonly job: JobId; readonly states: Uint8Array }
  | {
      readonly type: "failed";
      readonly job: JobId;
      readonly fault: DiskFault;
      readonly path: string;
      readonly detail: string;
    };

/** In `checked`: no bytes on disk (absent, cut short, or nothing but zeros: a hole), wrong bytes, right bytes. */
export const pieceState = { missing: 0, bad: 1, good: 2 } as const;

export type DiskFault =
  | "full" // ENOSPC, EDQUOT, EFBIG
  | "read-only" // EROFS
  | "missing" // ENOENT, ENOTDIR, ENODEV: a file or the folder has vanished, or is shorter than a read needs
  | "denied" // EACCES, EPERM; a symlink, folder or device in the way; a parent that leaves the root
  | "too-many-files" // EMFILE, ENFILE
  | "name" // ENAMETOOLONG, EILSEQ
  | "io"; // EIO and everything else
