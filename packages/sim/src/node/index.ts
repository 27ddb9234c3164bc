export { type AddTorrent, downloads, SimNode, type SimNodeOptions } from "./sim-node.ts";
export { listenPort, SimProcess, type Twist } from "./sim-process.ts";
export { Violation, Watch } from "./watch.ts";
