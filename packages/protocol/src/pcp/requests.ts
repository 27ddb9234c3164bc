import { byteAt, fail, formatIp, type Ms, ok, type Result, seconds, viewOf } from "@dure/base";
import {
  headerBytes,
  ip16,
  mapBytes,
  nonceBytes,
  type PcpMapping,
  pcpMessageBytesMax,
  pcpVersion,
  protocolOf,
  responseBit,
  writeMapping,
} from "./wire.ts";

export type { PcpMapping } from "./wire.ts";

/*
 * What a client asks of a PCP server (RFC 6887, 7.1 and 11.1). All numbers are big-endian.
 *
 *  header    0 version 2   1 opcode   2 reserved   4 lifetime (s)   8 the client's IP, 16 bytes       24 bytes
 *  MAP      24 nonce, 12 bytes   36 protocol   37 reserved   40 internal port   42 suggested port
 *           44 suggested external IP, 16 bytes                                                        60 bytes
 *  options   0 code   1 reserved   2 length   4 data, padded to 4 bytes
 *
 * ANNOUNCE (opcode 0) has no more than the header. A lifetime of 0 removes the mapping.
 */

export type PcpRequest =
  | { readonly opcode: "announce"; readonly clientIp: string }
  | {
      readonly opcode: "map";
      readonly clientIp: string;
      readonly lifetime: Ms;
      readonly mapping: PcpMapping;
    };

export type PcpRequestError =
  | "truncated"
  | "too-long"
  | "not-padded"
  | "unsupported-version"
  | "not-a-request"
  | "unsupported-opcode"
  | "unsupported-protocol"
  | "malformed-option"
  | "unsupported-option";

export function encodePcpRequest(request: PcpRequest): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerBytes + (request.opcode === "map" ? mapBytes : 0));
  const view = viewOf(bytes);
  bytes[0] = pcpVersion;
  bytes.set(ip16(request.clientIp), 8);
  if (request.opcode === "announce") return bytes;
  bytes[1] = 1;
  view.setUint32(4, Math.round(request.lifetime / 1000));
  writeMapping(bytes, view, request.mapping);
  return bytes;
}

/** The server's side. No option is known here: those that must be understood make the request refused. */
export function decodePcpRequest(bytes: Uint8Array): Result<PcpRequest, PcpRequestError> {
  if (bytes.length < 2) return fail("truncated");
  if (bytes[0] !== pcpVersion) return fail("unsupported-version");
  if (bytes.length < headerBytes) return fail("truncated");
  if (bytes.length > pcpMessageBytesMax) return fail("too-long");
  if (bytes.length % 4 !== 0) return fail("not-padded");
  const opcode = byteAt(bytes, 1);
  if ((opcode & responseBit) !== 0) return fail("not-a-request");
  const clientIp = formatIp(bytes.subarray(8, 24));
  if (opcode > 1) return fail("unsupported-opcode");
  const end = headerBytes + (opcode === 1 ? mapBytes : 0);
  if (bytes.length < end) return fail("truncated");
  const wrong = wrongOption(bytes.subarray(end));
  if (wrong !== undefined) return fail(wrong);
  if (opcode === 0) return ok({ opcode: "announce", clientIp });
  const protocol = protocolOf(bytes[36]);
  if (protocol === undefined) return fail("unsupported-protocol");
  const view = viewOf(bytes);
  const mapping: PcpMapping = {
    nonce: bytes.slice(headerBytes, headerBytes + nonceBytes),
    protocol,
    internalPort: view.getUint16(40),
    externalPort: view.getUint16(42),
    externalIp: formatIp(bytes.subarray(44, 60)),
  };
  return ok({ opcode: "map", clientIp, lifetime: seconds(view.getUint32(4)), mapping });
}

// RFC 6887, 7.3: codes below 128 must be understood. Each round eats at least 4 of at most 1,100 bytes.
function wrongOption(options: Uint8Array): "malformed-option" | "unsupported-option" | undefined {
  const view = viewOf(options);
  for (let offset = 0; offset < options.length; ) {
    const length = view.getUint16(offset + 2); // the message is padded to 4 bytes
    const next = offset + 4 + Math.ceil(length / 4) * 4;
    if (next > options.length) return "malformed-option";
    if (byteAt(options, offset) < 128) return "unsupported-option";
    offset = next;
  }
  return undefined;
}
