export * from "./codec.ts";
export * from "./limits.ts";
export * from "./pex-message.ts";
