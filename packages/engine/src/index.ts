export * from "./announcer/index.ts";
