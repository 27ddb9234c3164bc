import {
  type Address,
  assert,
  concat,
  decodeCompactList,
  encodeCompact,
  type Family,
  fail,
  familyOf,
  fromUtf8,
  type Ms,
  ok,
  type Result,
  seconds,
  utf8,
  viewOf,
} from "@dure/base";
import { replyPeersMax, type SwarmCounts, scrapeHashesMax } from "../tracker/index.ts";

/*
 * What a tracker answers (BEP 15). All numbers are big-endian; more bytes than expected are no mistake.
 *
 *  connect    0 action 0   4 transaction id   8 connection id                                  16 bytes
 *  announce   0 action 1   4 transaction id   8 interval (s)   12 leechers   16 seeders
 *            20 peers: IP and port, 6 bytes each over IPv4, 18 over IPv6
 *  scrape     0 action 2   4 transaction id   8 per info-hash: seeders, completed, leechers
 *  error      0 action 3   4 transaction id   8 message
 */

export type UdpTrackerReply =
  | { readonly action: "connect"; readonly transactionId: number; readonly connectionId: bigint }
  | {
      readonly action: "announce";
      readonly transactionId: number;
      readonly interval: Ms;
      readonly leechers: number;
      readonly seeders: number;
      readonly peers: readonly Address[];
    }
  | { readonly action: "scrape"; readonly transactionId: number; readonly swarms: readonly SwarmCounts[] }
  | { readonly action: "error"; readonly transactionId: number; readonly message: string };

export type UdpTrackerReplyError = "truncated" | "unknown-action";

/** Longest error text kept. */
const messageBytesMax = 1024;

/** `family` is that of the datagram's source: it decides the size of a peer (BEP 15, "IPv6"). */
export function decodeUdpTrackerReply(
  bytes: Uint8Array,
  family: Family,
): Result<UdpTrackerReply, UdpTrackerReplyError> {
  if (bytes.length < 8) return fail("truncated");
  const view = viewOf(bytes);
  const transactionId = view.getUint32(4);
  switch (view.getUint32(0)) {
    case 0:
      if (bytes.length < 16) return fail("truncated");
      return ok({ action: "connect", transactionId, connectionId: view.getBigUint64(8) });
    case 1:
      if (bytes.length < 20) return fail("truncated");
      return ok({
        action: "announce",
        transactionId,
        interval: seconds(view.getUint32(8)),
        leechers: view.getUint32(12),
        seeders: view.getUint32(16),
        peers: decodePeers(bytes.subarray(20), family),
      });
    case 2:
      return ok({ action: "scrape", transactionId, swarms: decodeSwarms(view) });
    case 3: {
      const message = fromUtf8(bytes.subarray(8, 8 + messageBytesMax));
      return ok({ action: "error", transactionId, message });
    }
    default:
      return fail("unknown-action");
  }
}

/** The server's side. Peers must all be of the family of the socket that answers. */
export function encodeUdpTrackerReply(reply: UdpTrackerReply): Uint8Array<ArrayBuffer> {
  switch (reply.action) {
    case "connect": {
      const body = new Uint8Array(8);
      viewOf(body).setBigUint64(0, reply.connectionId);
      return concat([header(0, reply.transactionId), body]);
    }
    case "announce": {
      const body = numbers([Math.round(reply.interval / 1000), reply.leechers, reply.seeders]);
      const family = familyOf(reply.peers[0]?.ip ?? "");
      assert(
        reply.peers.every((peer) => familyOf(peer.ip) === family),
        "an announce reply holds peers of one family",
      );
      return concat([header(1, reply.transactionId), body, ...reply.peers.map(encodeCompact)]);
    }
    case "scrape": {
      const counts = reply.swarms.flatMap((swarm) => [swarm.seeders, swarm.downloaded, swarm.leechers]);
      return concat([header(2, reply.transactionId), numbers(counts)]);
    }
    case "error":
      return concat([header(3, reply.transactionId), utf8(reply.message)]);
  }
}

function decodePeers(bytes: Uint8Array, family: Family): Address[] {
  const stride = family === 4 ? 6 : 18;
  return decodeCompactList(bytes.subarray(0, stride * replyPeersMax), family);
}

function decodeSwarms(view: DataView): SwarmCounts[] {
  const swarms: SwarmCounts[] = [];
  for (let offset = 8; offset + 12 <= view.byteLength && swarms.length < scrapeHashesMax; offset += 12) {
    swarms.push({
      seeders: view.getUint32(offset),
      downloaded: view.getUint32(offset + 4),
      leechers: view.getUint32(offset + 8),
    });
  }
  return swarms;
}

function header(action: number, transactionId: number): Uint8Array {
  return numbers([action, transactionId]);
}

function numbers(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = viewOf(bytes);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return bytes;
}
