export { type CarriedStart, CarriedTorrent } from "./carried-torrent.ts";
export { Carrier, type CarrierOptions } from "./carrier.ts";
export * from "./layout.ts";
export { type CopyBytes, Pool, slabBytes } from "./pool.ts";
export * from "./ports/index.ts";
export type { Report, TorrentReport } from "./reports.ts";
export { Setup, type SetupOptions, type SetupOutcome } from "./setup.ts";
