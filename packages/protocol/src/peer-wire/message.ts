import { byteAt, fail, ok, type Result, viewOf } from "@dure/base";
import { peerWireLimits } from "./limits.ts";

/*
 * BEP 3:  4        1    length-1
 *        +--------+----+---------+
 *        | length | id | payload |      length 0: keep-alive, no id
 *        +--------+----+---------+
 * A `piece` (id 7) carries piece, begin and the block; the framer hands its bytes on without making a message of them.
 */
export const messageId = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  port: 9,
  suggest: 13, // 13 to 17: BEP 6
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  allowedFast: 17,
  extended: 20, // BEP 10
  hashRequest: 21, // 21 to 23: BEP 52
  hashes: 22,
  hashReject: 23,
} as const;

/** A block by its place: `begin` and `length` are bytes inside `piece`. */
export interface BlockSpan {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** Hashes by their place in the tree of the file with this root. What makes sense is for `merkle` to say. */
export interface HashSpan {
  /** 32 bytes. */
  readonly piecesRoot: Uint8Array;
  /** Layers above the leaves. */
  readonly baseLayer: number;
  readonly index: number;
  readonly length: number;
  readonly proofLayers: number;
}

export type PeerMessage =
  | { readonly type: "keep-alive" }
  | { readonly type: "choke" }
  | { readonly type: "unchoke" }
  | { readonly type: "interested" }
  | { readonly type: "not-interested" }
  | { readonly type: "have"; readonly piece: number }
  | { readonly type: "bitfield"; readonly bytes: Uint8Array }
  | ({ readonly type: "request" } & BlockSpan)
  | ({ readonly type: "cancel" } & BlockSpan)
  | ({ readonly type: "reject" } & BlockSpan)
  | { readonly type: "port"; readonly port: number }
  | { readonly type: "suggest"; readonly piece: number }
  | { readonly type: "have-all" }
  | { readonly type: "have-none" }
  | { readonly type: "allowed-fast"; readonly piece: number }
  | { readonly type: "extended"; readonly id: number; readonly payload: Uint8Array }
  | ({ readonly type: "hash-request" } & HashSpan)
  /** Hashes of 32 bytes: the base layer's, then the uncles. */
  | ({ readonly type: "hashes"; readonly hashes: Uint8Array } & HashSpan)
  | ({ readonly type: "hash-reject" } & HashSpan)
  /** An id we do not know: ignored, as BEP 3 asks. */
  | { readonly type: "unknown"; readonly id: number };

export type MessageReason = "wrong-length" | "too-long" | "block-too-long" | "not-a-handshake";

/** The most bytes a message of this id may have, its id included; unknown ids are skipped, so only the outer limit holds. */
export function lengthMax(id: number): number {
  switch (id) {
    case messageId.choke:
    case messageId.unchoke:
    case messageId.interested:
    case messageId.notInterested:
    case messageId.haveAll:
    case messageId.haveNone:
      return 1;
    case messageId.port:
      return 3;
    case messageId.have:
    case messageId.suggest:
    case messageId.allowedFast:
      return 5;
    case messageId.request:
    case messageId.cancel:
    case messageId.reject:
      return 13;
    case messageId.piece:
      return 9 + peerWireLimits.blockBytes;
    case messageId.bitfield:
      return peerWireLimits.bitfieldBytesMax;
    case messageId.extended:
      return peerWireLimits.extendedBytesMax;
    case messageId.hashRequest:
    case messageId.hashReject:
      return hashHeadBytes;
    case messageId.hashes:
      return peerWireLimits.hashesBytesMax;
    default:
      return peerWireLimits.messageBytesMax;
  }
}

/** A whole message without its length prefix, `piece` excepted. Payloads are views of `bytes`. */
export function decodeMessage(bytes: Uint8Array): Result<PeerMessage, MessageReason> {
  if (bytes.length === 0) return ok({ type: "keep-alive" });
  const id = byteAt(bytes, 0);
  if (bytes.length > lengthMax(id)) return fail("too-long");
  switch (id) {
    case messageId.choke:
      return ok({ type: "choke" });
    case messageId.unchoke:
      return ok({ type: "unchoke" });
    case messageId.interested:
      return ok({ type: "interested" });
    case messageId.notInterested:
      return ok({ type: "not-interested" });
    case messageId.haveAll:
      return ok({ type: "have-all" });
    case messageId.haveNone:
      return ok({ type: "have-none" });
    case messageId.have:
      return withPiece("have", bytes);
    case messageId.suggest:
      return withPiece("suggest", bytes);
    case messageId.allowedFast:
      return withPiece("allowed-fast", bytes);
    case messageId.request:
      return withSpan("request", bytes);
    case messageId.cancel:
      return withSpan("cancel", bytes);
    case messageId.reject:
      return withSpan("reject", bytes);
    case messageId.bitfield:
      return ok({ type: "bitfield", bytes: bytes.subarray(1) });
    case messageId.port:
      return bytes.length === 3
        ? ok({ type: "port", port: viewOf(bytes).getUint16(1) })
        : fail("wrong-length");
    case messageId.extended:
      return bytes.length >= 2
        ? ok({ type: "extended", id: byteAt(bytes, 1), payload: bytes.subarray(2) })
        : fail("wrong-length");
    case messageId.hashRequest:
      return withHashSpan("hash-request", bytes);
    case messageId.hashReject:
      return withHashSpan("hash-reject", bytes);
    case messageId.hashes:
      return bytes.length >= hashHeadBytes && (bytes.length - hashHeadBytes) % 32 === 0
        ? ok({ type: "hashes", ...readHashSpan(bytes), hashes: bytes.subarray(hashHeadBytes) })
        : fail("wrong-length");
    default:
      return ok({ type: "unknown", id });
  }
}

function withPiece(
  type: "have" | "suggest" | "allowed-fast",
  bytes: Uint8Array,
): Result<PeerMessage, MessageReason> {
  return bytes.length === 5 ? ok({ type, piece: viewOf(bytes).getUint32(1) }) : fail("wrong-length");
}

function withSpan(
  type: "request" | "cancel" | "reject",
  bytes: Uint8Array,
): Result<PeerMessage, MessageReason> {
  if (bytes.length !== 13) return fail("wrong-length");
  const view = viewOf(bytes);
  return ok({ type, piece: view.getUint32(1), begin: view.getUint32(5), length: view.getUint32(9) });
}

/*
 * BEP 52:  1        32         4       4       4         4         32 each
 *        +----+-------------+------+-------+--------+--------+----------------+
 *        | id | pieces root | base | index | length | proofs | hashes (id 22) |
 *        +----+-------------+------+-------+--------+--------+----------------+
 */
const hashHeadBytes = 49;

function withHashSpan(
  type: "hash-request" | "hash-reject",
  bytes: Uint8Array,
): Result<PeerMessage, MessageReason> {
  return bytes.length === hashHeadBytes ? ok({ type, ...readHashSpan(bytes) }) : fail("wrong-length");
}

function readHashSpan(bytes: Uint8Array): HashSpan {
  const view = viewOf(bytes);
  return {
    piecesRoot: bytes.subarray(1, 33),
    baseLayer: view.getUint32(33),
    index: view.getUint32(37),
    length: view.getUint32(41),
    proofLayers: view.getUint32(45),
  };
}
