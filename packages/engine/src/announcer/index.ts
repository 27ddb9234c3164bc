export * from "./announcer.ts";
export * from "./messages.ts";
