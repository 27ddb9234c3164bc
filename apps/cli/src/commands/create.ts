import { open, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { formatSize, must } from "@dure/base";
import { parseTorrent } from "@dure/protocol";
import { type Context, warn, writeJson } from "../context.ts";
import { makeTorrent } from "../create/make.ts";
import { fileError, type Tree, walk } from "../create/walk.ts";
import { CliError } from "../errors.ts";
import { HashProgress } from "../report/hash-progress.ts";
import type { createCommand, OptionValues } from "../table/index.ts";
import { printable } from "../terminal/printable.ts";
import { describeTorrent } from "../torrent/description.ts";
import { version } from "../version.ts";

type Options = OptionValues<(typeof createCommand)["options"]>;

/** `dure create`: hashes a file or folder and writes its .torrent. */
export async function create(
  context: Context,
  [path = ""]: readonly string[],
  options: Options,
): Promise<number> {
  const tree = await context.interrupt.race(walk(path));
  for (const skipped of tree.skipped) {
    warn(context, context.messages.text("create.skipped", { path: printable(skipped) }));
  }
  const out = resolve(options.out ?? `${tree.name}.torrent`);
  // Found out before an hour of hashing, and made sure of again when it is written.
  if (options.force !== true) await refuseExisting(out);
  const bytes = await hash(context, tree, options);
  await write(out, bytes, options.force === true);
  report(context, out, bytes);
  return 0;
}

async function hash(context: Context, tree: Tree, options: Options): Promise<Uint8Array> {
  const progress = new HashProgress(context, tree.name, tree.totalBytes);
  try {
    return await makeTorrent(tree, {
      pieceBytes: options["piece-size"],
      trackers: options.tracker,
      webSeeds: options["web-seed"],
      private: options.private,
      format: options.format ?? "hybrid",
      pads: options.pad,
      comment: options.comment,
      source: options.source,
      createdBy: `Dure ${version()}`,
      createdAt: Math.floor(Date.now() / 1000),
      onBytes: (count) => progress.add(count),
      signal: context.interrupt.signal,
    });
  } finally {
    progress.end();
  }
}

async function refuseExisting(out: string): Promise<void> {
  try {
    await using _ = await open(out);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw fileError(error, out);
  }
  throw new CliError("file", "create.exists", { path: out });
}

// Into a file beside it first: a full disk never leaves half a torrent under the name.
async function write(out: string, bytes: Uint8Array, force: boolean): Promise<void> {
  const part = `${out}.${process.pid}.part`;
  try {
    await using file = await open(part, "wx");
    await file.writeFile(bytes);
    await file.sync();
    if (!force) await refuseExisting(out);
    await rename(part, out);
  } catch (error) {
    await rm(part, { force: true });
    throw error instanceof CliError ? error : fileError(error, out);
  }
}

function report(context: Context, out: string, bytes: Uint8Array): void {
  const parsed = parseTorrent(bytes);
  const about = describeTorrent(must(parsed.ok ? parsed.value : undefined, "we read what we wrote"));
  if (context.json) return writeJson(context.screen, { event: "done", torrent: out, ...about });
  if (context.quiet) return;
  const { messages, screen } = context;
  screen.out(`${messages.text("create.written", { path: out })}\n`);
  screen.out(
    `${messages.text("create.summary", {
      infoHash: about.infoHashV1 ?? about.infoHashV2 ?? "",
      size: formatSize(about.totalBytes ?? 0),
      pieces: about.pieceCount ?? 0,
      pieceSize: formatSize(about.pieceBytes ?? 0),
    })}\n`,
  );
  screen.out(`${about.magnet}\n`);
}
