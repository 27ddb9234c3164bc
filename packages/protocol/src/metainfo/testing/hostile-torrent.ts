import type { TorrentReason } from "../index.ts";

/** A torrent that must be refused, and why. */
export interface HostileTorrent {
  /** Also its file name in vectors/torrents. */
  readonly name: string;
  readonly reason: TorrentReason;
  readonly bytes: Uint8Array;
}
