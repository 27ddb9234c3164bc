export type { CloseReason, LinkFacts, LinkId, TorrentInput, TorrentOutput } from "./messages.ts";
export type { Peer } from "./peer.ts";
export { type Ready, type ReadyStart, Torrent, type TorrentOptions } from "./torrent.ts";
export { uploadQueueMax } from "./uploads.ts";
