export * from "./announcer/index.ts";
export * from "./peers/index.ts";
