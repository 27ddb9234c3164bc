export * from "./build-info.ts";
export * from "./encode-torrent.ts";
export { foldName } from "./fold-name.ts";
export * from "./info.ts";
export * from "./limits.ts";
export { parseInfo } from "./parse-info.ts";
export { parseTorrent } from "./parse-torrent.ts";
export { cutText, safeComponent } from "./safe-component.ts";
export { type SpelledPath, safePaths } from "./safe-paths.ts";
