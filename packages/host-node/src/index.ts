export * from "./api.ts";
export { DiskWorkers } from "./disk/index.ts";
export { openNode } from "./node/node.ts";
