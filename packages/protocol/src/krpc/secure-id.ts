import { assert, at, byteAt, ipScope, must, parseIp } from "@dure/base";
import { nodeIdBytes } from "./limits.ts";
import type { DhtKey } from "./messages.ts";

/*
 * BEP 42: an id's first 21 bits are those of
 *
 *   crc32c((ip & 0x030f3fff) | (r << 29))                   IPv4
 *   crc32c((ip >> 64 & 0x0103070f1f3f7fff) | (r << 61))     IPv6
 *
 * where r is the low three bits of the id's last byte. So an address has eight places in the key space, and who wants
 * many must have many addresses.
 */

const masks4 = [0x03, 0x0f, 0x3f, 0xff];
const masks6 = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];

/** An id that suits `ip`, its free bits taken from `random`, 20 bytes. */
export function nodeIdFor(ip: string, random: Uint8Array): DhtKey {
  assert(random.length === nodeIdBytes, "as many random bytes as an id has");
  const id = new Uint8Array(random); // a copy; `slice` of a Node buffer would be a view
  const hash = addressHash(must(parseIp(ip), "an IP literal"), byteAt(random, 19));
  id[0] = hash >>> 24;
  id[1] = (hash >>> 16) & 0xff;
  id[2] = ((hash >>> 8) & 0xf8) | (byteAt(random, 2) & 0x07);
  return id;
}

/** Whether the id suits the address. Local addresses are exempt, as BEP 42 has it. */
export function isNodeIdValid(id: DhtKey, ip: string): boolean {
  const bytes = parseIp(ip);
  if (bytes === undefined || id.length !== nodeIdBytes) return false;
  const hash = addressHash(bytes, byteAt(id, 19));
  const prefix = (byteAt(id, 0) << 24) | (byteAt(id, 1) << 16) | (byteAt(id, 2) << 8);
  return ((prefix ^ hash) & 0xffff_f800) === 0 || isExempt(ip);
}

function isExempt(ip: string): boolean {
  const scope = ipScope(ip);
  return scope === "private" || scope === "loopback" || scope === "link-local";
}

function addressHash(ip: Uint8Array, lastByte: number): number {
  const masks = ip.length === 4 ? masks4 : masks6;
  const masked = Uint8Array.from(masks, (mask, index) => byteAt(ip, index) & mask);
  masked[0] = byteAt(masked, 0) | ((lastByte & 7) << 5);
  return crc32c(masked);
}

/** Castagnoli's CRC-32, reflected (RFC 3720, B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ at(crcTable, (crc ^ byte) & 0xff);
  return ~crc >>> 0;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let entry = byte;
  for (let bit = 0; bit < 8; bit += 1) entry = (entry & 1) === 1 ? (entry >>> 1) ^ 0x82f6_3b78 : entry >>> 1;
  return entry >>> 0;
});
