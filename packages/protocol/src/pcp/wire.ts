import { assert, concat, must, parseIp } from "@dure/base";
import type { MappedProtocol } from "../nat-pmp/index.ts";

export const pcpVersion = 2;
/** Longest message (RFC 6887, 7). */
export const pcpMessageBytesMax = 1100;
export const responseBit = 0x80;
export const headerBytes = 24;
export const mapBytes = 36;
export const nonceBytes = 12;

/** An address in 16 bytes: IPv4 as `::ffff:a.b.c.d` (RFC 6887, 5). */
export function ip16(ip: string): Uint8Array<ArrayBuffer> {
  const bytes = must(parseIp(ip), "an IP literal");
  if (bytes.length === 16) return bytes;
  return concat([new Uint8Array(10), Uint8Array.of(0xff, 0xff), bytes]);
}

/** IANA's numbers. */
export function protocolNumber(protocol: MappedProtocol): number {
  return protocol === "tcp" ? 6 : 17;
}

export function protocolOf(number: number | undefined): MappedProtocol | undefined {
  return number === 6 ? "tcp" : number === 17 ? "udp" : undefined;
}

/** What a MAP asks and what its answer repeats. */
export interface PcpMapping {
  /** 12 random bytes: who knows them may change the mapping. */
  readonly nonce: Uint8Array;
  readonly protocol: MappedProtocol;
  readonly internalPort: number;
  /** In a request only a wish, 0 for none; in an answer what was assigned, or what was wished if it is refused. */
  readonly externalPort: number;
  /** Likewise; unspecified for none. It names the family that is asked for. */
  readonly externalIp: string;
}

export function writeMapping(bytes: Uint8Array, view: DataView, mapping: PcpMapping): void {
  assert(mapping.nonce.length === nonceBytes, "a nonce has 12 bytes");
  bytes.set(mapping.nonce, headerBytes);
  bytes[headerBytes + 12] = protocolNumber(mapping.protocol);
  view.setUint16(headerBytes + 16, mapping.internalPort);
  view.setUint16(headerBytes + 18, mapping.externalPort);
  bytes.set(ip16(mapping.externalIp), headerBytes + 20);
}
