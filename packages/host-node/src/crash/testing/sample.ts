import { createCipheriv, hash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildInfo, encodeTorrent, type Info, parseTorrent } from "@dure/protocol";

export interface SampleFile {
  readonly path: string;
  readonly bytes: number;
}

export interface SamplePlan {
  readonly name: string;
  readonly pieceBytes: number;
  /** One file called `name`, or files below a folder of that name. */
  readonly content: number | readonly SampleFile[];
  readonly trackers?: readonly string[];
  readonly private?: boolean;
}

/** A torrent with everything that belongs in it. */
export interface Sample {
  readonly name: string;
  readonly torrent: Uint8Array;
  readonly infoHash: string;
  readonly info: Info;
  readonly content: Buffer;
}

/** Bytes that look random and depend only on the label. */
export function noise(label: string, bytes: number): Buffer {
  const key = hash("sha1", label, "buffer").subarray(0, 16);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

export function makeSample(plan: SamplePlan, label = plan.name): Sample {
  const { name, pieceBytes } = plan;
  const files = typeof plan.content === "number" ? [] : plan.content;
  const bytes =
    typeof plan.content === "number" ? plan.content : files.reduce((sum, file) => sum + file.bytes, 0);
  const content = noise(label, bytes);
  const digests: Buffer[] = [];
  for (let at = 0; at < bytes; at += pieceBytes)
    digests.push(hash("sha1", content.subarray(at, at + pieceBytes), "buffer"));
  const infoBytes = buildInfo({
    name,
    content:
      typeof plan.content === "number"
        ? { type: "file", bytes }
        : {
            type: "folder",
            files: files.map((file) => ({ path: file.path.split("/"), bytes: file.bytes })),
          },
    pieceBytes,
    pieces: Buffer.concat(digests),
    private: plan.private ?? false,
    source: null,
  });
  const trackers = plan.trackers === undefined ? [] : [plan.trackers];
  const nothing = { webSeeds: [], comment: null, createdBy: null, createdAt: null };
  const torrent = encodeTorrent({ infoBytes, trackers, ...nothing });
  const parsed = parseTorrent(torrent);
  if (!parsed.ok) throw new Error(parsed.reason);
  return { name, torrent, infoHash: parsed.value.info.infoHash, info: parsed.value.info, content };
}

/** Puts the files of a torrent, whole, into a folder. */
export function store(sample: Sample, dir: string): void {
  for (const { path, offset, bytes } of sample.info.files) {
    const full = join(dir, ...path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, sample.content.subarray(offset, offset + bytes));
  }
}
