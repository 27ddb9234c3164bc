import type { Address, InfoHash, Ms, PeerId } from "@dure/base";

/**
 * Why an announce is made (BEP 3); `none` is the regular one. `paused` is BEP 21's partial seed: done with the
 * files it wants, but not complete.
 */
export type AnnounceEvent = "none" | "started" | "completed" | "stopped" | "paused";

/** What this peer has done so far, in bytes. */
export interface AnnounceTotals {
  readonly uploaded: number;
  readonly downloaded: number;
  /** Zero makes this peer a seed in the tracker's eyes; a magnet link without metadata says more than zero. */
  readonly left: number;
}

/** One announce, whatever the wire that carries it. */
export interface AnnounceRequest extends AnnounceTotals {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Where this peer listens. */
  readonly port: number;
  readonly event: AnnounceEvent;
  /** 32 bits, the same over both address families, so that the tracker counts one peer (BEP 7). */
  readonly key: number;
  /** Peers wanted; undefined leaves it to the tracker. */
  readonly numwant: number | undefined;
  /** What the tracker gave earlier as `tracker id`; HTTP only. */
  readonly trackerId?: string | undefined;
}

/** What a tracker that works says. */
export interface AnnounceReply {
  readonly interval: Ms;
  readonly minInterval?: Ms | undefined;
  /** Undefined when the tracker does not say. */
  readonly seeders: number | undefined;
  readonly leechers: number | undefined;
  readonly peers: readonly Address[];
  /** For people; the announce still worked. */
  readonly warning?: string | undefined;
  readonly trackerId?: string | undefined;
  /** How the tracker sees us, a canonical IP (BEP 24). */
  readonly externalIp?: string | undefined;
}

/** What a scrape says of one swarm (BEP 48). */
export interface SwarmCounts {
  readonly seeders: number;
  readonly leechers: number;
  /** How often the torrent was ever completed. */
  readonly downloaded: number;
}

/** What comes back, whatever the wire. */
export type TrackerAnswer =
  | { readonly type: "announced"; readonly reply: AnnounceReply }
  /** In the order asked; undefined where the tracker does not know the swarm. */
  | { readonly type: "scraped"; readonly swarms: readonly (SwarmCounts | undefined)[] }
  | TrackerRefusal;

/** The tracker's "no", in its own words. */
export interface TrackerRefusal {
  readonly type: "refused";
  readonly failure: string;
  /** Wait this long, or never ask again (BEP 31). */
  readonly retryIn?: Ms | "never" | undefined;
}

/** Peers kept of one reply; the rest is ignored. A swarm is not learnt in one answer, and lists can lie. */
export const replyPeersMax = 2000;
/** Most peers a tracker of ours gives in one reply. */
export const numwantMax = 200;
/** Info-hashes in one scrape (BEP 15: "up to about 74"). */
export const scrapeHashesMax = 74;
