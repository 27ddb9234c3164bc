import { hex } from "@dure/base";
import {
  buildInfo,
  choosePieceBytes,
  encodeTorrent,
  fileRoot,
  type InfoPlan,
  isPieceLength,
  merkleLimits,
  metainfoLimits,
  type PieceLayers,
  type PlannedFile,
  type TorrentFormat,
  withEndPads,
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
  /** Left out: v1. */
  readonly format?: TorrentFormat;
  /** Also in a v1 torrent; the others have them as they are. */
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
  const format = options.format ?? "v1";
  if (format !== "v1") refuseForTree(tree, pieceBytes, format);
  const planned = plan(tree, pieceBytes, { format, pads: options.pads });
  const totalBytes = planned.reduce((sum, file) => sum + file.bytes, 0);
  if (Math.ceil(totalBytes / pieceBytes) > metainfoLimits.piecesMax) {
    throw new CliError("usage", "create.too-many-pieces", { max: metainfoLimits.piecesMax });
  }
  const kinds = { sha1: format !== "v2", merkle: format !== "v1" };
  const files = lay(tree, planned);
  const hashes = await hashAll({ files, pieceBytes, totalBytes, ...kinds }, options);
  options.signal.throwIfAborted();
  const rooted = kinds.merkle ? rootsOf(planned, hashes.merkle, pieceBytes) : { files: planned };
  const infoBytes = buildInfo({
    name: tree.name,
    content: contentOf(tree, rooted.files),
    pieceBytes,
    pieces: kinds.sha1 ? hashes.sha1 : null,
    fileTree: kinds.merkle,
    private: options.private,
    source: options.source ?? null,
  });
  return encodeTorrent({
    infoBytes,
    ...("layers" in rooted ? { pieceLayers: rooted.layers } : {}),
    trackers: options.trackers,
    webSeeds: options.webSeeds,
    comment: options.comment ?? null,
    createdBy: options.createdBy,
    createdAt: options.createdAt,
  });
}

const pieceBytesMin = 16 * 1024; // the size of a block: smaller pieces only cost hashes

function plan(
  tree: Tree,
  pieceBytes: number,
  options: { readonly format: TorrentFormat; readonly pads: boolean },
): readonly PlannedFile[] {
  if (!tree.folder) return tree.files;
  if (options.format !== "v1") return withEndPads(tree.files, pieceBytes);
  return options.pads ? withPads(tree.files, pieceBytes) : tree.files;
}

// What a file tree (BEP 52) cannot say.
function refuseForTree(tree: Tree, pieceBytes: number, format: TorrentFormat): void {
  if (!isPieceLength(pieceBytes)) throw new CliError("usage", "create.piece-power", { value: pieceBytes });
  const deepest = tree.files.find(({ path }) => path.length > metainfoLimits.treeDepthMax);
  if (deepest !== undefined) {
    const args = { path: deepest.path.join("/"), max: metainfoLimits.treeDepthMax };
    throw new CliError("usage", "create.too-deep-v2", args);
  }
  const [only] = tree.files;
  if (format === "v2" && tree.folder && tree.files.length === 1 && only?.path.length === 1) {
    throw new CliError("usage", "create.lonely-v2", { path: tree.name });
  }
}

/** The files with their roots, and the layers of those longer than a piece: each begins a piece. */
function rootsOf(
  planned: readonly PlannedFile[],
  hashes: Uint8Array,
  pieceBytes: number,
): { readonly files: readonly PlannedFile[]; readonly layers: PieceLayers } {
  const layers = new Map<string, Uint8Array>(); // bounded by the files
  let piece = 0;
  const files = planned.map((file): PlannedFile => {
    if (file.bytes === 0 || file.pad === true) return file;
    const count = Math.ceil(file.bytes / pieceBytes);
    const layer = hashes.subarray(piece * merkleLimits.hashBytes, (piece + count) * merkleLimits.hashBytes);
    piece += count;
    if (count === 1) return { ...file, piecesRoot: layer };
    const piecesRoot = fileRoot(layer, pieceBytes);
    layers.set(hex(piecesRoot), layer);
    return { ...file, piecesRoot };
  });
  return { files, layers };
}

function contentOf(tree: Tree, planned: readonly PlannedFile[]): InfoPlan["content"] {
  const [only] = tree.files;
  if (tree.folder || only === undefined) return { type: "folder", files: planned };
  const { path: _, ...file } = planned[0] ?? only;
  return { type: "file", ...file };
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
