import { fail, formatIp, fromUtf8, ok, parseIp, type Result } from "@dure/base";
import {
  asBytes,
  asDict,
  asInt,
  type Bencode,
  type BencodeReason,
  bencodeMessageLimits,
  decodeBencodePrefix,
  encodeBencode,
} from "../bencode/index.ts";
import { extensionLimits } from "./limits.ts";

/*
 * BEP 10: the payload of extended message 0 is one dictionary, every key of it optional.
 *
 *   m              {name: id}   the ids under which the sender wants to be sent these messages; 0 takes one back
 *   v              text         client and version
 *   p              integer      the port the sender listens on
 *   reqq           integer      requests it queues before it drops some
 *   yourip         4 or 16 bytes, ipv4 4, ipv6 16 (no port)
 *   metadata_size  integer      BEP 9
 *   upload_only    integer      BEP 21: 1 when the sender wants nothing
 *   e              integer      BEP 11: 1 when the sender prefers encrypted connections
 */

/** Values that both directions share. Addresses are IP literals. */
interface Common {
  readonly p?: number | undefined;
  readonly reqq?: number | undefined;
  readonly yourIp?: string | undefined;
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  readonly metadataSize?: number | undefined;
  readonly uploadOnly?: boolean | undefined;
  readonly prefersEncryption?: boolean | undefined;
}

/** What we say. */
export interface OwnExtensionHandshake extends Common {
  readonly m: Readonly<Record<string, number>>;
  readonly v?: string | undefined;
}

/** What a peer said, as far as it makes sense: a key of the wrong type or out of range counts as absent. */
export interface ExtensionHandshake extends Common {
  /** Names are raw bytes spelled as latin1. An id of 0 takes an earlier one back. */
  readonly m: ReadonlyMap<string, number>;
  /** Fit for display: printable, one line, short. */
  readonly v?: string | undefined;
}

export type ExtensionHandshakeReason = BencodeReason | "too-long";

export function encodeExtensionHandshake(handshake: OwnExtensionHandshake): Uint8Array<ArrayBuffer> {
  return encodeBencode({
    m: handshake.m,
    v: handshake.v,
    p: handshake.p,
    reqq: handshake.reqq,
    yourip: ipBytes(handshake.yourIp),
    ipv4: ipBytes(handshake.ipv4),
    ipv6: ipBytes(handshake.ipv6),
    metadata_size: handshake.metadataSize,
    upload_only: flag(handshake.uploadOnly),
    e: flag(handshake.prefersEncryption),
  });
}

export function decodeExtensionHandshake(
  payload: Uint8Array,
): Result<ExtensionHandshake, ExtensionHandshakeReason> {
  if (payload.length > extensionLimits.handshakeBytesMax) return fail("too-long");
  const decoded = decodeBencodePrefix(payload, 0, bencodeMessageLimits);
  if (!decoded.ok) return decoded;
  const dict = asDict(decoded.value.value);
  if (dict === undefined) return fail("not-a-dictionary");
  return ok({
    m: readNames(dict.get("m")),
    v: readClient(dict.get("v")),
    p: readInt(dict.get("p"), 1, 65_535),
    reqq: readRequests(dict.get("reqq")),
    yourIp: readIp(dict.get("yourip"), [4, 16]),
    ipv4: readIp(dict.get("ipv4"), [4]),
    ipv6: readIp(dict.get("ipv6"), [16]),
    metadataSize: readInt(dict.get("metadata_size"), 1, extensionLimits.metadataBytesMax),
    uploadOnly: readFlag(dict.get("upload_only")),
    prefersEncryption: readFlag(dict.get("e")),
  });
}

/** The ids after a further handshake: `m` is additive, and 0 turns an extension off (BEP 10). */
export function mergeExtensions(
  before: ReadonlyMap<string, number>,
  m: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const merged = new Map(before); // bounded: namesMax
  for (const [name, id] of m) {
    if (id === 0) merged.delete(name);
    else if (merged.has(name) || merged.size < extensionLimits.namesMax) merged.set(name, id);
  }
  return merged;
}

function ipBytes(ip: string | undefined): Uint8Array | undefined {
  return ip === undefined ? undefined : parseIp(ip);
}

function flag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : value ? 1 : 0;
}

function readNames(value: Bencode | undefined): ReadonlyMap<string, number> {
  const names = new Map<string, number>(); // bounded: namesMax, further names are ignored
  for (const [name, item] of asDict(value) ?? []) {
    if (names.size >= extensionLimits.namesMax) break;
    const id = readInt(item, 0, 255);
    if (id !== undefined && name.length > 0 && name.length <= extensionLimits.nameBytesMax)
      names.set(name, id);
  }
  return names;
}

// A name that is shown on terminals and in lists: no control, format (bidi) or private characters, no line breaks.
function readClient(value: Bencode | undefined): string | undefined {
  const bytes = asBytes(value);
  if (bytes === undefined) return undefined;
  const text = fromUtf8(bytes.subarray(0, extensionLimits.clientLengthMax * 4));
  const clean = text.replace(/[\s\p{Z}]+/gu, " ").replace(/\p{C}/gu, "");
  const short = Array.from(clean.trim()).slice(0, extensionLimits.clientLengthMax).join("").trim();
  return short === "" ? undefined : short;
}

function readRequests(value: Bencode | undefined): number | undefined {
  const count = asInt(value);
  return count === undefined ? undefined : Math.min(Math.max(count, 1), extensionLimits.requestsMax);
}

function readIp(value: Bencode | undefined, lengths: readonly number[]): string | undefined {
  const bytes = asBytes(value);
  return bytes !== undefined && lengths.includes(bytes.length) ? formatIp(bytes) : undefined;
}

function readInt(value: Bencode | undefined, low: number, high: number): number | undefined {
  const number = asInt(value);
  return number !== undefined && number >= low && number <= high ? number : undefined;
}

function readFlag(value: Bencode | undefined): boolean | undefined {
  const number = asInt(value);
  return number === undefined ? undefined : number !== 0;
}
