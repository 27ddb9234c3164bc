import { must, utf8 } from "@dure/base";
import { foldName } from "./fold-name.ts";
import { componentBytesMax, cutText, safeComponent, splitExtension } from "./safe-component.ts";

/*
 * A torrent's file list as paths that hold together on every system:
 *
 *   1. every component is a safeComponent
 *   2. folders whose names fold to one key are one folder, under the name met first
 *   3. no two files, and no file and folder, of one folder have names that fold to one key: the folder, then
 *      the first file keeps the name, the others get ` (2)`, ` (3)` ... before the extension
 *   4. the result depends on the list alone, and safePaths(result) is the result
 *
 * Pads are never written: their components are made safe, but they take no name from a file.
 */

export interface SpelledPath {
  readonly path: readonly string[];
  readonly pad: boolean;
}

/** One safe path for each spelled one, in order. An empty path (a single file) stays empty. */
export function safePaths(list: readonly SpelledPath[]): readonly (readonly string[])[] {
  const root = makeFolder([]);
  const places = list.map((entry) => placeOf(root, entry));
  for (const place of places) if (place !== null) claim(place);
  for (const place of places) if (place !== null) settle(place);
  return list.map((entry, index) => {
    const place = places[index] ?? null;
    if (place === null) return entry.path.map((component) => safeComponent(component));
    return [...place.folder.path, must(place.name, "every file is settled")];
  });
}

interface Folder {
  readonly path: readonly string[];
  /** By folded name. Bounded by the file list, as is all below. */
  readonly folders: Map<string, Folder>;
  /** Folded names that files took. */
  readonly taken: Set<string>;
  /** By folded stem and extension: the number to try next, so that many equal names cost no search. */
  readonly counters: Map<string, number>;
}

interface Place {
  readonly folder: Folder;
  readonly wanted: string;
  name: string | null;
}

function makeFolder(path: readonly string[]): Folder {
  return { path, folders: new Map(), taken: new Set(), counters: new Map() };
}

function placeOf(root: Folder, entry: SpelledPath): Place | null {
  const last = entry.path[entry.path.length - 1];
  if (entry.pad || last === undefined) return null;
  let folder = root;
  for (const component of entry.path.slice(0, -1)) folder = childOf(folder, safeComponent(component));
  return { folder, wanted: safeComponent(last), name: null };
}

function childOf(folder: Folder, name: string): Folder {
  const key = foldName(name);
  const child = folder.folders.get(key) ?? makeFolder([...folder.path, name]);
  folder.folders.set(key, child);
  return child;
}

// All who can keep their name take it before anyone is given a new one.
function claim(place: Place): void {
  if (isFree(place.folder, place.wanted)) take(place, place.wanted);
}

function settle(place: Place): void {
  if (place.name !== null) return;
  const { stem, extension } = splitExtension(place.wanted);
  const short = cutText(stem, componentBytesMax - utf8(extension).length - numberBytesMax);
  const series = `${foldName(short)}/${foldName(extension)}`;
  for (let number = place.folder.counters.get(series) ?? 2; ; number += 1) {
    const name = safeComponent(`${short} (${number})${extension}`);
    if (!isFree(place.folder, name)) continue;
    place.folder.counters.set(series, number + 1);
    return take(place, name);
  }
}

const numberBytesMax = " (200001)".length;

function isFree(folder: Folder, name: string): boolean {
  const key = foldName(name);
  return !folder.folders.has(key) && !folder.taken.has(key);
}

function take(place: Place, name: string): void {
  place.folder.taken.add(foldName(name));
  place.name = name;
}
