import { assert } from "@dure/base";
import { type BencodeInput, encodeBencode } from "../bencode/index.ts";
import { metainfoLimits } from "./limits.ts";
import { parseInfo } from "./parse-info.ts";

export interface PlannedFile {
  /** Below the torrent's name. */
  readonly path: readonly string[];
  readonly bytes: number;
  readonly executable?: boolean;
  readonly pad?: boolean;
}

export interface InfoPlan {
  readonly name: string;
  /** One file called `name`, or a folder called `name`. The list is in the order of the byte space, pads included. */
  readonly content:
    | { readonly type: "file"; readonly bytes: number; readonly executable?: boolean }
    | { readonly type: "folder"; readonly files: readonly PlannedFile[] };
  readonly pieceBytes: number;
  /** SHA-1 of each piece, one after the other. */
  readonly pieces: Uint8Array;
  readonly private: boolean;
  readonly source: string | null;
}

/** The raw info dictionary. It is one that `parseInfo` accepts. */
export function buildInfo(plan: InfoPlan): Uint8Array<ArrayBuffer> {
  const content = plan.content;
  const infoBytes = encodeBencode({
    attr: content.type === "file" && content.executable === true ? "x" : undefined,
    files: content.type === "folder" ? content.files.map(fileFields) : undefined,
    length: content.type === "file" ? content.bytes : undefined,
    name: plan.name,
    "piece length": plan.pieceBytes,
    pieces: plan.pieces,
    private: plan.private ? 1 : undefined,
    source: plan.source ?? undefined,
  });
  const parsed = parseInfo(infoBytes, { bytesMax: metainfoLimits.infoBytesMax });
  assert(parsed.ok, `a torrent of ours that we accept (${parsed.ok ? "" : parsed.reason})`);
  return infoBytes;
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

/** A power of two from 16 KiB to 16 MiB that makes about 1,000 to 2,000 pieces, fewer for small torrents, more for vast ones. */
export function choosePieceBytes(totalBytes: number): number {
  let pieceBytes = 16 * 1024;
  while (pieceBytes < 16 * 1024 * 1024 && totalBytes / pieceBytes > 2000) pieceBytes *= 2;
  return pieceBytes;
}
