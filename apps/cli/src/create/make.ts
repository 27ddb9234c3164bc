import {
  buildInfo,
  choosePieceBytes,
  encodeTorrent,
  type InfoPlan,
  metainfoLimits,
  type PlannedFile,
  withPads,
} from "@dure/protocol";
import { CliError } from "../errors.ts";
import { hashAll } from "./hash.ts";
import type { HashFile } from "./hash-pieces.ts";
import type { Tree } from "./walk.ts";

export interface MakeOptions {
  readonly pieceBytes?: number | undefined;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly private: boolean;
  readonly pads: boolean;
  readonly comment: string | undefined;
  readonly source: string | undefined;
  readonly createdBy: string;
  /** UNIX seconds. */
  readonly createdAt: number;
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** The whole .torrent of a tree: hashes everything in it. */
export async function makeTorrent(tree: Tree, options: MakeOptions): Promise<Uint8Array> {
  checkUrls(options);
  const pieceBytes = options.pieceBytes ?? choosePieceBytes(tree.totalBytes);
  if (pieceBytes < pieceBytesMin || pieceBytes > metainfoLimits.pieceBytesMax) {
    throw new CliError("usage", "create.piece-size", { value: pieceBytes });
  }
  const planned = plan(tree, options.pads ? pieceBytes : undefined);
  const totalBytes = planned.reduce((sum, file) => sum + file.bytes, 0);
  if (Math.ceil(totalBytes / pieceBytes) > metainfoLimits.piecesMax) {
    throw new CliError("usage", "create.too-many-pieces", { max: metainfoLimits.piecesMax });
  }
  const pieces = await hashAll({ files: lay(tree, planned), pieceBytes, totalBytes }, options);
  options.signal.throwIfAborted();
  const infoBytes = buildInfo({
    name: tree.name,
    content: contentOf(tree, planned),
    pieceBytes,
    pieces,
    private: options.private,
    source: options.source ?? null,
  });
  return encodeTorrent({
    infoBytes,
    trackers: options.trackers,
    webSeeds: options.webSeeds,
    comment: options.comment ?? null,
    createdBy: options.createdBy,
    createdAt: options.createdAt,
  });
}

const pieceBytesMin = 16 * 1024; // the size of a block: smaller pieces only cost hashes

function plan(tree: Tree, padTo: number | undefined): readonly PlannedFile[] {
  return padTo === undefined || !tree.folder ? tree.files : withPads(tree.files, padTo);
}

function contentOf(tree: Tree, planned: readonly PlannedFile[]): InfoPlan["content"] {
  const [only] = tree.files;
  if (tree.folder || only === undefined) return { type: "folder", files: planned };
  return { type: "file", bytes: only.bytes, executable: only.executable };
}

// Pads stand between the tree's own files, which keep their order.
function lay(tree: Tree, planned: readonly PlannedFile[]): readonly HashFile[] {
  const files: HashFile[] = []; // bounded by the plan
  let offset = 0;
  let own = 0;
  for (const { bytes, pad = false } of planned) {
    const diskPath = pad ? "" : (tree.files[own]?.diskPath ?? "");
    if (!pad) own += 1;
    files.push({ diskPath, bytes, offset, pad });
    offset += bytes;
  }
  return files;
}

// What our own parser would leave out is refused here: a tracker that vanishes silently helps nobody.
function checkUrls(options: MakeOptions): void {
  const trackers = options.trackers.flat();
  for (const url of trackers) checkUrl(url, /^(?:https?|udp|wss?):$/, "create.bad-tracker");
  for (const url of options.webSeeds) checkUrl(url, /^https?:$/, "create.bad-web-seed");
  if (trackers.length > metainfoLimits.trackersMax || options.webSeeds.length > metainfoLimits.webSeedsMax) {
    throw new CliError("usage", "create.too-many-urls", {
      trackers: metainfoLimits.trackersMax,
      webSeeds: metainfoLimits.webSeedsMax,
    });
  }
  const texts = [options.comment ?? "", options.source ?? ""];
  if (texts.some((text) => Buffer.byteLength(text) > metainfoLimits.textBytesMax)) {
    throw new CliError("usage", "create.text-too-long", { max: metainfoLimits.textBytesMax });
  }
}

function checkUrl(url: string, schemes: RegExp, key: "create.bad-tracker" | "create.bad-web-seed"): void {
  const fits = Buffer.byteLength(url) <= metainfoLimits.urlBytesMax;
  if (!fits || !schemes.test(new URL(url).protocol)) throw new CliError("usage", key, { url });
}
