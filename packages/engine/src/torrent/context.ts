import type { Ms, Prng } from "@dure/base";
import type { PeerMessage } from "@dure/protocol";
import type { MetadataFetch } from "../metadata/index.ts";
import type { CloseReason, LinkId, TorrentOutput } from "./messages.ts";
import type { Peer } from "./peer.ts";

/** What the parts of one torrent share: its peers, its limits and the way out. */
export interface Context {
  readonly peers: ReadonlyMap<LinkId, Peer>;
  readonly prng: Prng;
  /** False while paused, or while the disk refuses. */
  readonly downloading: boolean;
  /** While a magnet link waits for its metadata. */
  readonly metadata: MetadataFetch | undefined;
  /** Bytes that may be asked for now: the tightest of the torrent's and the node's limits. */
  downAllowance(now: Ms): number;
  spendDown(now: Ms, bytes: number): void;
  upAllowance(now: Ms): number;
  spendUp(now: Ms, bytes: number): void;
  emit(output: TorrentOutput): void;
  send(now: Ms, peer: Peer, message: PeerMessage): void;
  /** The address behind a link, also after it closed; null for the disk. What blame is kept under. */
  nameOf(link: LinkId): string | null;
  /** By name: the peer may have left since. */
  ban(name: string, reason: string): void;
  close(now: Ms, link: LinkId, reason: CloseReason): void;
}
