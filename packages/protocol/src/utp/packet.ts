import { assert, byteAt, fail, ok, type Result } from "@dure/base";

/*
 * BEP 29, version 1. All numbers are big endian.
 *
 *   0       4       8               16              24              32
 *   +-------+-------+---------------+---------------+---------------+
 *   | type  | ver   | extension     | connection_id                 |
 *   +-------+-------+---------------+---------------+---------------+
 *   | timestamp_microseconds                                        |
 *   +---------------+---------------+---------------+---------------+
 *   | timestamp_difference_microseconds                             |
 *   +---------------+---------------+---------------+---------------+
 *   | wnd_size                                                      |
 *   +---------------+---------------+---------------+---------------+
 *   | seq_nr                        | ack_nr                        |
 *   +---------------+---------------+---------------+---------------+
 *   then, as long as `extension` is not 0:  extension of the next (1), len (1), len bytes
 *   then the payload of a DATA packet
 */

export const utpData = 0;
export const utpFin = 1;
export const utpState = 2;
export const utpReset = 3;
export const utpSyn = 4;

export const utpHeaderBytes = 20;
const version = 1;
const selectiveAck = 1;
/** Nobody's extension: receivers skip it, which makes it the padding of a probe for the path's MTU. */
const padding = 0xee;

/** The numbers of a packet, and where in the datagram the rest lies: no view is made before it is needed. */
export interface UtpPacket {
  readonly type: number;
  readonly connectionId: number;
  readonly timestamp: number;
  readonly difference: number;
  readonly window: number;
  readonly seq: number;
  readonly ack: number;
  /** The bit mask; `sackBytes` is 0 where there is none. Its first bit is `ack` + 2. */
  readonly sackFrom: number;
  readonly sackBytes: number;
  readonly payloadFrom: number;
}

export type UtpPacketReason =
  | "truncated"
  | "wrong-version"
  | "unknown-type"
  | "extension-truncated"
  | "wrong-selective-ack"
  | "no-payload";

/** Whether a datagram on a shared socket is ours to read: KRPC begins with "d", a UDP tracker's reply with three zeros. */
export function looksLikeUtp(bytes: Uint8Array): boolean {
  if (bytes.length < utpHeaderBytes) return false;
  const first = byteAt(bytes, 0);
  return (first & 15) === version && first >>> 4 <= utpSyn;
}

export function decodeUtpPacket(bytes: Uint8Array): Result<UtpPacket, UtpPacketReason> {
  if (bytes.length < utpHeaderBytes) return fail("truncated");
  const first = byteAt(bytes, 0);
  if ((first & 15) !== version) return fail("wrong-version");
  const type = first >>> 4;
  if (type > utpSyn) return fail("unknown-type");
  let extension = byteAt(bytes, 1);
  let offset = utpHeaderBytes;
  let sackFrom = 0;
  let sackBytes = 0;
  while (extension !== 0) {
    if (offset + 2 > bytes.length) return fail("extension-truncated");
    const next = byteAt(bytes, offset);
    const length = byteAt(bytes, offset + 1);
    offset += 2;
    if (offset + length > bytes.length) return fail("extension-truncated");
    if (extension === selectiveAck) {
      // BEP 29 wants multiples of four; libtorrent 2.0.8 sends as many bytes as its mask needs.
      if (length === 0) return fail("wrong-selective-ack");
      sackFrom = offset;
      sackBytes = length;
    }
    offset += length;
    extension = next;
  }
  if (type === utpData && offset === bytes.length) return fail("no-payload");
  return ok({
    type,
    connectionId: uint16(bytes, 2),
    timestamp: uint32(bytes, 4),
    difference: uint32(bytes, 8),
    window: uint32(bytes, 12),
    seq: uint16(bytes, 16),
    ack: uint16(bytes, 18),
    sackFrom,
    sackBytes,
    payloadFrom: offset,
  });
}

export interface UtpHeader {
  readonly type: number;
  readonly connectionId: number;
  readonly seq: number;
}

/** What is true at the moment of sending, and therefore written again when a packet is resent. */
export interface UtpStamp {
  readonly timestamp: number;
  readonly difference: number;
  readonly window: number;
  readonly ack: number;
}

/** Writes the header without extensions at the start of `bytes`. */
export function writeUtpHeader(bytes: Uint8Array, header: UtpHeader): void {
  assert(bytes.length >= utpHeaderBytes, "room for the header");
  bytes[0] = (header.type << 4) | version;
  bytes[1] = 0;
  putUint16(bytes, 2, header.connectionId);
  putUint16(bytes, 16, header.seq);
}

export function stampUtpPacket(bytes: Uint8Array, stamp: UtpStamp): void {
  putUint32(bytes, 4, stamp.timestamp);
  putUint32(bytes, 8, stamp.difference);
  putUint32(bytes, 12, stamp.window);
  putUint16(bytes, 18, stamp.ack);
}

/** A packet without payload: STATE, SYN, FIN or RESET; a mask becomes its selective acknowledgement. */
export function encodeUtpPacket(
  header: UtpHeader,
  stamp: UtpStamp,
  mask?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(utpHeaderBytes + (mask === undefined ? 0 : 2 + mask.length));
  writeUtpHeader(bytes, header);
  stampUtpPacket(bytes, stamp);
  if (mask !== undefined) {
    assert(mask.length >= 4 && mask.length % 4 === 0 && mask.length < 256, "whole words in the mask");
    bytes[1] = selectiveAck;
    bytes[utpHeaderBytes + 1] = mask.length;
    bytes.set(mask, utpHeaderBytes + 2);
  }
  return bytes;
}

/** The same packet, made `bytesTotal` long by extensions that its receiver skips. */
export function padUtpPacket(datagram: Uint8Array, bytesTotal: number): Uint8Array<ArrayBuffer> {
  let missing = bytesTotal - datagram.length;
  assert(missing >= 2 && datagram[1] === 0, "room for padding in a packet without extensions");
  const bytes = new Uint8Array(bytesTotal);
  bytes.set(datagram.subarray(0, utpHeaderBytes));
  bytes[1] = padding;
  let offset = utpHeaderBytes;
  while (missing > 0) {
    // The last one must not be a single byte: an extension has two at least.
    const length = missing <= 257 ? missing : Math.min(257, missing - 2);
    missing -= length;
    bytes[offset] = missing > 0 ? padding : 0;
    bytes[offset + 1] = length - 2;
    offset += length;
  }
  bytes.set(datagram.subarray(utpHeaderBytes), offset);
  return bytes;
}

function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function uint32(bytes: Uint8Array, offset: number): number {
  return ((uint16(bytes, offset) << 16) | uint16(bytes, offset + 2)) >>> 0;
}

function putUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

function putUint32(bytes: Uint8Array, offset: number, value: number): void {
  putUint16(bytes, offset, value >>> 16);
  putUint16(bytes, offset + 2, value & 0xffff);
}
