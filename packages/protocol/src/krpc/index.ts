export * from "./bloom.ts";
export { decodeKrpc, type KrpcReason } from "./decode.ts";
export { encodeKrpc } from "./encode.ts";
export {
  immutableTarget,
  isItemValue,
  itemTarget,
  mutableTarget,
  readTorrentValue,
  signedBytes,
  torrentValue,
} from "./item.ts";
export { krpcLimits } from "./limits.ts";
export * from "./messages.ts";
export {
  compactNodeBytes,
  compactPeerBytes,
  type KrpcNode,
  peersOf,
  readNodes,
  writeNodes,
} from "./nodes.ts";
export * from "./secure-id.ts";
export { Slab } from "./slab.ts";
