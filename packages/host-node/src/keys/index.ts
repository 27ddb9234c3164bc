export { mutableItem, rawPublicKey } from "../dht/index.ts";
export * from "./key-file.ts";
