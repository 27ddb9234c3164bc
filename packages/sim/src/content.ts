import { createHash } from "node:crypto";
import { must, type Prng } from "@dure/base";
import { buildInfo, type Info, type PlannedFile, parseInfo, pieceLength } from "@dure/protocol";

/** A torrent and the bytes that it stands for. */
export interface Content {
  readonly info: Info;
  /** The whole byte space, pads included. */
  readonly bytes: Uint8Array;
  piece(index: number): Uint8Array;
}

export interface ContentOptions {
  readonly bytes: number;
  readonly pieceBytes: number;
  /** More than one: a folder of files of uneven lengths. */
  readonly files?: number;
  readonly private?: boolean;
}

/** A torrent of random bytes. */
export function makeContent(prng: Prng, options: ContentOptions): Content {
  const bytes = randomBytes(prng, options.bytes);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += options.pieceBytes)
    pieces.push(
      createHash("sha1")
        .update(bytes.subarray(at, at + options.pieceBytes))
        .digest(),
    );
  const count = options.files ?? 1;
  const infoBytes = buildInfo({
    name: "sample",
    content:
      count === 1
        ? { type: "file", bytes: bytes.length }
        : { type: "folder", files: unevenFiles(prng, bytes.length, count) },
    pieceBytes: options.pieceBytes,
    pieces: Buffer.concat(pieces),
    private: options.private ?? false,
    source: null,
  });
  const parsed = parseInfo(infoBytes);
  const info = must(parsed.ok ? parsed.value : undefined, "our own torrent is good");
  return {
    info,
    bytes,
    piece: (index) => {
      const start = index * info.pieceBytes;
      return bytes.subarray(start, start + pieceLength(info, index));
    },
  };
}

/** As `Prng.bytes`, four at a time. */
function randomBytes(prng: Prng, length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index += 1) words[index] = prng.uint32();
  return new Uint8Array(words.buffer, 0, length);
}

function unevenFiles(prng: Prng, total: number, count: number): PlannedFile[] {
  const cuts = Array.from({ length: count - 1 }, () => prng.below(total + 1)).sort((a, b) => a - b);
  const ends = [...cuts, total];
  return ends.map((end, index) => ({ path: [`part ${index}`], bytes: end - (ends[index - 1] ?? 0) }));
}
