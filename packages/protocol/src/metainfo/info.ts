import type { InfoHash } from "@dure/base";
import type { BencodeReason } from "../bencode/index.ts";

/** One entry of the torrent's byte space, in order. */
export interface TorrentFile {
  /** Safe components below the download folder: the torrent's name first, or alone when it is a single file. */
  readonly path: readonly string[];
  /** The same components as the torrent spells them: for URLs (BEP 19) and for comparing, never for the disk. */
  readonly spelledPath: readonly string[];
  readonly bytes: number;
  /** Where it begins in the torrent's byte space. */
  readonly offset: number;
  /** BEP 47: zeros that align the next file; never written, never shown. */
  readonly pad: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  /** BEP 52: the root of the tree over its blocks, 32 bytes; absent in v1 torrents and for empty files. */
  readonly piecesRoot?: Uint8Array;
}

/** What the info-hash stands for. */
export interface Info {
  /** What handshakes, trackers and the DHT call it: the SHA-1; of a torrent that is v2 alone the first 20 bytes of its SHA-256. */
  readonly infoHash: InfoHash;
  /** The SHA-256 of a v2 or hybrid torrent's info dictionary (BEP 52), 64 hex digits. */
  readonly infoHashV2: string | null;
  readonly name: string;
  readonly pieceBytes: number;
  readonly pieceCount: number;
  /** Pads included. */
  readonly totalBytes: number;
  /** 20 bytes a piece, none in a torrent that is v2 alone. A view into `infoBytes`. */
  readonly pieces: Uint8Array;
  /** 32 bytes a piece: the hashes over their blocks, of a torrent that is v2 alone, once its piece layers are known (BEP 52). */
  readonly merklePieces?: Uint8Array;
  readonly files: readonly TorrentFile[];
  readonly private: boolean;
  readonly source: string | null;
  /** The dictionary as it stands, served to others by BEP 9. */
  readonly infoBytes: Uint8Array;
}

/** BEP 52: by the file's root, 64 hex digits, one hash of 32 bytes a piece. */
export type PieceLayers = ReadonlyMap<string, Uint8Array>;

export type TorrentFormat = "v1" | "v2" | "hybrid";

/** What of BEP 3 and BEP 52 a torrent can be used as. */
export function formatOf(info: Pick<Info, "infoHashV2" | "pieces">): TorrentFormat {
  if (info.infoHashV2 === null) return "v1";
  return info.pieces.length === 0 ? "v2" : "hybrid";
}

export interface Metainfo {
  readonly info: Info;
  /** Of files longer than a piece; views, checked against the roots. Empty in v1. */
  readonly pieceLayers: PieceLayers;
  /** Tiers (BEP 12), each in the order of the file: shuffling is the announcer's. */
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly comment: string | null;
  readonly createdBy: string | null;
  /** UNIX seconds. */
  readonly createdAt: number | null;
}

export type InfoReason =
  | BencodeReason
  | "info-too-large"
  | "meta-version"
  | "no-name"
  | "bad-name"
  | "name-too-long"
  | "no-piece-length"
  | "bad-piece-length"
  | "piece-length-range"
  | "piece-length-not-power"
  | "no-pieces"
  | "bad-pieces"
  | "too-many-pieces"
  | "wrong-piece-count"
  | "no-content"
  | "length-and-files"
  | "no-length"
  | "bad-length"
  | "total-range"
  | "bad-files"
  | "too-many-files"
  | "bad-file"
  | "no-path"
  | "bad-path"
  | "empty-path"
  | "path-too-deep"
  | "path-too-long"
  | "bad-attr"
  | "symlink"
  | "no-file-tree"
  | "bad-file-tree"
  | "root-is-file"
  | "file-and-folder"
  | "pad-in-file-tree"
  | "no-pieces-root"
  | "bad-pieces-root"
  | "hybrid-differs"
  | "hybrid-not-aligned";

export type TorrentReason =
  | InfoReason
  | "torrent-too-large"
  | "no-info"
  | "info-not-dictionary"
  | "no-piece-layers"
  | "bad-piece-layers"
  | "missing-piece-layer"
  | "wrong-piece-layer-length"
  | "wrong-piece-layer"
  | "unknown-piece-layer";

/** Bytes of one piece: all but the last are `pieceBytes` long. */
export function pieceLength(
  info: Pick<Info, "pieceBytes" | "pieceCount" | "totalBytes">,
  piece: number,
): number {
  return piece === info.pieceCount - 1 ? info.totalBytes - piece * info.pieceBytes : info.pieceBytes;
}
