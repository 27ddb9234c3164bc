import { fail, fromLatin1, ok, type Result } from "@dure/base";
import { asBytes, asDict, asInt, type Bencode, type BencodeDict } from "../bencode/index.ts";
import { merkleLimits } from "../merkle/index.ts";
import type { InfoReason } from "./info.ts";
import { metainfoLimits } from "./limits.ts";
import type { Content, Entry } from "./parse-entries.ts";
import { readComponent } from "./read-text.ts";

/*
 * BEP 52: names lead to names, and an empty name to the properties of a file.
 *
 *   file tree: { "dir": { "a.bin": { "": { length: 20000, pieces root: 32 bytes } } } }
 *
 * The files' order is that of the dictionaries as they stand.
 */

/** The files of a v2 torrent in order, without what aligns them. A single file keeps its own name as its path. */
export function parseTree(info: BencodeDict): Result<readonly Entry[], InfoReason> {
  const value = info.get("file tree");
  if (value === undefined) return fail("no-file-tree");
  const tree = asDict(value);
  if (tree === undefined) return fail("bad-file-tree");
  if (tree.has("")) return fail("root-is-file");
  const entries: Entry[] = []; // bounded by filesMax
  const bad = collect(tree, [], entries);
  return bad === undefined ? ok(entries) : fail(bad);
}

function collect(folder: BencodeDict, path: readonly string[], into: Entry[]): InfoReason | undefined {
  for (const [key, value] of folder) {
    const node = asDict(value);
    if (node === undefined) return "bad-file";
    if (key.length > metainfoLimits.componentBytesMax) return "name-too-long";
    if (path.length >= metainfoLimits.treeDepthMax) return "path-too-deep";
    const below = [...path, readComponent(fromLatin1(key))];
    const file = node.get("");
    if (file === undefined) {
      const bad = collect(node, below, into);
      if (bad !== undefined) return bad;
    } else {
      if (node.size > 1) return "file-and-folder";
      const entry = readFile(file, below);
      if (!entry.ok) return entry.reason;
      if (into.push(entry.value) > metainfoLimits.filesMax) return "too-many-files";
    }
  }
  return undefined;
}

function readFile(value: Bencode, spelled: readonly string[]): Result<Entry, InfoReason> {
  const dict = asDict(value);
  if (dict === undefined) return fail("bad-file");
  const attributes = dict.get("attr");
  const letters = attributes === undefined ? new Uint8Array() : asBytes(attributes);
  if (letters === undefined) return fail("bad-attr");
  const has = (letter: string) => letters.includes(letter.charCodeAt(0));
  if (has("l") || dict.has("symlink path")) return fail("symlink");
  if (has("p")) return fail("pad-in-file-tree"); // files are aligned without: a pad would be content that is not hashed
  const length = dict.get("length");
  if (length === undefined) return fail("no-length");
  const bytes = asInt(length);
  if (bytes === undefined || bytes < 0) return fail("bad-length");
  const entry = { spelled, bytes, pad: false, executable: has("x"), hidden: has("h") };
  if (bytes === 0) return ok(entry);
  const root = dict.get("pieces root");
  if (root === undefined) return fail("no-pieces-root");
  const piecesRoot = asBytes(root);
  if (piecesRoot?.length !== merkleLimits.hashBytes) return fail("bad-pieces-root");
  return ok({ ...entry, piecesRoot });
}

/**
 * The byte space of a torrent that is v2 alone: every file with bytes begins at a piece, so that what lies between is
 * written down as pads. It is then laid out as a hybrid of the same files, as `withEndPads` makes it.
 */
export function alignTree(entries: readonly Entry[], pieceBytes: number): Content {
  if (entries.length === 1) return { folder: true, entries };
  const aligned: Entry[] = []; // at most twice the list
  for (const entry of entries) {
    aligned.push(entry);
    const gap = (pieceBytes - (entry.bytes % pieceBytes)) % pieceBytes;
    if (gap === 0) continue;
    const spelled = [".pad", String(gap)];
    aligned.push({ spelled, bytes: gap, pad: true, executable: false, hidden: false });
  }
  return { folder: true, entries: aligned };
}

/**
 * BEP 52 takes a tree of nothing but one file for a torrent without a folder. Its name is then the file's; the torrent's
 * own, which may differ, is "purely advisory".
 */
export function singleFile(entries: readonly Entry[]): { name: string; content: Content } | undefined {
  const [only] = entries;
  const [name, ...below] = only?.spelled ?? [];
  if (entries.length !== 1 || only === undefined || name === undefined || below.length > 0) return undefined;
  return { name, content: { folder: false, entries: [{ ...only, spelled: [] }] } };
}

/** A hybrid's v1 list with the roots of its v2 tree: both must name the same files in the same places. */
export function joinHybrid(
  content: Content,
  tree: readonly Entry[],
  options: { readonly name: string; readonly pieceBytes: number },
): Result<Content, InfoReason> {
  const joined: Entry[] = []; // the v1 list, entry by entry
  let offset = 0;
  let next = 0;
  for (const entry of content.entries) {
    if (!entry.pad) {
      const file = tree[next];
      next += 1;
      const spelled = content.folder ? entry.spelled : [options.name];
      if (file === undefined || file.bytes !== entry.bytes || !samePath(file.spelled, spelled)) {
        return fail("hybrid-differs");
      }
      if (entry.bytes > 0 && offset % options.pieceBytes !== 0) return fail("hybrid-not-aligned");
      joined.push(file.piecesRoot === undefined ? entry : { ...entry, piecesRoot: file.piecesRoot });
    } else joined.push(entry);
    offset += entry.bytes;
  }
  if (next !== tree.length) return fail("hybrid-differs");
  return hasOnlyGaps(joined, options.pieceBytes)
    ? ok({ ...content, entries: joined })
    : fail("hybrid-not-aligned");
}

// A pad that is longer than the gap it fills would put pieces into the v1 space that v2 does not have.
function hasOnlyGaps(entries: readonly Entry[], pieceBytes: number): boolean {
  let offset = 0;
  for (const { pad, bytes } of entries) {
    if (pad && bytes > (pieceBytes - (offset % pieceBytes)) % pieceBytes) return false;
    offset += bytes;
  }
  return true;
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((component, index) => component === b[index]);
}
