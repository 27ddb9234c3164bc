import { closeSync, constants, fstatSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { at } from "@dure/base";
import { codeOf, DiskError, toDiskError } from "./fault.ts";
import type { Store } from "./store.ts";

/** `read`: it must be there. `write`: likewise. `make`: made when it never was there. */
export type Access = "read" | "write" | "make";

/**
 * Opens a file of the store and nothing else: the last component is never a symlink, the folder above it really lies
 * in the root, and what was opened is a regular file. Checked at each opening, since folders change under us; a local
 * user who may write into the download folder can still race us, a stranger cannot.
 */
export function openFile(store: Store, index: number, access: Access): { fd: number; path: string } {
  const file = store.file(index);
  const mayMake = access === "make" && store.seen[index] === 0;
  const folders = file.path.slice(0, -1);
  const name = at(file.path, file.path.length - 1);
  const root = store.root.present() ?? makeRoot(store, mayMake);
  const folder = realFolder(root, folders) ?? makeFolders(store, { root, folders, mayMake });
  const path = join(folder, name);
  const fd = openAt(store, { path, folder, access, mayMake, executable: file.executable });
  try {
    if (!fstatSync(fd).isFile())
      throw new DiskError("denied", path, "something that is no file is in the way");
  } catch (error) {
    closeSync(fd);
    throw toDiskError(error, path);
  }
  store.seen[index] = 1;
  return { fd, path };
}

/** The real path of a folder below the root; undefined when it is not there. */
export function realFolder(root: string, folders: readonly string[]): string | undefined {
  if (folders.length === 0) return root;
  const path = join(root, ...folders);
  try {
    const real = realpathSync.native(path);
    if (!isInside(root, real)) throw new DiskError("denied", path, `leads out of the folder, to ${real}`);
    return real;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw toDiskError(error, path);
  }
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function makeRoot(store: Store, mayMake: boolean): string {
  if (!mayMake) throw new DiskError("missing", store.root.path, "the download folder is not there");
  return store.root.make((parent) => store.dirtyFolders.add(parent));
}

// One component at a time: `mkdir -p` would walk through a symlink before anyone could look where it leads.
function makeFolders(
  store: Store,
  { root, folders, mayMake }: { root: string; folders: readonly string[]; mayMake: boolean },
): string {
  if (!mayMake) throw new DiskError("missing", join(root, ...folders), "the folder is not there");
  let real = root;
  for (const [depth, folder] of folders.entries()) {
    const path = join(real, folder);
    try {
      mkdirSync(path);
      store.dirtyFolders.add(real);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw toDiskError(error, path);
    }
    const made = realFolder(root, folders.slice(0, depth + 1));
    if (made === undefined) throw new DiskError("denied", path, "a symlink to nothing is in the way");
    real = made;
  }
  return real;
}

// O_NONBLOCK: opening a FIFO must not wait for its writer. Regular files do not mind.
// Windows knows neither flag; symlinks there need a privilege to make.
const safely = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

function openAt(
  store: Store,
  way: { path: string; folder: string; access: Access; mayMake: boolean; executable: boolean },
): number {
  const readOrWrite = way.access === "read" ? constants.O_RDONLY : constants.O_RDWR;
  try {
    return openSync(way.path, readOrWrite | safely);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || !way.mayMake) throw toDiskError(error, way.path);
  }
  try {
    const flags = readOrWrite | safely | constants.O_CREAT | constants.O_EXCL;
    const fd = openSync(way.path, flags, way.executable ? 0o777 : 0o666); // less the user's umask
    store.dirtyFolders.add(way.folder);
    return fd;
  } catch (error) {
    throw toDiskError(error, way.path);
  }
}
