import { join } from "node:path";

export const vectorsFolder = join(import.meta.dirname, "../../../../../vectors/torrents");
export const hostileFolder = join(vectorsFolder, "hostile");
export const foreignFolder = join(vectorsFolder, "foreign");
