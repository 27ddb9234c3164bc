export { Content } from "./content.ts";
export type { CloseReason, LinkFacts, LinkId, TorrentInput, TorrentOutput } from "./messages.ts";
export type { ReadyStart, TorrentOptions } from "./options.ts";
export type { Peer } from "./peer.ts";
export { Torrent } from "./torrent.ts";
export { uploadQueueMax } from "./uploads.ts";
