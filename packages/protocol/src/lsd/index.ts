export * from "./codec.ts";
export * from "./limits.ts";
