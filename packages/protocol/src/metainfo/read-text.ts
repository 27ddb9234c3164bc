import { fail, fromUtf8, fromUtf8Strict, latin1, ok, type Result } from "@dure/base";
import { asBytes, asList, type BencodeDict } from "../bencode/index.ts";
import { metainfoLimits } from "./limits.ts";

/** The torrent's name as it spells it. `name.utf-8` comes from clients that wrote `name` in a local code page. */
export function readName(dict: BencodeDict): Result<string, "no-name" | "bad-name" | "name-too-long"> {
  const utf8Name = asBytes(dict.get("name.utf-8"));
  const name = utf8Name ?? dict.get("name");
  if (name === undefined) return fail("no-name");
  const bytes = asBytes(name);
  if (bytes === undefined) return fail("bad-name");
  return bytes.length > metainfoLimits.componentBytesMax ? fail("name-too-long") : ok(readComponent(bytes));
}

/** The components of a file's path as the torrent spells them. */
export function readPath(
  dict: BencodeDict,
): Result<readonly string[], "no-path" | "bad-path" | "empty-path" | "path-too-deep" | "name-too-long"> {
  const path = asList(dict.get("path.utf-8")) ?? dict.get("path");
  if (path === undefined) return fail("no-path");
  const list = asList(path);
  if (list === undefined) return fail("bad-path");
  if (list.length === 0) return fail("empty-path");
  if (list.length > metainfoLimits.depthMax) return fail("path-too-deep");
  const components: string[] = [];
  for (const item of list) {
    const bytes = asBytes(item);
    if (bytes === undefined) return fail("bad-path");
    if (bytes.length > metainfoLimits.componentBytesMax) return fail("name-too-long");
    components.push(readComponent(bytes));
  }
  return ok(components);
}

/** Text for people: comment, creator, source. Cut when too long, null when absent or not a string. */
export function readNote(dict: BencodeDict, key: string): string | null {
  const bytes = asBytes(dict.get(`${key}.utf-8`)) ?? asBytes(dict.get(key));
  if (bytes === undefined) return null;
  const kept = bytes.subarray(0, metainfoLimits.textBytesMax);
  // A cut inside a character must not turn the whole text into latin1.
  return kept.length < bytes.length ? fromUtf8(kept) : readComponent(kept);
}

// What is not UTF-8 is read as latin1: Western names come out right, others stay distinct and reversible. A
// guess by code page would give one torrent two names, by file and by magnet link.
export function readComponent(bytes: Uint8Array): string {
  return fromUtf8Strict(bytes) ?? latin1(bytes);
}
