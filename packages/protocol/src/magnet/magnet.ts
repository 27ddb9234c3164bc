import type { Address, InfoHash } from "@dure/base";

export interface Magnet {
  /** From `xt=urn:btih:`. At least one of the two hashes, or a public key, is there. */
  readonly infoHash: InfoHash | null;
  /** From `xt=urn:btmh:`, 64 hex digits (BEP 52). */
  readonly infoHashV2: string | null;
  readonly name: string | null;
  readonly trackers: readonly string[];
  /** From `x.pe`, where it is an IP literal. */
  readonly peers: readonly Address[];
  /** From `x.pe`, where it is a name to be resolved. */
  readonly peerHosts: readonly PeerHost[];
  readonly webSeeds: readonly string[];
  /** BEP 53: file indices to download, both ends included, ascending and apart. Null: all. */
  readonly select: readonly FileRange[] | null;
  /** From `xl`: a hint, not a promise. */
  readonly totalBytes: number | null;
  /** From `xs=urn:btpk:` (BEP 46), 64 hex digits: whose item in the DHT names the torrent's current version. */
  readonly publicKey?: string;
  /** From `s`, at most 128 hex digits, beside a public key only: which of the publisher's items. */
  readonly salt?: string;
}

export interface PeerHost {
  readonly host: string;
  readonly port: number;
}

export interface FileRange {
  readonly first: number;
  readonly last: number;
}

export type MagnetReason =
  | "too-long"
  | "not-magnet"
  | "bad-escape"
  | "no-topic"
  | "bad-info-hash"
  | "bad-multihash"
  | "two-topics"
  | "bad-public-key"
  | "bad-salt"
  | "bad-select"
  | "too-many-ranges";

/** Past a list's limit the rest is left out; a magnet link or a selection past its own is refused. */
export const magnetLimits = {
  textMax: 64 * 1024,
  trackersMax: 100,
  peersMax: 100,
  webSeedsMax: 100,
  urlBytesMax: 2048,
  nameBytesMax: 1024,
  rangesMax: 1000,
} as const;
