export * from "./bencode/index.ts";
export * from "./extension/index.ts";
export * from "./magnet/index.ts";
export * from "./metainfo/index.ts";
export * from "./peer-wire/index.ts";
export * from "./tracker/index.ts";
export * from "./tracker-http/index.ts";
export * from "./tracker-udp/index.ts";
