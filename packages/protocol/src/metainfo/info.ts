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
}

/** What the info-hash stands for. */
export interface Info {
  readonly infoHash: InfoHash;
  /** The SHA-256 of a hybrid's info dictionary (BEP 52), 64 hex digits. */
  readonly infoHashV2: string | null;
  readonly name: string;
  readonly pieceBytes: number;
  readonly pieceCount: number;
  /** Pads included. */
  readonly totalBytes: number;
  /** 20 bytes a piece. A view into `infoBytes`. */
  readonly pieces: Uint8Array;
  readonly files: readonly TorrentFile[];
  readonly private: boolean;
  readonly source: string | null;
  /** The dictionary as it stands, served to others by BEP 9. */
  readonly infoBytes: Uint8Array;
}

export interface Metainfo {
  readonly info: Info;
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
  | "v2-only"
  | "no-name"
  | "bad-name"
  | "name-too-long"
  | "no-piece-length"
  | "bad-piece-length"
  | "piece-length-range"
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
  | "symlink";

export type TorrentReason = InfoReason | "torrent-too-large" | "no-info" | "info-not-dictionary";

/** Bytes of one piece: all but the last are `pieceBytes` long. */
export function pieceLength(
  info: Pick<Info, "pieceBytes" | "pieceCount" | "totalBytes">,
  piece: number,
): number {
  return piece === info.pieceCount - 1 ? info.totalBytes - piece * info.pieceBytes : info.pieceBytes;
}
