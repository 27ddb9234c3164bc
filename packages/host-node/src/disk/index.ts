export { type DiskOptions, DiskWorkers } from "./workers.ts";
