import { type KnownPeer, type PeerSource, peerSources } from "./known-peer.ts";

export interface PeerBookStats {
  readonly known: number;
  readonly idle: number;
  readonly connecting: number;
  readonly connected: number;
  readonly givenUp: number;
  readonly banned: number;
  /** An address counts for every source that named it. */
  readonly bySource: Readonly<Record<PeerSource, SourceStats>>;
}

export interface SourceStats {
  readonly known: number;
  readonly connected: number;
}

export function tallyPeers(peers: Iterable<KnownPeer>, banned: number): PeerBookStats {
  const states = { idle: 0, connecting: 0, connected: 0, "given-up": 0 };
  const sources = peerSources.map((source) => ({ source, known: 0, connected: 0 }));
  let known = 0;
  for (const peer of peers) {
    known += 1;
    states[peer.state.name] += 1;
    for (const tally of sources) {
      if (!peer.sources.has(tally.source)) continue;
      tally.known += 1;
      if (peer.state.name === "connected") tally.connected += 1;
    }
  }
  const bySource = sources.map(({ source, ...tally }) => [source, tally]);
  return {
    known,
    idle: states.idle,
    connecting: states.connecting,
    connected: states.connected,
    givenUp: states["given-up"],
    banned,
    // The cast: the list of sources holds every one once.
    bySource: Object.fromEntries(bySource) as PeerBookStats["bySource"],
  };
}
