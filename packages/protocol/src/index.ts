export * from "./peer-wire/index.ts";
export * from "./tracker-udp/index.ts";
export * from "./tracker/index.ts";
