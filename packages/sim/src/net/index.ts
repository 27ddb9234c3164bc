export { addressOn, Host, type LineRates } from "./host.ts";
export type { HttpService } from "./http.ts";
export { type DatagramFaults, type HostOptions, Network } from "./network.ts";
export { SimNet, type SimNetOptions } from "./sim-net.ts";
export { SimTracker, type SimTrackerOptions } from "./sim-tracker.ts";
