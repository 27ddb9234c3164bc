import { fail, hex, infoHash, must, ok, type Result } from "@dure/base";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { asBytes, asInt, type BencodeDict, decodeBencodeDict } from "../bencode/index.ts";
import type { Info, InfoReason } from "./info.ts";
import { layFiles } from "./lay-files.ts";
import { metainfoLimits } from "./limits.ts";
import { parseEntries } from "./parse-entries.ts";
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
  const version = readVersion(dict);
  if (!version.ok) return version;
  const name = readName(dict);
  if (!name.ok) return name;
  const pieces = readPieces(dict);
  if (!pieces.ok) return pieces;
  const content = parseEntries(dict);
  if (!content.ok) return content;
  const totalBytes = content.value.entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (totalBytes > Number.MAX_SAFE_INTEGER) return fail("total-range");
  if (content.value.entries.every((entry) => entry.pad || entry.bytes === 0)) return fail("no-content");
  const pieceCount = Math.ceil(totalBytes / pieces.value.bytes);
  if (pieceCount * hashBytes !== pieces.value.hashes.length) return fail("wrong-piece-count");
  const hash = must(infoHash(sha1(infoBytes)), "SHA-1 gives 20 bytes");
  const laid = layFiles(name.value, hash, content.value);
  if (!laid.ok) return laid;
  return ok({
    infoHash: hash,
    infoHashV2: version.value === 2 ? hex(sha256(infoBytes)) : null,
    name: laid.value.name,
    pieceBytes: pieces.value.bytes,
    pieceCount,
    totalBytes,
    pieces: pieces.value.hashes,
    files: laid.value.files,
    // BEP 27 writes 1. Anything else but 0 is taken for a wish to be private too: that mistake leaks nothing.
    private: (dict.get("private") ?? 0) !== 0,
    source: readNote(dict, "source"),
    infoBytes,
  });
}

const hashBytes = 20;

// BEP 52: look at the version before anything else, so that a newer torrent is called that and not broken.
function readVersion(dict: BencodeDict): Result<1 | 2, InfoReason> {
  const version = dict.get("meta version");
  if (version === undefined) return ok(1);
  if (version !== 2) return fail("meta-version");
  return dict.has("pieces") ? ok(2) : fail("v2-only");
}

function readPieces(
  dict: BencodeDict,
): Result<{ readonly bytes: number; readonly hashes: Uint8Array }, InfoReason> {
  const length = dict.get("piece length");
  if (length === undefined) return fail("no-piece-length");
  const bytes = asInt(length);
  if (bytes === undefined) return fail("bad-piece-length");
  if (bytes < 1 || bytes > metainfoLimits.pieceBytesMax) return fail("piece-length-range");
  const pieces = dict.get("pieces");
  if (pieces === undefined) return fail("no-pieces");
  const hashes = asBytes(pieces);
  if (hashes === undefined || hashes.length % hashBytes !== 0) return fail("bad-pieces");
  return hashes.length > metainfoLimits.piecesMax * hashBytes
    ? fail("too-many-pieces")
    : ok({ bytes, hashes });
}
