export {
  drawMseChance,
  type MseChance,
  type MseEstablished,
  type MseMethod,
  type MseOutput,
  type MseReason,
} from "./handshake-parts.ts";
export { MseIncoming, type MseIncomingOptions } from "./incoming.ts";
export { mseLimits } from "./limits.ts";
export { MseOutgoing, type MseOutgoingOptions } from "./outgoing.ts";
export { Rc4 } from "./rc4.ts";
export { StreamCipher } from "./stream-cipher.ts";
export { TorrentMarks } from "./torrent-marks.ts";
