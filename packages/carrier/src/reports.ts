import type { InfoHash, UnixMs } from "@dure/base";
import type { AnnouncerStatus } from "@dure/engine";
import type { DiskFault } from "./ports/index.ts";

/** What a person or a program above wants to hear of a torrent. */
export type TorrentReport =
  /** A living process has this torrent in this folder. */
  | { readonly type: "owned"; readonly pid: number; readonly since: UnixMs }
  /** Files are in the way in which nothing is right, and they are not ours. */
  | { readonly type: "not-ours"; readonly path: string }
  | { readonly type: "checking"; readonly piecesChecked: number; readonly pieceCount: number }
  /** The state is known and the swarm is joined. */
  | { readonly type: "ready" }
  /** BEP 9: the info dictionary has come; checking follows. */
  | { readonly type: "metadata"; readonly infoBytes: Uint8Array }
  /** One more piece is verified. */
  | { readonly type: "piece" }
  /** Every wanted piece is verified and synced. */
  | { readonly type: "done" }
  | { readonly type: "disk-fault"; readonly fault: DiskFault; readonly path: string; readonly detail: string }
  | { readonly type: "disk-back" }
  /** The share ratio is reached: paused. */
  | { readonly type: "ratio-reached" }
  /** Nobody else has all of it, and several want it (BEP 16). Once. */
  | { readonly type: "super-seed-suggested" }
  /** A piece that we had is gone from the disk and is fetched again. */
  | { readonly type: "piece-gone"; readonly piece: number }
  | { readonly type: "state-fault"; readonly detail: string }
  /** Saved progress could not be read, and is rebuilt by checking. */
  | { readonly type: "state-damaged"; readonly detail: string }
  | { readonly type: "tracker"; readonly status: AnnouncerStatus }
  | { readonly type: "banned"; readonly address: string; readonly reason: string }
  /** Trackers were told and state is saved: nothing of the torrent is left here. */
  | { readonly type: "stopped" };

/** What a person or a program above wants to hear of the DHT. */
export interface DhtReport {
  readonly type: "dht-report";
  readonly report: /** It knows its neighbourhood: for the first time, or after the network changed. */
    | { readonly type: "ready" }
    | {
        readonly type: "warning";
        readonly code: "dht-bootstrap" | "dht-state";
        readonly message: string;
      };
}

export interface Report {
  readonly type: "report";
  readonly infoHash: InfoHash;
  readonly report: TorrentReport;
}
