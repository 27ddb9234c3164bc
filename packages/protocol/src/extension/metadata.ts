import { assert, concat, fail, ok, type Result } from "@dure/base";
import {
  asDict,
  asInt,
  type BencodeReason,
  bencodeMessageLimits,
  decodeBencodePrefix,
  encodeBencode,
} from "../bencode/index.ts";
import { extensionLimits, metadataPieces } from "./limits.ts";

/*
 * BEP 9, "extension message": a dictionary, and after it in a `data` message the raw piece.
 *
 *   request  d 8:msg_type i0e 5:piece i#e e
 *   data     d 8:msg_type i1e 5:piece i#e 10:total_size i#e e <1 to 16384 bytes>
 *   reject   d 8:msg_type i2e 5:piece i#e e
 */
const messageType = { request: 0, data: 1, reject: 2 } as const;

export type MetadataMessage =
  | { readonly type: "request"; readonly piece: number }
  /** `bytes` is a view of what was decoded. Some peers leave the total size out. */
  | {
      readonly type: "data";
      readonly piece: number;
      readonly totalBytes: number | undefined;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "reject"; readonly piece: number }
  /** BEP 9: a type we do not know MUST be ignored. */
  | { readonly type: "unknown" };

export type MetadataReason = BencodeReason | "no-type" | "bad-piece" | "bad-size" | "bad-length";

export function encodeMetadataRequest(piece: number): Uint8Array<ArrayBuffer> {
  return encodeBencode({ msg_type: messageType.request, piece });
}

export function encodeMetadataReject(piece: number): Uint8Array<ArrayBuffer> {
  return encodeBencode({ msg_type: messageType.reject, piece });
}

export function encodeMetadataData(data: {
  readonly piece: number;
  readonly totalBytes: number;
  readonly bytes: Uint8Array;
}): Uint8Array<ArrayBuffer> {
  assert(data.bytes.length <= extensionLimits.metadataPieceBytes, "a metadata piece fits its message");
  const head = encodeBencode({
    msg_type: messageType.data,
    piece: data.piece,
    total_size: data.totalBytes,
  });
  return concat([head, data.bytes]);
}

export function decodeMetadataMessage(payload: Uint8Array): Result<MetadataMessage, MetadataReason> {
  const decoded = decodeBencodePrefix(payload, 0, bencodeMessageLimits);
  if (!decoded.ok) return decoded;
  const dict = asDict(decoded.value.value);
  if (dict === undefined) return fail("not-a-dictionary");
  const type = asInt(dict.get("msg_type"));
  if (type === undefined) return fail("no-type");
  if (type < messageType.request || type > messageType.reject) return ok({ type: "unknown" });
  const piece = asInt(dict.get("piece"));
  if (piece === undefined || piece < 0 || piece >= metadataPieces(extensionLimits.metadataBytesMax))
    return fail("bad-piece");
  if (type === messageType.request) return ok({ type: "request", piece });
  if (type === messageType.reject) return ok({ type: "reject", piece });
  const totalBytes = dict.has("total_size") ? (asInt(dict.get("total_size")) ?? 0) : undefined;
  if (totalBytes !== undefined && (totalBytes < 1 || totalBytes > extensionLimits.metadataBytesMax))
    return fail("bad-size");
  const bytes = payload.subarray(decoded.value.end);
  if (bytes.length === 0 || bytes.length > extensionLimits.metadataPieceBytes) return fail("bad-length");
  return ok({ type: "data", piece, totalBytes, bytes });
}
