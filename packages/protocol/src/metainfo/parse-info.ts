import { fail, hex, infoHash, must, ok, type Result } from "@dure/base";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { asBytes, asInt, type BencodeDict, decodeBencodeDict } from "../bencode/index.ts";
import { isPieceLength, merkleLimits } from "../merkle/index.ts";
import type { Info, InfoReason, TorrentFormat } from "./info.ts";
import { layFiles } from "./lay-files.ts";
import { metainfoLimits } from "./limits.ts";
import { type Content, parseEntries } from "./parse-entries.ts";
import { alignTree, joinHybrid, parseTree, singleFile } from "./parse-tree.ts";
import { readName, readNote } from "./read-text.ts";

/** An info dictionary by itself, as peers send it (BEP 9). The result keeps views of the bytes. */
export function parseInfo(
  infoBytes: Uint8Array,
  options: { readonly bytesMax: number } = { bytesMax: metainfoLimits.infoBytesFromPeersMax },
): Result<Info, InfoReason> {
  if (infoBytes.length > options.bytesMax) return fail("info-too-large");
  const decoded = decodeBencodeDict(infoBytes);
  return decoded.ok ? readInfo(decoded.value.dict, infoBytes) : decoded;
}

/** The same from a dictionary that was decoded with the torrent around it. */
export function readInfo(dict: BencodeDict, infoBytes: Uint8Array): Result<Info, InfoReason> {
  const format = readFormat(dict);
  if (!format.ok) return format;
  const name = readName(dict);
  if (!name.ok) return name;
  const pieceBytes = readPieceBytes(dict, format.value);
  if (!pieceBytes.ok) return pieceBytes;
  const pieces = format.value === "v2" ? ok(new Uint8Array()) : readPieces(dict);
  if (!pieces.ok) return pieces;
  const read = readContent(dict, format.value, { name: name.value, pieceBytes: pieceBytes.value });
  if (!read.ok) return read;
  const { content } = read.value;
  const totalBytes = content.entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (totalBytes > Number.MAX_SAFE_INTEGER) return fail("total-range");
  if (content.entries.every((entry) => entry.pad || entry.bytes === 0)) return fail("no-content");
  const pieceCount = Math.ceil(totalBytes / pieceBytes.value);
  if (format.value === "v2" && pieceCount > metainfoLimits.piecesMax) return fail("too-many-pieces");
  if (format.value !== "v2" && pieceCount * hashBytes !== pieces.value.length)
    return fail("wrong-piece-count");
  const hashes = hashesOf(infoBytes, format.value);
  const laid = layFiles(read.value.name, hashes.infoHash, content);
  if (!laid.ok) return laid;
  return ok({
    ...hashes,
    name: laid.value.name,
    pieceBytes: pieceBytes.value,
    pieceCount,
    totalBytes,
    pieces: pieces.value,
    files: laid.value.files,
    // BEP 27 writes 1. Anything else but 0 is taken for a wish to be private too: that mistake leaks nothing.
    private: (dict.get("private") ?? 0) !== 0,
    source: readNote(dict, "source"),
    infoBytes,
  });
}

const hashBytes = 20;

// BEP 52: look at the version before anything else, so that a newer torrent is called that and not broken.
function readFormat(dict: BencodeDict): Result<TorrentFormat, InfoReason> {
  const version = dict.get("meta version");
  if (version === undefined) return ok("v1");
  if (version !== 2) return fail("meta-version");
  return ok(dict.has("pieces") ? "hybrid" : "v2");
}

function readPieceBytes(dict: BencodeDict, format: TorrentFormat): Result<number, InfoReason> {
  const length = dict.get("piece length");
  if (length === undefined) return fail("no-piece-length");
  const bytes = asInt(length);
  if (bytes === undefined) return fail("bad-piece-length");
  const bytesMin = format === "v1" ? 1 : merkleLimits.blockBytes;
  if (bytes < bytesMin || bytes > metainfoLimits.pieceBytesMax) return fail("piece-length-range");
  return format === "v1" || isPieceLength(bytes) ? ok(bytes) : fail("piece-length-not-power");
}

function readPieces(dict: BencodeDict): Result<Uint8Array, InfoReason> {
  const pieces = dict.get("pieces");
  if (pieces === undefined) return fail("no-pieces");
  const hashes = asBytes(pieces);
  if (hashes === undefined || hashes.length % hashBytes !== 0) return fail("bad-pieces");
  return hashes.length > metainfoLimits.piecesMax * hashBytes ? fail("too-many-pieces") : ok(hashes);
}

function readContent(
  dict: BencodeDict,
  format: TorrentFormat,
  options: { readonly name: string; readonly pieceBytes: number },
): Result<{ readonly name: string; readonly content: Content }, InfoReason> {
  const { name } = options;
  const tree = format === "v1" ? ok([]) : parseTree(dict);
  if (!tree.ok) return tree;
  if (format === "v2")
    return ok(singleFile(tree.value) ?? { name, content: alignTree(tree.value, options.pieceBytes) });
  const content = parseEntries(dict);
  if (!content.ok) return content;
  if (format === "v1") return ok({ name, content: content.value });
  const joined = joinHybrid(content.value, tree.value, options);
  return joined.ok ? ok({ name, content: joined.value }) : joined;
}

function hashesOf(infoBytes: Uint8Array, format: TorrentFormat): Pick<Info, "infoHash" | "infoHashV2"> {
  const v2 = format === "v1" ? undefined : sha256(infoBytes);
  const short = format === "v2" && v2 !== undefined ? v2.subarray(0, hashBytes) : sha1(infoBytes);
  return {
    infoHash: must(infoHash(short), "20 bytes are an info-hash"),
    infoHashV2: v2 === undefined ? null : hex(v2),
  };
}
