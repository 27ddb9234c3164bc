export { UtpEndpoint, type UtpEndpointOptions } from "./endpoint.ts";
export { utpLimits, utpTimes } from "./limits.ts";
export type { UtpCloseReason, UtpConnectionNumber, UtpInput, UtpOutput } from "./messages.ts";
export {
  decodeUtpPacket,
  encodeUtpPacket,
  looksLikeUtp,
  padUtpPacket,
  type UtpHeader,
  type UtpPacket,
  type UtpPacketReason,
  type UtpStamp,
} from "./packet.ts";
