export { DiskFile } from "./disk-file.ts";
export { SimDisk, type SimDiskOptions } from "./sim-disk.ts";
export { Volume, VolumeError } from "./volume.ts";
