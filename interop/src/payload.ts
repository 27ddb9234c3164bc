import { createCipheriv, createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Bencodable, bencode } from "../clients/index.ts";

export interface PayloadFile {
  /** Below the torrent's folder, with "/"; the name of the file itself where the torrent is that one file. */
  readonly path: string;
  readonly bytes: number;
  /** Zeros that align the next file (BEP 47). */
  readonly pad?: true;
}

/** What a torrent is about. Files are small enough to be made in memory. */
export interface Payload {
  readonly name: string;
  readonly layout: "file" | "folder";
  readonly pieceBytes: number;
  readonly files: readonly PayloadFile[];
  readonly private?: true;
}

export function oneFile(
  name: string,
  options: { bytes: number; pieceBytes: number; private?: true },
): Payload {
  const { bytes, ...rest } = options;
  return { name, layout: "file", files: [{ path: name, bytes }], ...rest };
}

/** Puts a pad file between a file that ends inside a piece and the next one (BEP 47). */
export function padded(files: readonly PayloadFile[], pieceBytes: number): PayloadFile[] {
  const list: PayloadFile[] = [];
  let end = 0;
  for (const file of files) {
    const short = file.bytes === 0 ? 0 : -end & (pieceBytes - 1); // an empty file needs no alignment
    if (short > 0) list.push({ path: `.pad/${short}`, bytes: short, pad: true });
    list.push(file);
    end += short + file.bytes;
  }
  return list;
}

/** The torrent (BEP 3) and the SHA-1 of its info dictionary. */
export function torrentOf(payload: Payload, announce?: string): { torrent: Buffer; infoHash: string } {
  const info = bencode(infoOf(payload));
  const head = announce === undefined ? "d" : `d${bencode("announce")}${bencode(announce)}`;
  return {
    torrent: Buffer.concat([Buffer.from(head), bencode("info"), info, Buffer.from("e")]),
    infoHash: createHash("sha1").update(info).digest("hex"),
  };
}

export function writePayload(payload: Payload, dir: string, options: { pads: boolean }): void {
  for (const file of payload.files) {
    if (file.pad === true && !options.pads) continue;
    const path = join(dir, placeOf(payload, file));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, contentOf(payload, file));
  }
}

export interface Expected {
  readonly expected: readonly PayloadFile[];
  /** Nothing may lie in the folder but these and files that share a piece with one of them; no pads. */
  readonly nothingElse: boolean;
}

/** What is wrong in `dir`, compared with the content made again, not with the seeder's copy. Empty: nothing. */
export function differences(payload: Payload, dir: string, { expected, nothingElse }: Expected): string[] {
  const wrong: string[] = [];
  for (const file of payload.files) {
    const place = placeOf(payload, file);
    const found = read(join(dir, place));
    const right = found?.equals(contentOf(payload, file)) ?? false;
    if (expected.includes(file)) {
      if (!right) wrong.push(`${place} ${found === undefined ? "is missing" : "has wrong bytes"}`);
    } else if (right && file.bytes > 0 && file.pad !== true && !sharesPiece(payload, file, expected)) {
      wrong.push(`${place} is here though nobody wanted it`);
    }
  }
  if (nothingElse) {
    const allowed = payload.files.filter((file) => file.pad !== true && sharesPiece(payload, file, expected));
    const places = new Set([...expected, ...allowed].map((file) => placeOf(payload, file)));
    for (const place of filesBelow(dir)) if (!places.has(place)) wrong.push(`${place} should not be here`);
  }
  return wrong;
}

/** AES-128-CTR keyed by the path: it neither compresses nor repeats. */
export function contentOf(payload: Payload, file: PayloadFile): Buffer {
  if (file.pad === true) return Buffer.alloc(file.bytes);
  const key = createHash("sha1").update(`${payload.name}/${file.path}`).digest().subarray(0, 16);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(file.bytes));
}

function infoOf(payload: Payload): Record<string, Bencodable> {
  return {
    name: payload.name,
    "piece length": payload.pieceBytes,
    pieces: pieceHashes(payload),
    ...(payload.private === true ? { private: 1 } : {}),
    ...(payload.layout === "file"
      ? { length: payload.files.reduce((sum, { bytes }) => sum + bytes, 0) }
      : { files: payload.files.map(fileEntry) }),
  };
}

function fileEntry({ path, bytes, pad }: PayloadFile): Bencodable {
  return { length: bytes, path: path.split("/"), ...(pad === true ? { attr: "p" } : {}) };
}

function pieceHashes(payload: Payload): Buffer {
  const whole = Buffer.concat(payload.files.map((file) => contentOf(payload, file)));
  const hashes: Buffer[] = []; // one per piece
  for (let start = 0; start < whole.length; start += payload.pieceBytes) {
    hashes.push(
      createHash("sha1")
        .update(whole.subarray(start, start + payload.pieceBytes))
        .digest(),
    );
  }
  return Buffer.concat(hashes);
}

function placeOf(payload: Payload, file: PayloadFile): string {
  return payload.layout === "file" ? payload.name : `${payload.name}/${file.path}`;
}

/** Whether some piece holds bytes of the file and of one of the others. */
function sharesPiece(payload: Payload, file: PayloadFile, others: readonly PayloadFile[]): boolean {
  const own = piecesOf(payload, file);
  return others.some((other) => {
    const { first, last } = piecesOf(payload, other);
    return first <= own.last && own.first <= last;
  });
}

/** An empty file is in no piece: its last comes before its first. */
function piecesOf({ files, pieceBytes }: Payload, file: PayloadFile): { first: number; last: number } {
  const start = files.slice(0, files.indexOf(file)).reduce((sum, { bytes }) => sum + bytes, 0);
  const first = Math.floor(start / pieceBytes);
  return { first, last: file.bytes === 0 ? first - 1 : Math.floor((start + file.bytes - 1) / pieceBytes) };
}

function read(path: string): Buffer | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(path) : undefined;
}

function filesBelow(dir: string): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1));
}
