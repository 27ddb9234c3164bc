import { type Address, compareBytes, concat, parseIp } from "@dure/base";

/**
 * BEP 40: what two peers agree their connection is worth, as an unsigned 32-bit number; higher connects first.
 * Undefined between families, and for text that is no IP literal.
 */
export function canonicalPriority(own: Address, peer: Address): number | undefined {
  const a = parseIp(own.ip);
  const b = parseIp(peer.ip);
  if (a === undefined || b === undefined || a.length !== b.length) return undefined;
  const common = commonBytes(a, b);
  if (common === a.length) return crc32c(sorted(portBytes(own.port), portBytes(peer.port)));
  // The mask begins as FF.FF.55.55 (IPv6: six bytes of FF) and grows with what the two have in common.
  const whole = Math.max(a.length === 4 ? 2 : 6, common + 1);
  return crc32c(sorted(masked(a, whole), masked(b, whole)));
}

/** CRC-32C (Castagnoli, reflected). Bit by bit: at most 32 bytes a peer, and no table to build. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0x82f63b78);
  }
  return ~crc >>> 0;
}

function commonBytes(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  while (count < a.length && a[count] === b[count]) count += 1;
  return count;
}

// BEP 40 speaks of /16 and /24 (IPv6: /48, /56 …), so shorter agreement changes nothing and longer counts in bytes.
function masked(ip: Uint8Array, whole: number): Uint8Array {
  return ip.map((byte, index) => (index < whole ? byte : byte & 0x55));
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >>> 8, port & 0xff);
}

function sorted(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) <= 0 ? concat([a, b]) : concat([b, a]);
}
