export { HostWatch, type HostWatchOptions, type WatchEvent } from "./host-watch.ts";
export { NodeNet, type NodeNetOptions } from "./node-net.ts";
export { mayReach, mayReachUrl, trustAfterRedirect } from "./url-guard.ts";
