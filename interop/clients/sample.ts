import { createCipheriv, createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Bencodable, bencode } from "./bencode.ts";
import type { WantedFile } from "./client.ts";

export interface SampleOptions {
  /** The torrent's own name: of the file when `files` has one with an empty path, else of the folder. */
  readonly name: string;
  /** Paths relative to the folder, with sizes. One entry with the path "" makes a single-file torrent. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly pieceBytes: number;
  /** Put a pad file behind each file that does not end with a piece (BEP 47). */
  readonly pad?: boolean;
  /** BEP 27. */
  readonly private?: boolean;
  readonly announce?: string;
}

export interface Sample {
  readonly options: SampleOptions;
  /** The `.torrent` file. */
  readonly torrent: string;
  /** The folder that holds the data: the `dir` of a seeder. */
  readonly dir: string;
  readonly infoHash: string;
  readonly magnet: string;
  /** The real files with their index in the torrent, which counts pad files too. */
  readonly files: readonly WantedFile[];
}

interface Part {
  readonly path: string;
  readonly bytes: Buffer;
  readonly pad: boolean;
}

/** Data of small sizes and its v1 torrent, made in `folder` by neither side of a test. */
export function makeSample(folder: string, options: SampleOptions): Sample {
  const dir = join(folder, "data");
  const parts = partsOf(options);
  for (const part of parts) {
    if (part.pad) continue;
    const path = join(dir, options.name, part.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, part.bytes);
  }
  const info = infoOf(options, parts);
  const infoHash = createHash("sha1").update(bencode(info)).digest("hex");
  const announce: Bencodable = options.announce === undefined ? {} : { announce: options.announce };
  const torrent = join(folder, `${options.name}.torrent`);
  writeFileSync(torrent, bencode({ ...announce, info }));
  const tracker = options.announce === undefined ? "" : `&tr=${encodeURIComponent(options.announce)}`;
  return {
    options,
    torrent,
    dir,
    infoHash,
    magnet: `magnet:?xt=urn:btih:${infoHash}&dn=${encodeURIComponent(options.name)}${tracker}`,
    files: parts.flatMap(({ path, pad }, index) => (pad ? [] : [{ path, index }])),
  };
}

/** What of the sample is not, byte for byte, in `dir`: an empty list when all of it is. `only` limits the search. */
export function differences(
  sample: Sample,
  dir: string,
  only: readonly WantedFile[] = sample.files,
): string[] {
  return only.flatMap(({ path }) => {
    const got = join(dir, sample.options.name, path);
    if (!existsSync(got) || !statSync(got).isFile()) return [`${path}: missing`];
    const expected = readFileSync(join(sample.dir, sample.options.name, path));
    return readFileSync(got).equals(expected) ? [] : [`${path}: differs`];
  });
}

function partsOf({ files, pieceBytes, pad }: SampleOptions): Part[] {
  const parts: Part[] = [];
  for (const [index, { path, bytes }] of files.entries()) {
    parts.push({ path, bytes: noise(path, bytes), pad: false });
    const missing = (pieceBytes - (bytes % pieceBytes)) % pieceBytes;
    if (pad !== true || missing === 0 || index === files.length - 1) continue;
    parts.push({ path: `.pad/${missing}`, bytes: Buffer.alloc(missing), pad: true });
  }
  return parts;
}

function infoOf(options: SampleOptions, parts: readonly Part[]): Record<string, Bencodable> {
  const data = Buffer.concat(parts.map((part) => part.bytes));
  const hashes: Buffer[] = []; // one per piece
  for (let start = 0; start < data.length; start += options.pieceBytes) {
    hashes.push(
      createHash("sha1")
        .update(data.subarray(start, start + options.pieceBytes))
        .digest(),
    );
  }
  const common = {
    name: options.name,
    "piece length": options.pieceBytes,
    pieces: Buffer.concat(hashes),
    ...(options.private === true ? { private: 1 } : {}),
  };
  if (parts.length === 1 && parts[0]?.path === "") return { ...common, length: data.length };
  const files = parts.map(({ path, bytes, pad }) => ({
    ...(pad ? { attr: "p" } : {}),
    length: bytes.length,
    path: path.split("/"),
  }));
  return { ...common, files };
}

/** The same bytes for the same label, unlike those of any other. */
function noise(label: string, bytes: number): Buffer {
  const key = createHash("sha256").update(label).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}
