import { type Address, fail, fromUtf8, ok, type Result } from "@dure/base";
import { bodyNames, slot } from "./body-names.ts";
import { Fields } from "./fields.ts";
import { krpcLimits, nodeIdBytes } from "./limits.ts";
import type { KrpcError, KrpcMessage } from "./messages.ts";
import { readAddress } from "./nodes.ts";
import { readQuery } from "./read-query.ts";
import { readResponse } from "./read-response.ts";
import { dictByte, Names, type ScanReason, scanReason } from "./scan.ts";

/*
 * BEP 5, "KRPC Protocol": one bencoded dictionary fills the datagram.
 *
 *   t   transaction, echoed          y   "q", "r" or "e"        v   the sender's software (optional)
 *   q   method        a   its arguments, with the sender's id   ro  1: the sender is read-only (BEP 43)
 *   r   what is answered, with the sender's id                  ip  whom the sender sees, 6 or 18 bytes (BEP 42)
 *   e   [code, text]
 */

export type KrpcReason =
  | "too-long"
  | "not-a-dictionary"
  | ScanReason
  | "trailing-bytes"
  | "bad-transaction"
  | "bad-kind"
  | "bad-method"
  | "no-body"
  | "bad-id";

/**
 * One datagram. The byte arrays in the message are views of `bytes` (but for the peers of an answer): copy what must
 * outlive it.
 *
 * Refused is what could be neither answered nor matched to a question of ours. A query that can be answered, but whose
 * arguments are wrong, is a query whose body is `malformed`. Optional fields of a wrong type, length or range read as
 * absent; unknown ones are ignored.
 */
export function decodeKrpc(bytes: Uint8Array): Result<KrpcMessage, KrpcReason> {
  if (bytes.length > krpcLimits.datagramBytesMax) return fail("too-long");
  if (bytes[0] !== dictByte) return fail(bytes.length === 0 ? "truncated" : "not-a-dictionary");
  const top = new Fields(bytes, 0, topNames);
  if (top.end < 0) return fail(scanReason(top.end));
  if (top.end !== bytes.length) return fail("trailing-bytes");
  const transaction = top.bytes(topSlot.transaction, 1, krpcLimits.transactionBytesMax);
  if (transaction === undefined) return fail("bad-transaction");
  const version = top.bytes(topSlot.version, 0, krpcLimits.versionBytesMax);
  switch (top.bytes(topSlot.kind, 1, 1)?.[0]) {
    case 0x71: // q
      return decodeQuery(top, { transaction, version });
    case 0x72: // r
      return decodeResponse(top, { transaction, version });
    case 0x65: // e
      return ok(decodeError(top, { transaction, version }));
    default:
      return fail("bad-kind");
  }
}

const topSlot = {
  transaction: 0,
  kind: 1,
  version: 2,
  query: 3,
  arguments: 4,
  readOnly: 5,
  response: 6,
  seenAs: 7,
  error: 8,
} as const;
const topNames = new Names(["t", "y", "v", "q", "a", "ro", "r", "ip", "e"]);

interface Common {
  readonly transaction: Uint8Array;
  readonly version: Uint8Array | undefined;
}

function decodeQuery(top: Fields, common: Common): Result<KrpcMessage, KrpcReason> {
  const method = top.bytes(topSlot.query, 1, krpcLimits.methodBytesMax);
  if (method === undefined) return fail("bad-method");
  const fields = bodyOf(top, topSlot.arguments);
  if (fields === undefined) return fail("no-body");
  if (fields.end < 0) return fail(scanReason(fields.end));
  const id = fields.bytes(slot.id, nodeIdBytes, nodeIdBytes);
  if (id === undefined) return fail("bad-id");
  const { transaction, version } = common;
  const body = readQuery(method, fields);
  return ok({ kind: "query", transaction, version, id, readOnly: top.flag(topSlot.readOnly), body });
}

function decodeResponse(top: Fields, common: Common): Result<KrpcMessage, KrpcReason> {
  const fields = bodyOf(top, topSlot.response);
  if (fields === undefined) return fail("no-body");
  if (fields.end < 0) return fail(scanReason(fields.end));
  const id = fields.bytes(slot.id, nodeIdBytes, nodeIdBytes);
  if (id === undefined) return fail("bad-id");
  const { transaction, version } = common;
  return ok({
    kind: "response",
    transaction,
    version,
    id,
    seenAs: readSeenAs(top),
    body: readResponse(fields),
  });
}

// What matters of an error is its transaction: the question will get no other answer. So whatever `e` holds, it is one.
function decodeError(top: Fields, common: Common): KrpcError {
  const { transaction, version } = common;
  const text = top.strings(topSlot.error)[0];
  return {
    kind: "error",
    transaction,
    version,
    code: top.firstInteger(topSlot.error) ?? genericError,
    message: text === undefined ? "" : printable(text),
    id: (bodyOf(top, topSlot.response) ?? bodyOf(top, topSlot.arguments))?.bytes(
      slot.id,
      nodeIdBytes,
      nodeIdBytes,
    ),
    seenAs: readSeenAs(top),
  };
}

const genericError = 201;

// Control characters would reach a log or a terminal. A character has at most four bytes.
function printable(bytes: Uint8Array): string {
  const text = fromUtf8(bytes.subarray(0, krpcLimits.errorTextMax * 4)).replace(/\p{C}/gu, "\ufffd");
  return Array.from(text).slice(0, krpcLimits.errorTextMax).join("");
}

function bodyOf(top: Fields, index: number): Fields | undefined {
  const at = top.dict(index);
  return at === 0 ? undefined : new Fields(top.datagram, at, bodyNames);
}

function readSeenAs(top: Fields): Address | undefined {
  const bytes = top.bytes(topSlot.seenAs, 6, 18);
  if (bytes === undefined || (bytes.length !== 6 && bytes.length !== 18)) return undefined;
  return readAddress(bytes, 0, bytes.length === 6 ? 4 : 6);
}
