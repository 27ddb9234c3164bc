import {
  assert,
  concat,
  fail,
  type InfoHash,
  idBytes,
  infoHash,
  must,
  ok,
  type PeerId,
  peerId,
  type Result,
  viewOf,
} from "@dure/base";
import { type AnnounceEvent, type AnnounceRequest, scrapeHashesMax } from "../tracker/index.ts";
import { decodeUrlData, encodeUrlData } from "./url-data.ts";

/*
 * What a client sends (BEP 15). All numbers are big-endian.
 *
 *  connect    0 protocol id 0x41727101980   8 action 0   12 transaction id                         16 bytes
 *  announce   0 connection id               8 action 1   12 transaction id
 *            16 info-hash      36 peer id  56 downloaded 64 left      72 uploaded
 *            80 event          84 IP (0)   88 key        92 numwant   96 port    98 options (BEP 41)
 *  scrape     0 connection id               8 action 2   12 transaction id   16 info-hashes, 20 bytes each
 */

export type UdpTrackerRequest =
  | { readonly action: "connect"; readonly transactionId: number }
  | ({
      readonly action: "announce";
      readonly transactionId: number;
      readonly connectionId: bigint;
      /** Path and query of the tracker's URL (BEP 41); empty when there are none. */
      readonly urlData: string;
    } & AnnounceRequest)
  | {
      readonly action: "scrape";
      readonly transactionId: number;
      readonly connectionId: bigint;
      readonly infoHashes: readonly InfoHash[];
    };

export type UdpTrackerRequestError =
  | "truncated"
  | "wrong-protocol-id"
  | "unknown-action"
  | "unknown-event"
  | "no-info-hash"
  | "too-many-info-hashes"
  | "port-zero"
  | "url-data-truncated"
  | "url-data-too-long";

const protocolId = 0x417_2710_1980n;
const announceBytes = 98;
// BEP 15 has no code for BEP 21's `paused`, which goes out as a regular announce.
const events: readonly AnnounceEvent[] = ["none", "completed", "started", "stopped"];
const byteCountMax = BigInt(Number.MAX_SAFE_INTEGER);

export function encodeUdpTrackerRequest(request: UdpTrackerRequest): Uint8Array<ArrayBuffer> {
  switch (request.action) {
    case "connect":
      return header(protocolId, 0, request.transactionId);
    case "announce":
      return encodeAnnounce(request);
    case "scrape": {
      const count = request.infoHashes.length;
      assert(count > 0 && count <= scrapeHashesMax, "a scrape names 1 to 74 info-hashes");
      return concat([
        header(request.connectionId, 2, request.transactionId),
        ...request.infoHashes.map((hash) => idBytes(hash)),
      ]);
    }
  }
}

/** The server's side. The connection id is read, not checked. */
export function decodeUdpTrackerRequest(
  bytes: Uint8Array,
): Result<UdpTrackerRequest, UdpTrackerRequestError> {
  if (bytes.length < 16) return fail("truncated");
  const view = viewOf(bytes);
  const connectionId = view.getBigUint64(0);
  const transactionId = view.getUint32(12);
  switch (view.getUint32(8)) {
    case 0:
      return connectionId === protocolId
        ? ok({ action: "connect", transactionId })
        : fail("wrong-protocol-id");
    case 1:
      return decodeAnnounce(bytes, connectionId, transactionId);
    case 2:
      return decodeScrape(bytes, connectionId, transactionId);
    default:
      return fail("unknown-action");
  }
}

function encodeAnnounce(
  request: Extract<UdpTrackerRequest, { action: "announce" }>,
): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(announceBytes - 16);
  const view = viewOf(body);
  body.set(idBytes(request.infoHash), 0);
  body.set(idBytes(request.peerId), 20);
  view.setBigUint64(40, BigInt(request.downloaded));
  view.setBigUint64(48, BigInt(request.left));
  view.setBigUint64(56, BigInt(request.uploaded));
  view.setUint32(64, Math.max(0, events.indexOf(request.event)));
  view.setUint32(72, request.key); // 68, the IP address, stays 0: trackers take the source address
  view.setInt32(76, request.numwant ?? -1);
  view.setUint16(80, request.port);
  const head = header(request.connectionId, 1, request.transactionId);
  return concat([head, body, encodeUrlData(request.urlData)]);
}

function decodeAnnounce(
  bytes: Uint8Array,
  connectionId: bigint,
  transactionId: number,
): Result<UdpTrackerRequest, UdpTrackerRequestError> {
  if (bytes.length < announceBytes) return fail("truncated");
  const view = viewOf(bytes);
  const event = events[view.getUint32(80)];
  if (event === undefined) return fail("unknown-event");
  const port = view.getUint16(96);
  if (port === 0) return fail("port-zero");
  const numwant = view.getInt32(92);
  const urlData = decodeUrlData(bytes.subarray(announceBytes));
  if (!urlData.ok) return urlData;
  return ok({
    action: "announce",
    transactionId,
    connectionId,
    infoHash: infoHashAt(bytes, 16),
    peerId: peerIdAt(bytes, 36),
    downloaded: byteCount(view.getBigUint64(56)),
    left: byteCount(view.getBigUint64(64)),
    uploaded: byteCount(view.getBigUint64(72)),
    event,
    key: view.getUint32(88),
    numwant: numwant < 0 ? undefined : numwant,
    port,
    urlData: urlData.value,
  });
}

function decodeScrape(
  bytes: Uint8Array,
  connectionId: bigint,
  transactionId: number,
): Result<UdpTrackerRequest, UdpTrackerRequestError> {
  const count = Math.floor((bytes.length - 16) / 20);
  if (count === 0) return fail("no-info-hash");
  if (count > scrapeHashesMax) return fail("too-many-info-hashes");
  const infoHashes: InfoHash[] = [];
  for (let index = 0; index < count; index += 1) infoHashes.push(infoHashAt(bytes, 16 + index * 20));
  return ok({ action: "scrape", transactionId, connectionId, infoHashes });
}

function header(first: bigint, action: number, transactionId: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const view = viewOf(bytes);
  view.setBigUint64(0, first);
  view.setUint32(8, action);
  view.setUint32(12, transactionId);
  return bytes;
}

// Past 2^53 nothing is counted exactly, and -1 for "unknown" reads as 2^64 - 1: both become "very many".
function byteCount(value: bigint): number {
  return Number(value > byteCountMax ? byteCountMax : value);
}

function infoHashAt(bytes: Uint8Array, offset: number): InfoHash {
  return must(infoHash(bytes.subarray(offset, offset + 20)), "the caller checked the length");
}

function peerIdAt(bytes: Uint8Array, offset: number): PeerId {
  return must(peerId(bytes.subarray(offset, offset + 20)), "the caller checked the length");
}
