import { assert, latin1, utf8 } from "@dure/base";
import { type BencodeFields, type BencodeInput, encodeBencode } from "../bencode/index.ts";
import { metainfoLimits } from "./limits.ts";
import { parseInfo } from "./parse-info.ts";

export interface PlannedFile {
  /** Below the torrent's name. */
  readonly path: readonly string[];
  readonly bytes: number;
  readonly executable?: boolean;
  readonly pad?: boolean;
  /** BEP 52: of a file with bytes, when a file tree is built. */
  readonly piecesRoot?: Uint8Array;
}

export interface InfoPlan {
  readonly name: string;
  /** One file called `name`, or a folder called `name`. The list is in the order of the byte space, pads included. */
  readonly content:
    | ({ readonly type: "file" } & Omit<PlannedFile, "path" | "pad">)
    | { readonly type: "folder"; readonly files: readonly PlannedFile[] };
  readonly pieceBytes: number;
  /** SHA-1 of each piece, one after the other; null for a torrent that is v2 alone. */
  readonly pieces: Uint8Array | null;
  /** With a file tree (BEP 52): hybrid, or v2 alone. Its files must be in byte order, folder by folder, and aligned. */
  readonly fileTree?: boolean;
  readonly private: boolean;
  readonly source: string | null;
}

/** The raw info dictionary. It is one that `parseInfo` accepts. */
export function buildInfo(plan: InfoPlan): Uint8Array<ArrayBuffer> {
  const infoBytes = encodeBencode({
    ...(plan.pieces === null ? {} : listFields(plan.content)),
    "file tree": plan.fileTree === true ? treeOf(plan) : undefined,
    "meta version": plan.fileTree === true ? 2 : undefined,
    name: plan.name,
    "piece length": plan.pieceBytes,
    pieces: plan.pieces ?? undefined,
    private: plan.private ? 1 : undefined,
    source: plan.source ?? undefined,
  });
  const parsed = parseInfo(infoBytes, { bytesMax: metainfoLimits.infoBytesMax });
  assert(parsed.ok, `a torrent of ours that we accept (${parsed.ok ? "" : parsed.reason})`);
  return infoBytes;
}

function listFields(content: InfoPlan["content"]): BencodeFields {
  if (content.type === "folder") return { files: content.files.map(fileFields) };
  return { attr: content.executable === true ? "x" : undefined, length: content.bytes };
}

type Tree = Map<string, Tree | BencodeInput>;

function treeOf(plan: InfoPlan): Tree {
  const { content } = plan;
  const tree: Tree = new Map();
  const files = content.type === "folder" ? content.files : [{ ...content, path: [plan.name] }];
  for (const file of files) if (file.pad !== true) plant(tree, file);
  return tree;
}

function plant(tree: Tree, file: PlannedFile): void {
  let folder = tree;
  for (const component of file.path) {
    const key = latin1(utf8(component));
    const found = folder.get(key);
    const below: Tree = found instanceof Map ? found : new Map();
    folder.set(key, below);
    folder = below;
  }
  folder.set("", {
    attr: file.executable === true ? "x" : undefined,
    length: file.bytes,
    "pieces root": file.bytes === 0 ? undefined : file.piecesRoot,
  });
}

function fileFields(file: PlannedFile): BencodeInput {
  const attributes = `${file.pad === true ? "p" : ""}${file.executable === true ? "x" : ""}`;
  return {
    attr: attributes === "" ? undefined : attributes,
    length: file.bytes,
    path: file.path,
  };
}

/** The list with a pad (BEP 47) before each file with bytes that would begin inside a piece. */
export function withPads(files: readonly PlannedFile[], pieceBytes: number): readonly PlannedFile[] {
  const padded: PlannedFile[] = []; // at most twice the list
  let offset = 0;
  for (const file of files) {
    const gap = (pieceBytes - (offset % pieceBytes)) % pieceBytes;
    if (gap > 0 && file.bytes > 0) {
      padded.push({ path: [".pad", String(gap)], bytes: gap, pad: true });
      offset += gap;
    }
    padded.push(file);
    offset += file.bytes;
  }
  return padded;
}

/**
 * The list of a hybrid (BEP 52): a pad after each file that ends inside a piece, the last too unless it is the only one,
 * as libtorrent does it.
 */
export function withEndPads(files: readonly PlannedFile[], pieceBytes: number): readonly PlannedFile[] {
  if (files.length === 1) return files;
  return files.flatMap((file) => {
    const gap = (pieceBytes - (file.bytes % pieceBytes)) % pieceBytes;
    return gap === 0 ? [file] : [file, { path: [".pad", String(gap)], bytes: gap, pad: true }];
  });
}

/** A power of two from 16 KiB to 16 MiB that makes about 1,000 to 2,000 pieces, fewer for small torrents, more for vast ones. */
export function choosePieceBytes(totalBytes: number): number {
  let pieceBytes = 16 * 1024;
  while (pieceBytes < 16 * 1024 * 1024 && totalBytes / pieceBytes > 2000) pieceBytes *= 2;
  return pieceBytes;
}
