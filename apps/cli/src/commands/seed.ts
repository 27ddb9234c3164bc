import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { must } from "@dure/base";
import type { TorrentStatus } from "@dure/host-node";
import { parseTorrent } from "@dure/protocol";
import { type Context, warn } from "../context.ts";
import { makeTorrent } from "../create/make.ts";
import { fileError, walk } from "../create/walk.ts";
import { CliError } from "../errors.ts";
import { HashProgress } from "../report/hash-progress.ts";
import type { OptionValues, seedCommand } from "../table/index.ts";
import { printable } from "../terminal/printable.ts";
import { loadTorrent } from "../torrent/load.ts";
import { magnetOf } from "../torrent/magnet-of.ts";
import { addNetworkOptions, nodeOptions } from "../transfer/node-options.ts";
import { runTransfer, type Transfer } from "../transfer/transfer.ts";
import { version } from "../version.ts";

type Options = OptionValues<(typeof seedCommand)["options"]>;

/** `dure seed`: gives what lies on disk, by its .torrent or as it is. */
export async function seed(
  context: Context,
  [source = ""]: readonly string[],
  options: Options,
): Promise<number> {
  const what = (await isTorrent(source))
    ? await fromTorrent(source, options)
    : await fromData(context, source, options);
  return await runTransfer(context, {
    node: nodeOptions(context.profile, options),
    once: false,
    refuseIncomplete,
    ...what,
    add: { ...what.add, ...addNetworkOptions(options) },
  });
}

/** What is given must be there; it is not fetched. */
export function refuseIncomplete(status: TorrentStatus): CliError {
  return new CliError("incomplete", "seed.incomplete", {
    name: status.name,
    dir: status.dir,
    done: status.piecesDone,
    count: status.pieceCount,
  });
}

async function isTorrent(source: string): Promise<boolean> {
  if (/^https?:\/\//i.test(source)) return true;
  if (/^magnet:/i.test(source)) throw new CliError("usage", "seed.magnet");
  try {
    const found = await stat(source);
    return found.isFile() && source.toLowerCase().endsWith(".torrent");
  } catch (error) {
    throw fileError(error, source);
  }
}

async function fromTorrent(source: string, options: Options): Promise<Pick<Transfer, "add">> {
  const dir = resolve(options.dir ?? ".");
  if (options.tracker.length > 0) throw new CliError("usage", "seed.tracker-of-torrent");
  if (!/^https?:\/\//i.test(source)) {
    // Found out here, before anything is made on disk.
    const { info } = (await loadTorrent(source)).metainfo;
    const top = join(dir, info.files[0]?.path[0] ?? info.name);
    if (!existsSync(top)) throw new CliError("incomplete", "seed.nothing", { path: top });
  }
  return { add: { source, dir, assumeComplete: options["assume-complete"] } };
}

// The torrent exists in memory only; whoever is given the link can ask us for the rest of it.
async function fromData(
  context: Context,
  path: string,
  options: Options,
): Promise<Pick<Transfer, "add" | "magnet">> {
  if (options.dir !== undefined) throw new CliError("usage", "seed.dir-of-data");
  const tree = await context.interrupt.race(walk(path));
  for (const skipped of tree.skipped) {
    warn(context, context.messages.text("create.skipped", { path: printable(skipped) }));
  }
  const progress = new HashProgress(context, tree.name, tree.totalBytes);
  try {
    const bytes = await makeTorrent(tree, {
      trackers: options.tracker,
      webSeeds: [],
      private: false,
      pads: false,
      comment: undefined,
      source: undefined,
      createdBy: `Dure ${version()}`,
      createdAt: Math.floor(Date.now() / 1000),
      onBytes: (count) => progress.add(count),
      signal: context.interrupt.signal,
    });
    const parsed = parseTorrent(bytes);
    const magnet = magnetOf(must(parsed.ok ? parsed.value : undefined, "we read what we wrote"));
    // What was hashed a moment ago is not hashed again.
    return { add: { source: bytes, dir: dirname(tree.path), assumeComplete: true }, magnet };
  } finally {
    progress.end();
  }
}
