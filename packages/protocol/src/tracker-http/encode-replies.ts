import {
  type Address,
  concat,
  encodeCompact,
  familyOf,
  fromLatin1,
  type InfoHash,
  idBytes,
  latin1,
  type Ms,
  type PeerId,
  parseIp,
} from "@dure/base";
import { type BencodeInput, encodeBencode } from "../bencode/index.ts";
import type { AnnounceReply, SwarmCounts, TrackerRefusal } from "../tracker/index.ts";

/** A peer of which a tracker knows the id, for replies that are not compact. */
export interface IdentifiedPeer extends Address {
  readonly peerId?: PeerId | undefined;
}

export interface HttpAnnounceReply extends AnnounceReply {
  readonly peers: readonly IdentifiedPeer[];
}

/** The layout that the request asked for. */
export interface HttpReplyForm {
  readonly compact: boolean;
  readonly peerIds: boolean;
}

/** The layout of the fields stands in `replies.ts`. */
export function encodeHttpAnnounce(reply: HttpAnnounceReply, form: HttpReplyForm): Uint8Array<ArrayBuffer> {
  return encodeBencode({
    complete: reply.seeders,
    "external ip": reply.externalIp === undefined ? undefined : parseIp(reply.externalIp),
    incomplete: reply.leechers,
    interval: inSeconds(reply.interval),
    "min interval": reply.minInterval === undefined ? undefined : inSeconds(reply.minInterval),
    ...(form.compact ? compactPeers(reply.peers) : { peers: reply.peers.map((peer) => entryOf(peer, form)) }),
    "tracker id": reply.trackerId === undefined ? undefined : fromLatin1(reply.trackerId),
    "warning message": reply.warning,
  });
}

/** Swarms that the tracker does not know are left out (BEP 48). */
export function encodeHttpScrape(
  swarms: Iterable<readonly [InfoHash, SwarmCounts | undefined]>,
): Uint8Array<ArrayBuffer> {
  const files = new Map<string, BencodeInput>(); // bounded by the request's info-hashes
  for (const [hash, counts] of swarms) {
    if (counts === undefined) continue;
    const { seeders: complete, leechers: incomplete, downloaded } = counts;
    files.set(latin1(idBytes(hash)), { complete, downloaded, incomplete });
  }
  return encodeBencode({ files });
}

export function encodeHttpRefusal(refusal: Omit<TrackerRefusal, "type">): Uint8Array<ArrayBuffer> {
  const { failure, retryIn } = refusal;
  return encodeBencode({ "failure reason": failure, "retry in": retryIn && inMinutes(retryIn) });
}

function compactPeers(peers: readonly Address[]): Record<string, Uint8Array | undefined> {
  const compact = (family: 4 | 6) =>
    concat(peers.filter((peer) => familyOf(peer.ip) === family).map(encodeCompact));
  const peers6 = compact(6);
  return { peers: compact(4), peers6: peers6.length === 0 ? undefined : peers6 };
}

function entryOf(peer: IdentifiedPeer, form: HttpReplyForm): BencodeInput {
  const id = form.peerIds && peer.peerId !== undefined ? idBytes(peer.peerId) : undefined;
  return { ip: peer.ip, "peer id": id, port: peer.port };
}

function inSeconds(time: Ms): number {
  return Math.round(time / 1000);
}

/** Text, as in BEP 31's examples. */
function inMinutes(time: Ms | "never"): string {
  return time === "never" ? time : String(Math.max(1, Math.ceil(time / 60_000)));
}
