import {
  type Address,
  assert,
  byteAt,
  concat,
  encodeCompact,
  type Family,
  familyOf,
  formatIp,
} from "@dure/base";
import { nodeIdBytes } from "./limits.ts";
import type { DhtKey, ResponseBody } from "./messages.ts";

/*
 * BEP 5, "Contact Encoding", and BEP 32:
 *
 *   node   id 20 | ip 4 or 16 | port 2      26 or 38 bytes
 *   peer          ip 4 or 16 | port 2       6 or 18 bytes
 */

export interface KrpcNode {
  readonly id: DhtKey;
  readonly address: Address;
}

export function compactNodeBytes(family: Family): 26 | 38 {
  return family === 4 ? 26 : 38;
}

export function compactPeerBytes(family: Family): 6 | 18 {
  return family === 4 ? 6 : 18;
}

/**
 * The nodes of a compact list; those of port 0, whom nobody could ask, are left out, as is a trailing fragment. The
 * ids are views: copy what must outlive the datagram.
 */
export function readNodes(bytes: Uint8Array, family: Family): KrpcNode[] {
  const stride = compactNodeBytes(family);
  const nodes: KrpcNode[] = []; // bounded by the bytes
  for (let at = 0; at + stride <= bytes.length; at += stride) {
    const address = readAddress(bytes, at + nodeIdBytes, family);
    if (address.port !== 0) nodes.push({ id: bytes.subarray(at, at + nodeIdBytes), address });
  }
  return nodes;
}

/** The reverse of `readNodes`. All nodes are of the family of the list. */
export function writeNodes(nodes: readonly KrpcNode[], family: Family): Uint8Array<ArrayBuffer> {
  for (const { id, address } of nodes) {
    assert(id.length === nodeIdBytes, "an id has 20 bytes");
    assert(familyOf(address.ip) === family, "a compact list holds nodes of one family");
  }
  return concat(nodes.flatMap(({ id, address }) => [id, encodeCompact(address)]));
}

/** The peers of an answer, IPv4 first. */
export function peersOf(body: Pick<ResponseBody, "values" | "values6">): Address[] {
  return [...readPeers(body.values, 4), ...readPeers(body.values6, 6)];
}

function readPeers(bytes: Uint8Array | undefined, family: Family): Address[] {
  const stride = compactPeerBytes(family);
  const peers: Address[] = []; // bounded by the bytes
  if (bytes === undefined) return peers;
  for (let at = 0; at + stride <= bytes.length; at += stride) peers.push(readAddress(bytes, at, family));
  return peers;
}

/** The address at `at`, which the caller knows to be there. */
export function readAddress(bytes: Uint8Array, at: number, family: Family): Address {
  const end = at + compactPeerBytes(family);
  const port = (byteAt(bytes, end - 2) << 8) | byteAt(bytes, end - 1);
  if (family === 6) return { ip: formatIp(bytes.subarray(at, at + 16)), port };
  return { ip: `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`, port };
}
