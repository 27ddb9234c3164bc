export { DiskFile } from "./disk-file.ts";
export { type DiskTwist, pathOf, SimDisk, type SimDiskOptions } from "./sim-disk.ts";
export { Volume, VolumeError } from "./volume.ts";
