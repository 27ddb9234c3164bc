import { resolve } from "node:path";
import { formatSize } from "@dure/base";
import { pieceState } from "@dure/carrier";
import type { Info } from "@dure/protocol";
import { type Context, writeJson } from "../context.ts";
import { Interrupted } from "../interrupt.ts";
import { HashProgress } from "../report/hash-progress.ts";
import type { OptionValues, verifyCommand } from "../table/index.ts";
import { printable } from "../terminal/printable.ts";
import { loadTorrent } from "../torrent/load.ts";
import { checkPieces } from "../verify/check-pieces.ts";
import { type FileGap, gapsOf } from "../verify/gaps.ts";

type Options = OptionValues<(typeof verifyCommand)["options"]>;

/** `dure verify`: which pieces of a torrent lie on disk. Status 1 when any is not right. */
export async function verify(
  context: Context,
  [path = ""]: readonly string[],
  options: Options,
): Promise<number> {
  const { info } = (await loadTorrent(path)).metainfo;
  const dir = resolve(options.dir ?? ".");
  const states = await check(context, info, dir);
  const count = (wanted: number) => states.reduce((sum, state) => sum + (state === wanted ? 1 : 0), 0);
  const piecesGood = count(pieceState.good);
  const counts = {
    piecesGood,
    piecesBad: count(pieceState.bad),
    piecesMissing: count(pieceState.missing),
    complete: piecesGood === info.pieceCount,
  };
  if (context.json) writeJson(context.screen, counts);
  else report(context, { ...counts, dir, info, gaps: gapsOf(info, states) });
  return counts.complete ? 0 : 1;
}

async function check(context: Context, info: Info, dir: string): Promise<Uint8Array> {
  const progress = new HashProgress(context, info.name, info.totalBytes);
  try {
    const { signal } = context.interrupt;
    const states = await checkPieces(info, { dir, signal, onBytes: (bytes) => progress.add(bytes) });
    if (signal.aborted) throw new Interrupted();
    return states;
  } finally {
    progress.end();
  }
}

interface Finding {
  readonly info: Info;
  readonly dir: string;
  readonly piecesGood: number;
  readonly piecesBad: number;
  readonly piecesMissing: number;
  readonly complete: boolean;
  readonly gaps: readonly FileGap[];
}

const gapsShownMax = 20;

function report({ messages, screen }: Context, found: Finding): void {
  const name = printable(found.info.name);
  if (found.complete) {
    const size = formatSize(found.info.totalBytes);
    screen.out(`${messages.text("verify.complete", { name, count: found.piecesGood, size })}\n`);
    return;
  }
  const { piecesGood, piecesBad, piecesMissing, dir } = found;
  const args = { name, dir, good: piecesGood, bad: piecesBad, missing: piecesMissing };
  screen.out(`${messages.text("verify.incomplete", args)}\n`);
  for (const gap of found.gaps.slice(0, gapsShownMax)) {
    const counts = { path: printable(gap.path), bad: gap.piecesBad, missing: gap.piecesMissing };
    screen.out(`  ${messages.text("verify.gap", { ...counts, count: gap.pieceCount })}\n`);
  }
  const more = found.gaps.length - gapsShownMax;
  if (more > 0) screen.out(`  ${messages.text("verify.gaps-more", { count: more })}\n`);
}
