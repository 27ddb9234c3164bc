import type { Bitfield, InfoHash, PeerId, Prng } from "@dure/base";
import type { Info } from "@dure/protocol";
import type { LimitSettings, Limits } from "../session/index.ts";

export interface TorrentOptions {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly port: number;
  /** What trackers know this peer by over both families (BEP 7): 32 random bits. */
  readonly key: number;
  readonly client: string;
  readonly trackers: readonly (readonly string[])[];
  /** Undefined for a magnet link: the metadata comes from peers (BEP 9). */
  readonly start: ReadyStart | undefined;
  readonly uploaded: number;
  readonly downloaded: number;
  readonly node: Limits;
  readonly limits: LimitSettings;
  readonly prng: Prng;
  /** Peer exchange (BEP 11); default true. Never for a private torrent. */
  readonly pex?: boolean;
  /** This peer takes part in the DHT, and tells peers so (BEP 5). Default false. Never to those of a private torrent. */
  readonly dht?: boolean;
  /** Peers are told that connections to us had better be encrypted (BEP 11, `e`). Default false. */
  readonly prefersEncryption?: boolean;
  /** BEP 16: each peer is shown one piece at a time, as long as we are the only seed. Default false. */
  readonly superSeed?: boolean;
  /** Per-address limits count loopback and private addresses too: for tests. */
  readonly countLocal?: boolean;
  /** IPs that are neither dialled nor spoken to, wherever they were heard of. */
  readonly filtered?: (ip: string) => boolean;
}

export interface ReadyStart {
  readonly info: Info;
  readonly have: Bitfield;
  readonly partial: readonly { readonly piece: number; readonly blocks: Bitfield }[];
  /** Undefined: all files. */
  readonly files: readonly number[] | undefined;
}
