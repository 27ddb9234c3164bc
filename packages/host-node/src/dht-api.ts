import type { Address, InfoHash } from "@dure/base";
import type { DhtContact, DhtItem, DhtKey, DhtStatus, LookupReport } from "@dure/protocol";

export type {
  DhtContact,
  DhtEndpointStatus,
  DhtItem,
  DhtKey,
  DhtStatus,
  LookupReport,
} from "@dure/protocol";

/**
 * The DHT of a node. All durations are milliseconds, all rates bytes a second. Keys are 20 bytes.
 *
 * Nothing is asked of anyone before `bootstrap`, the table of last time or a peer names a node.
 */
export interface NodeDhtOptions {
  /**
   * Nodes to begin with: `NAME:PORT`, `IPV4:PORT` or `[IPV6]:PORT`, at most 64. Names are resolved over both families, and
   * again with growing waits for as long as no node answers. Empty: the network of whoever speaks to us first, and
   * of the table of last time. Text of another form makes `openNode` throw.
   */
  readonly bootstrap: readonly string[];
  /** BEP 43: asks and announces, answers nothing, and is in nobody's table. Default false. */
  readonly readOnly?: boolean;
  /** All answers together. Default 32,000; Infinity: no cap. */
  readonly answerRate?: number;
  /** Loopback and private addresses are held to the limits per address too: for tests. Default false. */
  readonly countLocal?: boolean;
  /** BEP 42: nodes whose id does not fit their address are not kept and not believed. Default: only preferred less. */
  readonly enforceSecureIds?: boolean;
  /** Info-hashes and targets that are neither stored nor served. */
  readonly denied?: (key: DhtKey) => boolean;
}

/**
 * A question under way: iterate for what is heard, as it is heard; `done` for what it came to. Leaving the loop early, or
 * `cancel`, ends it; then `done` resolves with `cancelled`. Both ways may be used at once, one of them need not be.
 *
 * What nobody has taken yet is kept, at most 10,000 results; beyond that the oldest are dropped.
 */
export interface DhtRequest<Found> extends AsyncIterable<Found> {
  /** Resolves in any case, within a minute where no others wait before it; when the node closes, as cancelled. Never rejects. */
  readonly done: Promise<LookupReport>;
  cancel(): void;
}

/** BEP 33, estimates. */
export interface DhtScrape {
  readonly seeds: number;
  readonly peers: number;
}

/** BEP 51: what one node says it holds. */
export interface DhtSample {
  readonly from: DhtContact;
  readonly infoHashes: readonly DhtKey[];
  /** How many the node holds in all. */
  readonly storedCount: number;
  /** Seconds until asking it again is worth anything. */
  readonly interval: number;
}

export type DhtEvent =
  /** The node knows its neighbourhood: for the first time, or after the network changed. */
  | { readonly type: "ready" }
  /**
   * "dht-bootstrap": a name of `bootstrap` cannot be resolved (told once a name); "dht-state": the saved table could not be
   * read and is built anew, or it cannot be saved.
   */
  | { readonly type: "warning"; readonly code: "dht-bootstrap" | "dht-state"; readonly message: string };

/**
 * The DHT that the node takes part in.
 *
 * A question asked before the node is `ready` waits for that, at most 8 s, and is then asked of whoever is known: with
 * nobody there it ends with nothing. 32 questions are asked at once; more wait for their turn, some 2,000 at most,
 * and beyond that end at once, cancelled. No method throws for what the network does; a key that is not 20 bytes
 * throws, as does a closed node (`NodeError` "stopped").
 */
export interface DhtHandle {
  /** No endpoints for a moment after the node has opened: the table of last time is being read. */
  status(): DhtStatus;
  /** Peers of a torrent, each address once. With `announce` we are among them afterwards, under the port of this node. */
  peers(
    infoHash: InfoHash,
    options?: {
      readonly announce?: { readonly seed: boolean };
      /** BEP 33: only those who are no seeds, where nodes know. */
      readonly noSeed?: boolean;
    },
  ): DhtRequest<Address>;
  /** One result, when any node answered with filters (BEP 33). */
  scrape(infoHash: InfoHash): DhtRequest<DhtScrape>;
  /**
   * An item by its target. Of a mutable item each newer version is told, so the last is the newest; `salt` must be what the
   * target was made of, since signatures cover it; with `sequence` only newer ones are told.
   */
  get(
    target: DhtKey,
    options?: { readonly salt?: Uint8Array; readonly sequence?: number },
  ): DhtRequest<DhtItem>;
  /**
   * Stores an item; `done.stored` says on how many nodes. A mutable one comes signed (`mutableItem`). Told are newer versions
   * met on the way: then the network has moved on, and ours is not stored over it. `cas`: only over this sequence number.
   * Nodes forget items after two hours: put again within one.
   */
  put(item: DhtItem, options?: { readonly cas?: number }): DhtRequest<DhtItem>;
  /** BEP 51: samples of what the nodes near `target` store. */
  sample(target: DhtKey): DhtRequest<DhtSample>;
  /** The live nodes closest to `target`: `done.closest`. Nothing is told on the way. */
  findNode(target: DhtKey): DhtRequest<never>;
  /** Nodes somebody told us of: asked, and kept when they answer. At most 100 a call count. */
  addNodes(addresses: readonly Address[]): void;
  /** Returns a function that ends the subscription. Warnings from before the first subscription are told to it. */
  on(listener: (event: DhtEvent) => void): () => void;
}
