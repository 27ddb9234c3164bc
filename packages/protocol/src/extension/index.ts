export * from "./fixed-messages.ts";
export * from "./handshake.ts";
export * from "./limits.ts";
export * from "./metadata.ts";
export * from "./names.ts";
