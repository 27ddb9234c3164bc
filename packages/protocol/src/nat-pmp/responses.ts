import {
  assert,
  byteAt,
  fail,
  formatIp,
  type Ms,
  must,
  ok,
  parseIp,
  type Result,
  seconds,
  viewOf,
} from "@dure/base";
import type { MappedProtocol } from "./mapped-protocol.ts";

/*
 * What a NAT-PMP gateway answers (RFC 6886, 3.2 to 3.5). All numbers are big-endian; more bytes than expected are no mistake.
 *
 *  all                0 version 0   1 opcode + 128   2 result   4 seconds since start of epoch    8 bytes
 *  external address   8 IPv4 address                                                             12 bytes
 *  map                8 internal port   10 external port   12 lifetime (s)                       16 bytes
 *
 * A refusal may end after the first 8 bytes. A gateway sends external addresses unasked, too, when its own changes.
 */

export type NatPmpResponse =
  | { readonly type: "external-address"; readonly epochSeconds: number; readonly externalIp: string }
  | {
      readonly type: "mapped";
      readonly epochSeconds: number;
      readonly protocol: MappedProtocol;
      readonly internalPort: number;
      readonly externalPort: number;
      /** Zero: removed. */
      readonly lifetime: Ms;
    }
  | {
      readonly type: "refused";
      readonly epochSeconds: number;
      /** Undefined: of the external address, or of an opcode that we do not know. */
      readonly protocol: MappedProtocol | undefined;
      readonly result: NatPmpRefusal;
    };

export type NatPmpRefusal =
  | "unsupported-version"
  | "not-authorized"
  | "network-failure" // the gateway itself has no address yet
  | "out-of-resources"
  | "unsupported-opcode"
  | "unknown-result";

export type NatPmpResponseError = "truncated" | "wrong-version" | "not-a-response" | "unknown-opcode";

const version = 0;
const responseBit = 0x80;

const results: readonly NatPmpRefusal[] = [
  "unsupported-version",
  "not-authorized",
  "network-failure",
  "out-of-resources",
  "unsupported-opcode",
];

export function decodeNatPmpResponse(bytes: Uint8Array): Result<NatPmpResponse, NatPmpResponseError> {
  if (bytes.length < 8) return fail("truncated");
  if (bytes[0] !== version) return fail("wrong-version");
  if ((byteAt(bytes, 1) & responseBit) === 0) return fail("not-a-response");
  const opcode = byteAt(bytes, 1) - responseBit;
  const view = viewOf(bytes);
  const result = view.getUint16(2);
  const epochSeconds = view.getUint32(4);
  const protocol = opcode === 1 ? "udp" : opcode === 2 ? "tcp" : undefined;
  if (result !== 0) {
    return ok({ type: "refused", epochSeconds, protocol, result: results[result - 1] ?? "unknown-result" });
  }
  if (opcode === 0) {
    if (bytes.length < 12) return fail("truncated");
    return ok({ type: "external-address", epochSeconds, externalIp: formatIp(bytes.subarray(8, 12)) });
  }
  if (protocol === undefined) return fail("unknown-opcode");
  if (bytes.length < 16) return fail("truncated");
  return ok({
    type: "mapped",
    epochSeconds,
    protocol,
    internalPort: view.getUint16(8),
    externalPort: view.getUint16(10),
    lifetime: seconds(view.getUint32(12)),
  });
}

/** The gateway's side. */
export function encodeNatPmpResponse(response: NatPmpResponse): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(response.type === "mapped" ? 16 : 12);
  const view = viewOf(bytes);
  bytes[1] = responseBit + (response.type === "external-address" ? 0 : opcodeOf(response.protocol));
  view.setUint32(4, response.epochSeconds);
  switch (response.type) {
    case "external-address": {
      const ip = must(parseIp(response.externalIp), "an external address is an IP literal");
      assert(ip.length === 4, "NAT-PMP knows IPv4 alone");
      bytes.set(ip, 8);
      return bytes;
    }
    case "mapped":
      view.setUint16(8, response.internalPort);
      view.setUint16(10, response.externalPort);
      view.setUint32(12, Math.round(response.lifetime / 1000));
      return bytes;
    case "refused":
      view.setUint16(2, results.indexOf(response.result) + 1 || unknownResult);
      return bytes.subarray(0, 8);
  }
}

/** The first number that RFC 6886 leaves open. */
const unknownResult = results.length + 1;

function opcodeOf(protocol: MappedProtocol | undefined): number {
  return protocol === undefined ? 0 : protocol === "udp" ? 1 : 2;
}
