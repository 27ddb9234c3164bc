export * from "./mapped-protocol.ts";
export * from "./requests.ts";
export * from "./responses.ts";
