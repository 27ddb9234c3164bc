import { assert, byteAt, fail, formatIp, type Ms, ok, type Result, seconds, viewOf } from "@dure/base";
import {
  headerBytes,
  mapBytes,
  nonceBytes,
  type PcpMapping,
  pcpMessageBytesMax,
  pcpVersion,
  protocolOf,
  responseBit,
  writeMapping,
} from "./wire.ts";

/*
 * What a PCP server answers (RFC 6887, 7.2 and 11.1). All numbers are big-endian.
 *
 *  header    0 version 2   1 opcode + 128   2 reserved   3 result   4 lifetime (s)   8 epoch (s)   12 reserved    24 bytes
 *  MAP      24 as in the request, with what was assigned instead of what was suggested                          60 bytes
 *
 * The lifetime of a refusal says how long asking again is useless. ANNOUNCE comes unasked when a server has lost its
 * mappings. A server of another version puts its own into the first byte and 1 into the fourth: so does NAT-PMP (9).
 */

export type PcpResponse =
  | { readonly type: "announced"; readonly epochSeconds: number }
  | {
      readonly type: "mapped";
      readonly epochSeconds: number;
      /** Zero: removed. */
      readonly lifetime: Ms;
      readonly mapping: PcpMapping;
    }
  | {
      readonly type: "refused";
      readonly epochSeconds: number;
      readonly lifetime: Ms;
      readonly result: PcpRefusal;
      /** Undefined: of an ANNOUNCE, or of a message that the server could not read. */
      readonly mapping: PcpMapping | undefined;
    }
  | { readonly type: "unsupported-version"; readonly version: number };

/** RFC 6887, 7.4, in the order of their numbers, which begin with 1. */
export const pcpRefusals = [
  "unsupported-version",
  "not-authorized",
  "malformed-request",
  "unsupported-opcode",
  "unsupported-option",
  "malformed-option",
  "network-failure",
  "no-resources",
  "unsupported-protocol",
  "user-exceeded-quota",
  "cannot-provide-external",
  "address-mismatch", // another NAT stands between us and the server
  "excessive-remote-peers",
] as const;

export type PcpRefusal = (typeof pcpRefusals)[number] | "unknown-result";

export type PcpResponseError =
  | "truncated"
  | "too-long"
  | "not-padded"
  | "wrong-version"
  | "not-a-response"
  | "unknown-opcode"
  | "unknown-protocol";

const unsupportedVersion = 1;

export function decodePcpResponse(bytes: Uint8Array): Result<PcpResponse, PcpResponseError> {
  if (bytes.length < 4) return fail("truncated");
  const opcode = byteAt(bytes, 1) & ~responseBit;
  if ((byteAt(bytes, 1) & responseBit) === 0) return fail("not-a-response");
  const result = byteAt(bytes, 3);
  const version = byteAt(bytes, 0);
  if (version !== pcpVersion) {
    return result === unsupportedVersion
      ? ok({ type: "unsupported-version", version })
      : fail("wrong-version");
  }
  if (bytes.length < headerBytes) return fail("truncated");
  if (bytes.length > pcpMessageBytesMax) return fail("too-long");
  if (bytes.length % 4 !== 0) return fail("not-padded");
  const view = viewOf(bytes);
  const lifetime = seconds(view.getUint32(4));
  const epochSeconds = view.getUint32(8);
  const mapping = opcode === 1 ? readMapping(bytes, view) : undefined;
  if (result !== 0) {
    const refusal = pcpRefusals[result - 1] ?? "unknown-result";
    return ok({ type: "refused", epochSeconds, lifetime, result: refusal, mapping });
  }
  if (opcode === 0) return ok({ type: "announced", epochSeconds });
  if (opcode !== 1) return fail("unknown-opcode");
  if (bytes.length < headerBytes + mapBytes) return fail("truncated");
  return mapping === undefined
    ? fail("unknown-protocol")
    : ok({ type: "mapped", epochSeconds, lifetime, mapping });
}

/** The server's side. */
export function encodePcpResponse(
  response: Exclude<PcpResponse, { readonly type: "unsupported-version" }>,
): Uint8Array<ArrayBuffer> {
  const mapping = response.type === "announced" ? undefined : response.mapping;
  const bytes = new Uint8Array(headerBytes + (mapping === undefined ? 0 : mapBytes));
  const view = viewOf(bytes);
  bytes[0] = pcpVersion;
  bytes[1] = responseBit + (mapping === undefined ? 0 : 1);
  view.setUint32(8, response.epochSeconds);
  if (response.type === "announced") return bytes;
  view.setUint32(4, Math.round(response.lifetime / 1000));
  if (response.type === "refused") bytes[3] = resultNumber(response.result);
  if (mapping !== undefined) writeMapping(bytes, view, mapping);
  return bytes;
}

function readMapping(bytes: Uint8Array, view: DataView): PcpMapping | undefined {
  if (bytes.length < headerBytes + mapBytes) return undefined;
  const protocol = protocolOf(bytes[36]);
  if (protocol === undefined) return undefined;
  return {
    nonce: bytes.slice(headerBytes, headerBytes + nonceBytes),
    protocol,
    internalPort: view.getUint16(40),
    externalPort: view.getUint16(42),
    externalIp: formatIp(bytes.subarray(44, 60)),
  };
}

function resultNumber(refusal: PcpRefusal): number {
  if (refusal === "unknown-result") return 255;
  const index = pcpRefusals.indexOf(refusal);
  assert(index >= 0, "a refusal has a number");
  return index + 1;
}
