import {
  type Address,
  canonicalIp,
  decodeCompactList,
  fail,
  formatIp,
  fromUtf8,
  type InfoHash,
  idBytes,
  latin1,
  type Ms,
  minutes,
  ok,
  type Result,
  seconds,
} from "@dure/base";
import {
  asBytes,
  asDict,
  asInt,
  asList,
  type Bencode,
  type BencodeDict,
  type BencodeReason,
  decodeBencode,
} from "../bencode/index.ts";
import {
  type AnnounceReply,
  replyPeersMax,
  type SwarmCounts,
  scrapeHashesMax,
  type TrackerAnswer,
  type TrackerRefusal,
} from "../tracker/index.ts";

/*
 * Replies are bencoded dictionaries.
 *
 *  announce (BEP 3)   interval, min interval (s), complete, incomplete, tracker id, warning message,
 *                     peers: list of {ip, port, peer id}, or 6 bytes a peer (BEP 23); peers6: 18 bytes a peer (BEP 7),
 *                     external ip: 4 or 16 bytes (BEP 24)
 *  scrape (BEP 48)    files: {info-hash: {complete, incomplete, downloaded}}
 *  either             failure reason: text; retry in: minutes or "never" (BEP 31)
 */

export type HttpTrackerReplyError =
  | "too-long"
  | "not-a-dictionary"
  | "no-interval"
  | "no-files"
  | BencodeReason;

/** Hosts stop reading here. */
export const httpReplyBytesMax = 1024 * 1024;
const intervalUnsaid = minutes(30);
const textBytesMax = 1024;
const trackerIdBytesMax = 256;
// 2,000 peers as dictionaries of three entries, with room for what else a tracker says.
const replyLimits = { depth: 8, tokens: 50_000 };

export function decodeHttpAnnounce(
  bytes: Uint8Array,
): Result<Extract<TrackerAnswer, { type: "announced" | "refused" }>, HttpTrackerReplyError> {
  const decoded = decodeReply(bytes);
  if (!decoded.ok) return decoded;
  const dict = decoded.value;
  const refusal = refusalIn(dict);
  if (refusal !== undefined) return ok(refusal);
  const said = wait(dict.get("interval"));
  // BEP 3 demands an interval; peers without one are still peers.
  if (said === undefined && !dict.has("peers") && !dict.has("peers6")) return fail("no-interval");
  const interval = said ?? intervalUnsaid;
  const reply: AnnounceReply = {
    interval,
    minInterval: wait(dict.get("min interval")),
    seeders: count(dict.get("complete")),
    leechers: count(dict.get("incomplete")),
    peers: peersIn(dict),
    warning: text(dict.get("warning message")),
    trackerId: trackerIdIn(dict),
    externalIp: externalIpIn(dict),
  };
  return ok({ type: "announced", reply });
}

/** The counts of the swarms asked for, in their order. */
export function decodeHttpScrape(
  bytes: Uint8Array,
  infoHashes: readonly InfoHash[],
): Result<Extract<TrackerAnswer, { type: "scraped" | "refused" }>, HttpTrackerReplyError> {
  const decoded = decodeReply(bytes);
  if (!decoded.ok) return decoded;
  const refusal = refusalIn(decoded.value);
  if (refusal !== undefined) return ok(refusal);
  const files = asDict(decoded.value.get("files"));
  if (files === undefined) return fail("no-files");
  const asked = infoHashes.slice(0, scrapeHashesMax);
  return ok({ type: "scraped", swarms: asked.map((hash) => countsIn(files.get(latin1(idBytes(hash))))) });
}

function decodeReply(bytes: Uint8Array): Result<BencodeDict, HttpTrackerReplyError> {
  if (bytes.length > httpReplyBytesMax) return fail("too-long");
  const decoded = decodeBencode(bytes, replyLimits);
  if (!decoded.ok) return decoded;
  const dict = asDict(decoded.value);
  return dict === undefined ? fail("not-a-dictionary") : ok(dict);
}

function refusalIn(dict: BencodeDict): TrackerRefusal | undefined {
  const failure = text(dict.get("failure reason"));
  if (failure === undefined) return undefined;
  return { type: "refused", failure, retryIn: retryIn(dict.get("retry in")) };
}

/** A number of minutes as text, as BEP 31's examples write it, or as an integer, as its words read. */
function retryIn(value: Bencode | undefined): Ms | "never" | undefined {
  const said = typeof value === "number" ? String(value) : text(value);
  if (said === "never") return "never";
  if (said === undefined || !/^[0-9]{1,9}$/.test(said) || Number(said) === 0) return undefined;
  return minutes(Number(said));
}

function peersIn(dict: BencodeDict): Address[] {
  const peers = [...peerList(dict.get("peers"), 4), ...peerList(dict.get("peers6"), 6)];
  return peers.slice(0, replyPeersMax);
}

function peerList(value: Bencode | undefined, family: 4 | 6): Address[] {
  const compact = asBytes(value);
  if (compact !== undefined) {
    return decodeCompactList(compact.subarray(0, (family === 4 ? 6 : 18) * replyPeersMax), family);
  }
  const peers: Address[] = [];
  for (const item of asList(value) ?? []) {
    if (peers.length >= replyPeersMax) break;
    const peer = peerIn(item);
    if (peer !== undefined) peers.push(peer);
  }
  return peers;
}

/** BEP 3 allows a DNS name for `ip`; names from strangers are not looked up. */
function peerIn(item: Bencode): Address | undefined {
  const dict = asDict(item);
  const ip = canonicalIp(text(dict?.get("ip")) ?? "");
  const port = asInt(dict?.get("port"));
  if (ip === undefined || port === undefined || port < 0 || port > 65_535) return undefined;
  return { ip, port };
}

function countsIn(value: Bencode | undefined): SwarmCounts | undefined {
  const dict = asDict(value);
  if (dict === undefined) return undefined;
  return {
    seeders: count(dict.get("complete")) ?? 0,
    leechers: count(dict.get("incomplete")) ?? 0,
    downloaded: count(dict.get("downloaded")) ?? 0,
  };
}

function trackerIdIn(dict: BencodeDict): string | undefined {
  const id = asBytes(dict.get("tracker id"));
  return id === undefined || id.length > trackerIdBytesMax ? undefined : latin1(id);
}

function externalIpIn(dict: BencodeDict): string | undefined {
  const ip = asBytes(dict.get("external ip"));
  if (ip === undefined) return undefined;
  // Some trackers write it as text, against BEP 24.
  return ip.length === 4 || ip.length === 16 ? formatIp(ip) : canonicalIp(latin1(ip.subarray(0, 64)));
}

function wait(value: Bencode | undefined): Ms | undefined {
  const number = count(value);
  return number === undefined ? undefined : seconds(Math.min(number, secondsMax));
}

function count(value: Bencode | undefined): number | undefined {
  const number = asInt(value);
  return number === undefined || number < 0 ? undefined : number;
}

function text(value: Bencode | undefined): string | undefined {
  const bytes = asBytes(value);
  return bytes === undefined ? undefined : fromUtf8(bytes.subarray(0, textBytesMax));
}

// As much as BEP 15 can say; past it, sums with clocks lose their meaning.
const secondsMax = 0xffff_ffff;
