export * from "./announcer/index.ts";
export * from "./blame/index.ts";
export * from "./choker/index.ts";
export * from "./limits/index.ts";
export * from "./metadata/index.ts";
export * from "./peers/index.ts";
export * from "./tracker/index.ts";
