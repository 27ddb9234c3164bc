export { DiskFile } from "./disk-file.ts";
export { pathOf } from "./open-store.ts";
export { type DiskTwist, SimDisk, type SimDiskOptions } from "./sim-disk.ts";
export { Volume, VolumeError } from "./volume.ts";
