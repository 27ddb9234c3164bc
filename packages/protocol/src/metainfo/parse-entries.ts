import { fail, ok, type Result } from "@dure/base";
import { asBytes, asDict, asInt, asList, type Bencode, type BencodeDict } from "../bencode/index.ts";
import type { InfoReason } from "./info.ts";
import { metainfoLimits } from "./limits.ts";
import { readPath } from "./read-text.ts";

/** A file as the torrent describes it, before it has a safe path. */
export interface Entry {
  /** Below the torrent's name; empty for the file of a single-file torrent. */
  readonly spelled: readonly string[];
  readonly bytes: number;
  readonly pad: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  /** BEP 52: of a file with bytes, in a torrent that has a file tree. */
  readonly piecesRoot?: Uint8Array;
}

export interface Content {
  /** True when the name is a folder (BEP 3: the key `files` is there). */
  readonly folder: boolean;
  readonly entries: readonly Entry[];
}

export function parseEntries(info: BencodeDict): Result<Content, InfoReason> {
  const files = info.get("files");
  const length = info.get("length");
  if (files !== undefined && length !== undefined) return fail("length-and-files");
  if (files !== undefined) return parseFolder(files);
  const entry = parseEntry(info, () => ok([]));
  return entry.ok ? ok({ folder: false, entries: [entry.value] }) : entry;
}

function parseFolder(files: Bencode): Result<Content, InfoReason> {
  const list = asList(files);
  if (list === undefined) return fail("bad-files");
  if (list.length > metainfoLimits.filesMax) return fail("too-many-files");
  const entries: Entry[] = [];
  for (const item of list) {
    const dict = asDict(item);
    if (dict === undefined) return fail("bad-file");
    const entry = parseEntry(dict, readPath);
    if (!entry.ok) return entry;
    entries.push(entry.value);
  }
  return ok({ folder: true, entries });
}

function parseEntry(
  dict: BencodeDict,
  pathOf: (dict: BencodeDict) => Result<readonly string[], InfoReason>,
): Result<Entry, InfoReason> {
  const attributes = dict.get("attr");
  const letters = attributes === undefined ? new Uint8Array() : asBytes(attributes);
  if (letters === undefined) return fail("bad-attr");
  const has = (letter: string) => letters.includes(letter.charCodeAt(0));
  // A link can point out of the folder, or at a file that a later entry then writes through.
  if (has("l") || dict.has("symlink path")) return fail("symlink");
  const length = dict.get("length");
  if (length === undefined) return fail("no-length");
  const bytes = asInt(length);
  if (bytes === undefined || bytes < 0) return fail("bad-length");
  const pad = has("p");
  // BEP 47: a pad's path is for clients that do not know pads, and may be absent.
  const spelled = pad && !dict.has("path") ? ok([".pad", String(bytes)]) : pathOf(dict);
  if (!spelled.ok) return spelled;
  return ok({ spelled: spelled.value, bytes, pad, executable: has("x"), hidden: has("h") });
}
