export * from "./defences.ts";
export { Dht } from "./dht.ts";
export * from "./messages.ts";
export * from "./responder/index.ts";
