import type { InfoHash } from "@dure/base";
import type { EncryptionMode } from "@dure/carrier";
import type { PortMapping } from "@dure/engine";
import type { DhtHandle, NodeDhtOptions } from "./dht-api.ts";

/**
 * The library's face: what the command line, the examples and other programs call.
 * All sizes are bytes, all rates bytes a second, all durations milliseconds.
 */
export interface NodeOptions {
  /** Folder of the database. Two processes may share it. */
  readonly profile: string;
  /** 0: any free port. Undefined: the first free of 6881–6889. */
  readonly port?: number;
  /** Addresses to listen on and to connect from; default all of both families. */
  readonly listen?: string;
  /** Name or address of the only interface that traffic may use. */
  readonly interface?: string;
  readonly downRateMax?: number;
  readonly upRateMax?: number;
  readonly connectionsMax?: number;
  readonly uploadSlots?: number;
  readonly allowLocalUrls?: boolean;
  /** Peer exchange (BEP 11); default true. Private torrents have none. */
  readonly pex?: boolean;
  /**
   * Connections under MSE; default `prefer`: both kinds are accepted, and ours are plain unless the peer wants encryption.
   * `require`: RC4 for all of it, both ways. `off`: plain only.
   */
  readonly encryption?: EncryptionMode;
  /** Local discovery (BEP 14); default true. Private torrents have none. */
  readonly lsd?: boolean;
  /**
   * Asks the gateway (PCP, NAT-PMP, UPnP) to let peers reach the port, until the node is closed; default false. Nothing is
   * asked of anyone by a node that listens on loopback alone, or on a machine with a public IPv4 address and no IPv6.
   */
  readonly portMapping?: boolean;
  /** Ceiling of the payload memory; default 64 MiB. */
  readonly poolBytes?: number;
  readonly filesOpenMax?: number;
  /**
   * File of addresses that are neither dialled, nor accepted, nor heard of in the DHT, loopback and private ones too: p2p,
   * DAT or CIDR lines, gzip or not. Read again when it changes; links to whom it names then end. Trackers and web servers
   * are not filtered.
   */
  readonly ipFilter?: string;
  /**
   * File of info-hashes, one a line, of which nothing is announced, served or resolved. Read again when it changes;
   * torrents that it names then stop.
   */
  readonly denyList?: string;
  /**
   * Left out: no DHT, and nothing is asked of anyone but trackers and peers. Its table and ids are kept in the profile; of
   * two processes that share one the first keeps the ids, the second makes its own, and the table is that of the last writer.
   */
  readonly dht?: NodeDhtOptions;
}

export interface AddOptions {
  /** Path or URL of a .torrent, a magnet link, a bare info-hash, or the bytes of a .torrent. */
  readonly source: string | Uint8Array;
  readonly dir: string;
  /** Globs over `folder/file`; or file indices. Undefined: all files. */
  readonly select?: readonly string[] | readonly number[];
  readonly sequential?: boolean;
  /** Replaces files in which nothing is right. */
  readonly overwrite?: boolean;
  /** The data is known to be complete: nothing is checked. */
  readonly assumeComplete?: boolean;
  /** BEP 16: while this is the only seed, each peer is shown one piece at a time. For data that is complete from the start. */
  readonly superSeed?: boolean;
  readonly peers?: readonly string[];
  /**
   * The .torrent of an earlier version in the same folder, which no process has any more. Its files count as ours: what is
   * still right in them stays, the rest is written over. Under another name of the root folder files of the same path and
   * length are copied first. Its record is forgotten, as it would claim what is not there any more.
   */
  readonly replaces?: Uint8Array;
  readonly downRateMax?: number;
  readonly upRateMax?: number;
  readonly connectionsMax?: number;
  readonly uploadSlots?: number;
  /** Stops seeding at this share ratio. */
  readonly ratioMax?: number;
}

export type TorrentState =
  | { readonly name: "metadata" } // a magnet that waits for its info dictionary
  | { readonly name: "checking"; readonly piecesChecked: number }
  | { readonly name: "downloading" }
  | { readonly name: "seeding" }
  | { readonly name: "paused" }
  /** Waits for the disk and goes on by itself. */
  | { readonly name: "disk-fault"; readonly fault: string; readonly message: string }
  | { readonly name: "stopped" };

export interface PeerStatus {
  readonly address: string;
  readonly client: string;
  /** Bytes of payload we got from it and gave to it. */
  readonly downloaded: number;
  readonly uploaded: number;
  readonly downRate: number;
  readonly upRate: number;
  /** 0 to 1. */
  readonly progress: number;
  readonly choking: boolean;
  readonly choked: boolean;
}

export interface TrackerStatus {
  readonly url: string;
  readonly state: "idle" | "announcing" | "working" | "failing";
  readonly message: string;
  readonly seeders: number | null;
  readonly leechers: number | null;
}

export interface TorrentStatus {
  readonly infoHash: InfoHash;
  readonly name: string;
  readonly dir: string;
  readonly state: TorrentState;
  readonly pieceCount: number;
  readonly piecesDone: number;
  /** Read back and hashed when the torrent was opened: none when all that is saved was synced. */
  readonly piecesChecked: number;
  /** Of the selected files, pads not counted. */
  readonly bytesTotal: number;
  readonly bytesDone: number;
  readonly downRate: number;
  readonly upRate: number;
  readonly downloaded: number;
  readonly uploaded: number;
  readonly peersCount: number;
  readonly seedsCount: number;
  /** Undefined when nothing moves. */
  readonly eta: number | undefined;
  /** Whole copies in the part of the swarm that we see, ours included. */
  readonly distributedCopies: number;
}

export type TorrentEvent =
  | { readonly type: "metadata"; readonly status: TorrentStatus }
  | { readonly type: "done"; readonly seconds: number }
  /** `ratioMax` is reached: the torrent is paused. */
  | { readonly type: "ratio-reached" }
  | { readonly type: "warning"; readonly code: string; readonly message: string }
  | { readonly type: "error"; readonly code: string; readonly message: string }
  | { readonly type: "peer-banned"; readonly address: string; readonly reason: string };

export interface TorrentHandle {
  readonly infoHash: InfoHash;
  /** Every selected file is verified and synced. Rejects with a `NodeError` when the torrent cannot go on. */
  readonly done: Promise<void>;
  status(): TorrentStatus;
  peers(): readonly PeerStatus[];
  trackers(): readonly TrackerStatus[];
  files(): readonly {
    readonly path: string;
    readonly bytes: number;
    readonly bytesDone: number;
    readonly selected: boolean;
  }[];
  /** The whole .torrent, once the metadata is known. */
  torrentBytes(): Uint8Array | undefined;
  /** Returns a function that ends the subscription. */
  on(listener: (event: TorrentEvent) => void): () => void;
  select(files: readonly string[] | readonly number[]): void;
  setLimits(limits: Pick<AddOptions, "downRateMax" | "upRateMax" | "connectionsMax" | "uploadSlots">): void;
  pause(): void;
  resume(): void;
  /** Bytes of one file in order, as they arrive; the pieces it needs come first. `end` is exclusive. */
  stream(
    file: string | number,
    range?: { readonly start: number; readonly end: number },
  ): ReadableStream<Uint8Array>;
  /** Tells the trackers, saves everything, forgets the torrent in this process. Files and record stay. */
  stop(): Promise<void>;
}

export interface DureNode {
  /** The port it listens on. */
  readonly port: number;
  /** Undefined without `NodeOptions.dht`. */
  readonly dht?: DhtHandle | undefined;
  /** Resolves once the torrent is owned and its state is known (not once it is complete). Rejects with `NodeError`. */
  add(options: AddOptions): Promise<TorrentHandle>;
  torrents(): readonly TorrentHandle[];
  /** How the outside reaches the port, as far as gateways have said; none without `NodeOptions.portMapping`. */
  portMappings(): readonly PortMapping[];
  /** Stops all torrents within `withinMs` (default 1,500): trackers told, state saved. */
  close(withinMs?: number): Promise<void>;
}

export type NodeErrorCode =
  | "bad-source" // not a torrent, magnet or hash
  | "source-unreachable"
  | "bad-torrent"
  | "no-such-file" // a selection that matches nothing, a source path that is not there
  | "not-ours" // files in which nothing is right; `--overwrite` replaces them
  | "owned" // another process has this torrent in this folder
  | "profile" // the database cannot be opened
  | "listen" // the port is taken
  | "disk"
  | "filter" // a list of addresses or info-hashes that cannot be used
  | "denied" // the user's list has its info-hash
  | "key" // a key file that cannot be read, written or used
  | "key-missing"
  | "key-exists" // keys are never written over
  | "key-exposed" // others than its owner may open it
  | "stopped";

export class NodeError extends Error {
  override readonly name = "NodeError";
  readonly code: NodeErrorCode;
  /** What the message names: a path, a pid, a reason code. */
  readonly detail: string;

  constructor(code: NodeErrorCode, message: string, detail = "", options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.detail = detail;
  }
}
