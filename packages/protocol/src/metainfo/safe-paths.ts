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
  // All who can keep their name take it before anyone is given a new one.
  const losers = places.filter((place) => place !== null && !claim(place, place.wanted));
  for (const place of losers) if (place !== null) rename(place);
  return list.map((entry, index) => {
    const place = places[index] ?? null;
    if (place === null) return entry.path.map((component) => safeComponent(component));
    return [...place.folder.path, must(place.name, "every file has a name")];
  });
}

/** Everything in it is bounded by the file list. */
interface Folder {
  readonly path: readonly string[];
  /** By the spelling and by the folded safe name. */
  readonly bySpelling: Map<string, Folder>;
  readonly byKey: Map<string, Folder>;
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
  return { path, bySpelling: new Map(), byKey: new Map(), taken: new Set(), counters: new Map() };
}

function placeOf(root: Folder, entry: SpelledPath): Place | null {
  const last = entry.path[entry.path.length - 1];
  if (entry.pad || last === undefined) return null;
  let folder = root;
  for (const component of entry.path.slice(0, -1)) {
    folder = folder.bySpelling.get(component) ?? enter(folder, component);
  }
  return { folder, wanted: safeComponent(last), name: null };
}

function enter(folder: Folder, spelled: string): Folder {
  const name = safeComponent(spelled);
  const key = foldName(name);
  const child = folder.byKey.get(key) ?? makeFolder([...folder.path, name]);
  folder.byKey.set(key, child);
  folder.bySpelling.set(spelled, child);
  return child;
}

/** False when a folder or another file of the folder has a name that folds to the same key. */
function claim(place: Place, name: string): boolean {
  const key = foldName(name);
  if (place.folder.byKey.has(key) || place.folder.taken.has(key)) return false;
  place.folder.taken.add(key);
  place.name = name;
  return true;
}

// The name is made safe again: the number may stand beside a character that was only safe beside another.
function rename(place: Place): void {
  const { stem, extension } = splitExtension(place.wanted);
  const short = cutText(stem, componentBytesMax - utf8(extension).length - numberBytesMax);
  const series = `${foldName(short)}/${foldName(extension)}`;
  let number = place.folder.counters.get(series) ?? 2;
  while (!claim(place, safeComponent(`${short} (${number})${extension}`))) number += 1;
  place.folder.counters.set(series, number + 1);
}

const numberBytesMax = " (200001)".length;
