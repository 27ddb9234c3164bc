import {
  type Address,
  fail,
  fromHex,
  type InfoHash,
  infoHash,
  ok,
  parseAddress,
  type Result,
} from "@dure/base";
import { krpcLimits } from "../krpc/index.ts";
import { cutText, metainfoLimits } from "../metainfo/index.ts";
import { decodeBase32 } from "./base32.ts";
import { type FileRange, type Magnet, type MagnetReason, magnetLimits, type PeerHost } from "./magnet.ts";

/*
 * BEP 9: magnet:?xt=urn:btih:HASH&dn=NAME&tr=URL&x.pe=HOST:PORT, with btmh (BEP 52), so (BEP 53), ws, xl,
 * and BEP 46: magnet:?xs=urn:btpk:PUBLICKEY&s=SALT, both hex.
 * Keys may carry a number (`tr.1`), and links copied from HTML have `&amp;` between them.
 */

export function parseMagnet(text: string): Result<Magnet, MagnetReason> {
  if (text.length > magnetLimits.textMax) return fail("too-long");
  const link = text.trim().replace(/\p{Cs}/gu, "\ufffd"); // half a character could not be written again
  if (!/^magnet:\?/i.test(link)) return fail("not-magnet");
  const fields = readFields(link.slice("magnet:?".length));
  if (fields === undefined) return fail("bad-escape");
  const topics = readTopics(valuesOf(fields, "xt"));
  if (!topics.ok) return topics;
  const publisher = readPublisher(valuesOf(fields, "xs"), valuesOf(fields, "s")[0] ?? "");
  if (!publisher.ok) return publisher;
  const { infoHash, infoHashV2 } = topics.value;
  if (infoHash === null && infoHashV2 === null && publisher.value === undefined) return fail("no-topic");
  const select = readSelect(valuesOf(fields, "so"));
  if (!select.ok) return select;
  const name = cutText(valuesOf(fields, "dn")[0] ?? "", magnetLimits.nameBytesMax);
  return ok({
    ...topics.value,
    name: name === "" ? null : name,
    trackers: readUrls(valuesOf(fields, "tr"), /^(?:https?|udp|wss?):$/, magnetLimits.trackersMax),
    ...readPeers(valuesOf(fields, "x.pe")),
    webSeeds: readUrls(valuesOf(fields, "ws"), /^https?:$/, magnetLimits.webSeedsMax),
    select: select.value,
    totalBytes: readCount(valuesOf(fields, "xl")[0] ?? ""),
    ...publisher.value,
  });
}

/** 40 hex digits or 32 of base32, as in `urn:btih:` and as a bare source. */
export function parseInfoHash(text: string): InfoHash | undefined {
  if (text.length !== 32) return infoHash(text);
  const bytes = decodeBase32(text);
  return bytes === undefined ? undefined : infoHash(bytes);
}

interface Field {
  readonly key: string;
  readonly value: string;
}

function readFields(query: string): readonly Field[] | undefined {
  const fields: Field[] = []; // bounded by the text
  for (const part of query.split("&")) {
    const equals = part.indexOf("=");
    if (equals < 0) continue;
    const key = part
      .slice(0, equals)
      .toLowerCase()
      .replace(/^amp;/, "")
      .replace(/\.\d+$/, "");
    const value = unescapeValue(key, part.slice(equals + 1));
    if (value === undefined) return undefined;
    fields.push({ key, value });
  }
  return fields;
}

// A plus is a space in names, as web forms write them; in a URL it is a plus.
function unescapeValue(key: string, text: string): string | undefined {
  try {
    return decodeURIComponent(key === "dn" ? text.replaceAll("+", " ") : text);
  } catch {
    return undefined; // the only complaint is of a malformed escape
  }
}

function valuesOf(fields: readonly Field[], key: string): readonly string[] {
  return fields.filter((field) => field.key === key).map((field) => field.value);
}

function readTopics(
  topics: readonly string[],
): Result<Pick<Magnet, "infoHash" | "infoHashV2">, MagnetReason> {
  let v1: InfoHash | null = null;
  let v2: string | null = null;
  for (const topic of topics) {
    const [, kind, text = ""] = /^urn:(btih|btmh):(.*)$/is.exec(topic) ?? [];
    if (kind?.toLowerCase() === "btih") {
      const hash = parseInfoHash(text);
      if (hash === undefined) return fail("bad-info-hash");
      if (v1 !== null && v1 !== hash) return fail("two-topics");
      v1 = hash;
    } else if (kind !== undefined) {
      const hash = readMultihash(text);
      if (hash === undefined) return fail("bad-multihash");
      if (v2 !== null && v2 !== hash) return fail("two-topics");
      v2 = hash;
    }
  }
  return ok({ infoHash: v1, infoHashV2: v2 });
}

// Other exact sources are URLs, which are not fetched. Without a key `s` means nothing.
function readPublisher(
  sources: readonly string[],
  saltText: string,
): Result<Pick<Magnet, "publicKey" | "salt"> | undefined, MagnetReason> {
  let publicKey: string | undefined;
  for (const source of sources) {
    const text = /^urn:btpk:(.*)$/is.exec(source)?.[1]?.toLowerCase();
    if (text === undefined) continue;
    if (text.length !== 64 || fromHex(text) === undefined) return fail("bad-public-key");
    if (publicKey !== undefined && publicKey !== text) return fail("two-topics");
    publicKey = text;
  }
  if (publicKey === undefined) return ok(undefined);
  const salt = saltText.toLowerCase();
  if (salt.length > 2 * krpcLimits.saltBytesMax || fromHex(salt) === undefined) return fail("bad-salt");
  return ok(salt === "" ? { publicKey } : { publicKey, salt });
}

// 0x12: SHA2-256; 0x20: 32 bytes.
function readMultihash(text: string): string | undefined {
  const digits = text.toLowerCase();
  return digits.length === 68 && digits.startsWith("1220") && fromHex(digits) !== undefined
    ? digits.slice(4)
    : undefined;
}

function readUrls(values: readonly string[], schemes: RegExp, max: number): readonly string[] {
  const urls = new Set<string>();
  for (const value of values) {
    if (urls.size >= max) break;
    const fits = value.length <= magnetLimits.urlBytesMax;
    if (fits && URL.canParse(value) && schemes.test(new URL(value).protocol)) urls.add(value);
  }
  return [...urls];
}

function readPeers(values: readonly string[]): Pick<Magnet, "peers" | "peerHosts"> {
  const peers: Address[] = [];
  const peerHosts: PeerHost[] = [];
  for (const value of values.slice(0, magnetLimits.peersMax)) {
    const address = parseAddress(value);
    const host = /^([a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?\.?):([0-9]{1,5})$/i.exec(value);
    const port = address?.port ?? Number(host?.[2] ?? 0);
    if (port < 1 || port > 65_535) continue;
    if (address !== undefined) peers.push(address);
    // What ends in a number is an IPv4 address or a mistake, never a name (WHATWG URL, 3.5).
    else if (host?.[1] !== undefined && !/(?:^|\.)\d+\.?$/.test(host[1])) {
      peerHosts.push({ host: host[1].toLowerCase(), port });
    }
  }
  return { peers, peerHosts };
}

// To ignore a selection that cannot be read would download everything: refuse it.
function readSelect(values: readonly string[]): Result<readonly FileRange[] | null, MagnetReason> {
  if (values.length === 0) return ok(null);
  const parts = values.join(",").split(",");
  if (parts.length > magnetLimits.rangesMax) return fail("too-many-ranges");
  const ranges: FileRange[] = [];
  for (const part of parts) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || first > last || last >= metainfoLimits.filesMax) return fail("bad-select");
    ranges.push({ first, last });
  }
  return ok(mergeRanges(ranges));
}

function mergeRanges(ranges: FileRange[]): readonly FileRange[] {
  ranges.sort((a, b) => a.first - b.first || a.last - b.last);
  const merged: FileRange[] = [];
  for (const range of ranges) {
    const previous = merged[merged.length - 1];
    if (previous !== undefined && range.first <= previous.last + 1) {
      merged[merged.length - 1] = { first: previous.first, last: Math.max(previous.last, range.last) };
    } else merged.push(range);
  }
  return merged;
}

function readCount(text: string): number | null {
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : null;
}
