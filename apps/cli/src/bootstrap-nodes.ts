/**
 * Where a node that knows nobody enters the public DHT: kept up by the makers of BitTorrent, Transmission and libtorrent.
 * They are asked for nodes and told nothing else. `--dht-bootstrap` names others, or none.
 */
export const bootstrapNodes: readonly string[] = [
  "router.bittorrent.com:6881",
  "dht.transmissionbt.com:6881",
  "dht.libtorrent.org:25401",
  "router.utorrent.com:6881",
];
