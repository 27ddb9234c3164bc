import { assert, fail, type Ms, ok, type Result, seconds, viewOf } from "@dure/base";
import type { MappedProtocol } from "./mapped-protocol.ts";

/*
 * What a client asks of a NAT-PMP gateway (RFC 6886, 3.2 and 3.3). All numbers are big-endian.
 *
 *  external address   0 version 0   1 opcode 0                                                   2 bytes
 *  map                0 version 0   1 opcode 1 (UDP) or 2 (TCP)   2 reserved
 *                     4 internal port   6 suggested external port   8 lifetime (s)              12 bytes
 *
 * A lifetime of 0 removes the mapping, with a suggested port of 0 (3.4).
 */

export type NatPmpRequest =
  | { readonly opcode: "external-address" }
  | {
      readonly opcode: "map";
      readonly protocol: MappedProtocol;
      readonly internalPort: number;
      /** Only a wish; 0 leaves it to the gateway. */
      readonly externalPort: number;
      readonly lifetime: Ms;
    };

export type NatPmpRequestError = "truncated" | "unsupported-version" | "unsupported-opcode";

const version = 0;

export function encodeNatPmpRequest(request: NatPmpRequest): Uint8Array<ArrayBuffer> {
  if (request.opcode === "external-address") return Uint8Array.of(version, 0);
  assert(request.internalPort > 0 && request.internalPort <= 0xffff, "an internal port");
  assert(request.externalPort >= 0 && request.externalPort <= 0xffff, "an external port");
  const bytes = new Uint8Array(12);
  const view = viewOf(bytes);
  bytes[1] = request.protocol === "udp" ? 1 : 2;
  view.setUint16(4, request.internalPort);
  view.setUint16(6, request.externalPort);
  view.setUint32(8, Math.round(request.lifetime / 1000));
  return bytes;
}

/** The gateway's side. */
export function decodeNatPmpRequest(bytes: Uint8Array): Result<NatPmpRequest, NatPmpRequestError> {
  if (bytes.length < 2) return fail("truncated");
  if (bytes[0] !== version) return fail("unsupported-version");
  const opcode = bytes[1];
  if (opcode === 0) return ok({ opcode: "external-address" });
  if (opcode !== 1 && opcode !== 2) return fail("unsupported-opcode");
  if (bytes.length < 12) return fail("truncated");
  const view = viewOf(bytes);
  return ok({
    opcode: "map",
    protocol: opcode === 1 ? "udp" : "tcp",
    internalPort: view.getUint16(4),
    externalPort: view.getUint16(6),
    lifetime: seconds(view.getUint32(8)),
  });
}
