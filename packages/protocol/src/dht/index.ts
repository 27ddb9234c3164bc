export * from "./defences.ts";
export * from "./messages.ts";
export * from "./responder/index.ts";
