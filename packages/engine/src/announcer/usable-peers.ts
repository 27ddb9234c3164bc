import { type Address, formatAddress, ipScope } from "@dure/base";

/** Peers that can be connected to at all, each once. Whether they should be is decided elsewhere. */
export function usablePeers(peers: readonly Address[], max: number): Address[] {
  const usable = new Map<string, Address>(); // bounded by max
  for (const peer of peers) {
    if (usable.size >= max) break;
    const scope = ipScope(peer.ip);
    if (peer.port === 0 || scope === "unspecified" || scope === "multicast") continue;
    usable.set(formatAddress(peer), peer);
  }
  return [...usable.values()];
}
