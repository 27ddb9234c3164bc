export * from "./framer.ts";
export * from "./handshake.ts";
export * from "./limits.ts";
export * from "./message.ts";
export * from "./writer.ts";
