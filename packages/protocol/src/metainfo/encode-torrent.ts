import { encodeBencode, RawBencode } from "../bencode/index.ts";
import type { PieceLayers } from "./info.ts";
import { pieceLayersDict } from "./piece-layers.ts";

export interface TorrentParts {
  /** The info dictionary as it stands: never encoded again, so the info-hash cannot change. */
  readonly infoBytes: Uint8Array;
  /** BEP 52: of a v2 or hybrid torrent's files that are longer than a piece. Left out: v1. */
  readonly pieceLayers?: PieceLayers;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly comment: string | null;
  readonly createdBy: string | null;
  /** UNIX seconds. */
  readonly createdAt: number | null;
}

export function encodeTorrent(parts: TorrentParts): Uint8Array<ArrayBuffer> {
  const urls = parts.trackers.flat();
  return encodeBencode({
    announce: urls[0],
    // BEP 12: one tracker needs no list, and old clients read only `announce`.
    "announce-list": urls.length > 1 ? parts.trackers : undefined,
    comment: parts.comment ?? undefined,
    "created by": parts.createdBy ?? undefined,
    "creation date": parts.createdAt ?? undefined,
    info: new RawBencode(parts.infoBytes),
    "piece layers": parts.pieceLayers === undefined ? undefined : pieceLayersDict(parts.pieceLayers),
    "url-list": parts.webSeeds.length > 0 ? parts.webSeeds : undefined,
  });
}
