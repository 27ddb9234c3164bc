export { HostWatch, type HostWatchOptions, type WatchEvent } from "./host-watch.ts";
export { systemLookup } from "./lookup.ts";
export { NodeNet, type NodeNetOptions } from "./node-net.ts";
export { Resolver } from "./resolver.ts";
export { mayReach, mayReachUrl, trustAfterRedirect } from "./url-guard.ts";
