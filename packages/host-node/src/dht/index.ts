export { deskOptions, placesOf } from "./desk-options.ts";
export { mutableItem, rawPublicKey } from "./mutable-item.ts";
export { NodeDht } from "./node-dht.ts";
export { Signatures } from "./signatures.ts";
