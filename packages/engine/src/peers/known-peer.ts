import type { Address, Ms } from "@dure/base";

/** Who named an address. A magnet link is what the user gave, but a stranger wrote it. */
export type PeerSource = "user" | "magnet" | "tracker" | "incoming" | "resume" | "lsd" | "pex" | "dht";
export const peerSources: readonly PeerSource[] = [
  "user",
  "magnet",
  "tracker",
  "incoming",
  "resume",
  "lsd",
  "pex",
  "dht",
];

/*
 *            next due          connecting            connected
 *   idle ──────────────▶ idle ───────────▶ connecting ─────────▶ connected
 *    ▲                                         │                     │
 *    └───────── failed, with a wait ───────────┴── closed, with one ─┘
 *    given-up: after too many failures; idle again when named anew an hour later, or after `resume`
 */
export type PeerState =
  | { readonly name: "idle"; readonly due: Ms }
  | { readonly name: "connecting" }
  | { readonly name: "connected" }
  | { readonly name: "given-up"; readonly since: Ms };

/** What others said of a peer: believed as far as nothing is lost by it. */
export interface PeerHints {
  readonly seed?: boolean;
  readonly utp?: boolean;
  readonly prefersEncryption?: boolean;
  readonly holepunch?: boolean;
}

export interface KnownPeer {
  readonly key: string;
  readonly address: Address;
  /** See `subscriberOf`; undefined where the limits per IP do not count. */
  readonly subscriber: string | undefined;
  readonly sources: Set<PeerSource>;
  state: PeerState;
  /** In a row: failed tries, and connections that were of no use. */
  failures: number;
  seed: boolean;
  /** The peer itself said or showed that it is a seed or is none; what others say no longer counts. */
  seedObserved: boolean;
  /** `seed` of it counts only until the peer shows itself. */
  hints: PeerHints;
  heardAt: Ms;
  usefulAt: Ms | undefined;
  /** Canonical priority (BEP 40) where our own address is known, else a lot. Higher goes first. */
  priority: number;
  readonly lot: number;
}

export function namedByUser(peer: KnownPeer): boolean {
  return peer.sources.has("user");
}

/** BEP 27: known by nothing that a private torrent may use. */
export function isHearsay(peer: KnownPeer): boolean {
  for (const source of peer.sources)
    if (source !== "pex" && source !== "dht" && source !== "lsd") return false;
  return true;
}

/** Which of two addresses to connect to first: negative when `a`. A total order. */
export function byMerit(a: KnownPeer, b: KnownPeer): number {
  return (
    yesFirst(namedByUser(a), namedByUser(b)) ||
    a.failures - b.failures ||
    yesFirst(servedUs(a), servedUs(b)) ||
    yesFirst(a.sources.has("lsd"), b.sources.has("lsd")) ||
    b.priority - a.priority ||
    byKey(a, b)
  );
}

/** Which of two addresses to forget first: negative when `a`. A total order. */
export function byWorthlessness(a: KnownPeer, b: KnownPeer): number {
  return standing(b) - standing(a) || a.heardAt - b.heardAt || byKey(a, b);
}

/**
 * How little an address is worth keeping, larger is less. Failures weigh most; then gossip, which costs a stranger
 * nothing: a flood of it must not push out what trackers say.
 */
export function standing(peer: KnownPeer): number {
  if (peer.state.name === "connecting" || peer.state.name === "connected" || namedByUser(peer)) return -1;
  const givenUp = peer.state.name === "given-up" ? 100 : 0;
  const failures = Math.min(peer.failures, 49) * 2;
  return givenUp + failures + (servedUs(peer) || !onlyGossip(peer) ? 0 : 1);
}

function onlyGossip(peer: KnownPeer): boolean {
  for (const source of peer.sources) if (source !== "pex" && source !== "dht") return false;
  return true;
}

function servedUs(peer: KnownPeer): boolean {
  return peer.usefulAt !== undefined || peer.sources.has("resume");
}

function yesFirst(a: boolean, b: boolean): number {
  return Number(b) - Number(a);
}

function byKey(a: KnownPeer, b: KnownPeer): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
