import type { Stats } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { compareBytes, fromUtf8Strict } from "@dure/base";
import { metainfoLimits, safeComponent, safePaths } from "@dure/protocol";
import { CliError } from "../errors.ts";

/** What lies at a path, as a torrent would hold it. */
export interface Tree {
  /** Absolute, of the file or folder itself. */
  readonly path: string;
  readonly name: string;
  readonly folder: boolean;
  readonly files: readonly TreeFile[];
  readonly totalBytes: number;
  /** Symlinks, devices, sockets: left out, with a warning. */
  readonly skipped: readonly string[];
}

export interface TreeFile {
  /** Components below the tree's name; empty when the tree is one file. */
  readonly path: readonly string[];
  readonly diskPath: string;
  readonly bytes: number;
  readonly executable: boolean;
}

/** Walks a file or folder in byte order of the names, so that the same content makes the same torrent. */
export async function walk(path: string): Promise<Tree> {
  const root = resolve(path);
  const name = basename(root);
  const found = await statOf(() => stat(root), path);
  if (name === "") throw new CliError("file", "create.no-name", { path });
  if (safeComponent(name) !== name) throw new CliError("file", "create.bad-name", { path: name });
  const walked: Walked = { files: [], skipped: [] };
  if (found.isFile()) walked.files.push(fileOf([], root, found));
  else if (found.isDirectory()) await walkFolder(walked, root, []);
  else throw new CliError("file", "create.special", { path });
  refuseBadNames(walked.files, name);
  const totalBytes = walked.files.reduce((sum, file) => sum + file.bytes, 0);
  if (totalBytes === 0) throw new CliError("file", "create.no-content", { path });
  return { path: root, name, folder: found.isDirectory(), totalBytes, ...walked };
}

interface Walked {
  readonly files: TreeFile[]; // bounded by metainfoLimits.filesMax
  readonly skipped: string[]; // bounded by what lies on the disk
}

async function walkFolder(walked: Walked, folder: string, below: readonly string[]): Promise<void> {
  const shown = join(...below, ".");
  if (below.length >= metainfoLimits.depthMax) throw new CliError("file", "create.too-deep", { path: shown });
  const names = await statOf(() => readdir(folder, { encoding: "buffer" }), folder);
  names.sort(compareBytes);
  for (const bytes of names) {
    const name = fromUtf8Strict(bytes);
    const place = name === undefined ? folder : join(folder, name);
    if (name === undefined) {
      throw new CliError("file", "create.not-utf8", { path: join(place, bytes.toString("latin1")) });
    }
    const entry = await statOf(() => lstat(place), place);
    if (entry.isDirectory()) await walkFolder(walked, place, [...below, name]);
    else if (entry.isFile()) walked.files.push(fileOf([...below, name], place, entry));
    else walked.skipped.push(join(...below, name));
    if (walked.files.length > metainfoLimits.filesMax) {
      throw new CliError("file", "create.too-many-files", { max: metainfoLimits.filesMax });
    }
  }
}

function fileOf(path: readonly string[], diskPath: string, found: Stats): TreeFile {
  return { path, diskPath, bytes: found.size, executable: (found.mode & 0o100) !== 0 };
}

// A name that another system cannot hold would be changed by whoever downloads it, and by our own `seed` too.
function refuseBadNames(files: readonly TreeFile[], name: string): void {
  const safe = safePaths(files.map((file) => ({ path: file.path, pad: false })));
  for (const [index, file] of files.entries()) {
    const shown = join(name, ...file.path);
    if (safe[index]?.some((component, depth) => component !== file.path[depth])) {
      throw new CliError("file", "create.bad-name", { path: shown });
    }
    if (Buffer.byteLength(shown) > metainfoLimits.pathBytesMax) {
      throw new CliError("file", "create.path-too-long", { path: shown });
    }
  }
}

async function statOf<T>(look: () => Promise<T>, path: string): Promise<T> {
  try {
    return await look();
  } catch (error) {
    throw fileError(error, path);
  }
}

/** The message for a failed call of the file system. */
export function fileError(error: unknown, path: string): CliError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const options = { cause: error };
  if (code === "ENOENT" || code === "ENOTDIR") return new CliError("file", "file.missing", { path }, options);
  if (code === "EACCES" || code === "EPERM") return new CliError("file", "file.denied", { path }, options);
  if (code === "ENOSPC" || code === "EDQUOT") return new CliError("file", "file.full", { path }, options);
  return new CliError("file", "file.failed", { path, code }, options);
}
