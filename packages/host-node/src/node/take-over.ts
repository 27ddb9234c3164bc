import { constants } from "node:fs";
import { copyFile, lstat, mkdir, rename, truncate, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Info } from "@dure/protocol";

type InfoFile = Info["files"][number];

/** Beside the copy until it is whole: what lies under the name itself is never half of it. */
const unfinished = ".dure-copy";

/**
 * Makes the files of an earlier version ready to become those of the next, and returns the paths that are ours, with slashes.
 *
 * - The same path: what is too long is cut, as a file that shrank must not keep its tail.
 * - Another name of the root folder (or file), nothing there yet: a file of the same path below it and of the same
 *   length is copied. Whether it is the same is found out by checking; where it cannot be copied it is downloaded.
 *
 * Files that only the earlier version has stay where they are.
 */
export async function takeOver(dir: string, before: Info, next: Info): Promise<ReadonlySet<string>> {
  const ours = new Set(before.files.flatMap((file) => (file.pad ? [] : [pathOf(file)]))); // bounded by both torrents
  const byTail = new Map(before.files.flatMap((file) => (file.pad ? [] : [[tailOf(file), file]])));
  for (const file of next.files) {
    if (file.pad) continue;
    if (ours.has(pathOf(file))) await cut(dir, file);
    else {
      const twin = byTail.get(tailOf(file));
      if (twin?.bytes === file.bytes && (await copy(dir, twin, file))) ours.add(pathOf(file));
    }
  }
  return ours;
}

function pathOf({ path }: InfoFile): string {
  return path.join("/");
}

/** Below the root folder; empty for a torrent that is one file. */
function tailOf({ path }: InfoFile): string {
  return path.slice(1).join("/");
}

async function cut(dir: string, file: InfoFile): Promise<void> {
  const size = await sizeOf(dir, file);
  if (size === undefined || size <= file.bytes) return;
  await truncate(join(dir, ...file.path), file.bytes).catch(() => undefined); // what it holds, checking tells
}

async function copy(dir: string, from: InfoFile, to: InfoFile): Promise<boolean> {
  const source = join(dir, ...from.path);
  const target = join(dir, ...to.path);
  if ((await sizeOf(dir, from)) !== from.bytes) return false;
  const part = `${target}${unfinished}`;
  try {
    if ((await kindOf(dir, to)) !== "absent") return false;
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, part, constants.COPYFILE_FICLONE);
    await rename(part, target);
    return true;
  } catch {
    await unlink(part).catch(() => undefined);
    return false; // no room, no right to: then it comes from peers, or the disk says what is wrong
  }
}

/** Undefined for what is no file of the folder's own. */
async function sizeOf(dir: string, file: InfoFile): Promise<number | undefined> {
  const found = await kindOf(dir, file);
  return found === "absent" || found === "other" ? undefined : found.size;
}

/** No symlink is followed, at the end of a path or on its way: what lies elsewhere is not ours. */
async function kindOf(
  dir: string,
  { path }: InfoFile,
): Promise<{ readonly size: number } | "absent" | "other"> {
  for (const depth of path.keys()) {
    const found = await lstat(join(dir, ...path.slice(0, depth + 1))).catch(() => undefined);
    if (found === undefined) return "absent";
    const last = depth === path.length - 1;
    if (last && found.isFile()) return { size: found.size };
    if (!found.isDirectory() || last) return "other";
  }
  return "other";
}
