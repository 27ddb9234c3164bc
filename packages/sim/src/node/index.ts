export { SimNode, type SimNodeOptions } from "./sim-node.ts";
export { listenPort, type SimDhtOptions, SimProcess, type Twist } from "./sim-process.ts";
export { type AddTorrent, downloads } from "./torrent-start.ts";
export { Violation, Watch } from "./watch.ts";
