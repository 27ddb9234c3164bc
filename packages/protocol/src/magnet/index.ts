export * from "./format-magnet.ts";
export * from "./magnet.ts";
export { parseInfoHash, parseMagnet } from "./parse-magnet.ts";
