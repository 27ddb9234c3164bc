import { fail, ok, type Result, utf8 } from "@dure/base";
import type { TorrentFile } from "./info.ts";
import { metainfoLimits } from "./limits.ts";
import type { Content } from "./parse-entries.ts";
import { safeComponent } from "./safe-component.ts";
import { safePaths } from "./safe-paths.ts";

/** Gives every entry its place in the byte space and its safe path below the download folder. */
export function layFiles(
  spelledName: string,
  nameIfEmpty: string,
  content: Content,
): Result<{ readonly name: string; readonly files: readonly TorrentFile[] }, "path-too-long"> {
  const name = safeComponent(spelledName, nameIfEmpty);
  const below = safePaths(content.entries.map((entry) => ({ path: entry.spelled, pad: entry.pad })));
  const files: TorrentFile[] = [];
  let offset = 0;
  for (const [index, entry] of content.entries.entries()) {
    const path = [name, ...(below[index] ?? [])];
    if (isTooLong(path.join("/"))) return fail("path-too-long");
    const spelledPath = [spelledName, ...entry.spelled];
    files.push({
      path,
      spelledPath: same(path, spelledPath) ? path : spelledPath, // one array for the usual case: torrents are many
      bytes: entry.bytes,
      offset,
      pad: entry.pad,
      executable: entry.executable,
      hidden: entry.hidden,
      ...(entry.piecesRoot === undefined ? {} : { piecesRoot: entry.piecesRoot }),
    });
    offset += entry.bytes;
  }
  return ok({ name, files });
}

function isTooLong(path: string): boolean {
  const most = metainfoLimits.pathBytesMax;
  return path.length * 3 > most && utf8(path).length > most; // a UTF-16 unit is at most three bytes
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((component, index) => component === b[index]);
}
