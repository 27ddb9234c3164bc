export type { EncryptionMode } from "@dure/carrier";
export type { PortMapping } from "@dure/engine";
export * from "./api.ts";
export { mutableItem, rawPublicKey } from "./dht/index.ts";
export * from "./dht-api.ts";
export { DiskWorkers } from "./disk/index.ts";
export { createKeyFile, readKeyFile } from "./keys/index.ts";
export { openNode } from "./node/node.ts";
export { type ItemName, type TakenVersion, Versions } from "./state/index.ts";
