import fc from "fast-check";
import type { HashSpan, PeerMessage } from "../message.ts";

const hashSpan = {
  piecesRoot: new Uint8Array(32).fill(0xab),
  baseLayer: 2,
  index: 8,
  length: 4,
  proofLayers: 2,
};
const span = { piece: 3, begin: 16_384, length: 16_384 };

/** One of each, as an honest peer would say it. */
export const everyMessage: readonly PeerMessage[] = [
  { type: "keep-alive" },
  { type: "choke" },
  { type: "unchoke" },
  { type: "interested" },
  { type: "not-interested" },
  { type: "have", piece: 12 },
  { type: "bitfield", bytes: Uint8Array.of(0xff, 0xf0) },
  { type: "request", ...span },
  { type: "cancel", ...span },
  { type: "port", port: 6881 },
  { type: "suggest", piece: 4 },
  { type: "have-all" },
  { type: "have-none" },
  { type: "reject", ...span },
  { type: "allowed-fast", piece: 5 },
  { type: "extended", id: 0, payload: Uint8Array.from("d1:md11:ut_metadatai1eee", (c) => c.charCodeAt(0)) },
  { type: "hash-request", ...hashSpan },
  { type: "hashes", ...hashSpan, hashes: new Uint8Array(5 * 32).fill(0xcd) },
  { type: "hash-reject", ...hashSpan },
  { type: "unknown", id: 77 },
];

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const payload = fc.uint8Array({ maxLength: 400 });
const spans = { piece: uint32, begin: uint32, length: uint32 };
const record = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record<T>(model, { noNullPrototype: true });
const hashSpans = record<HashSpan>({
  piecesRoot: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  baseLayer: uint32,
  index: uint32,
  length: uint32,
  proofLayers: uint32,
});

export const anyMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc
    .constantFrom(
      "keep-alive" as const,
      "choke" as const,
      "unchoke" as const,
      "interested" as const,
      "not-interested" as const,
      "have-all" as const,
      "have-none" as const,
    )
    .map((type): PeerMessage => ({ type })),
  fc
    .tuple(fc.constantFrom("have" as const, "suggest" as const, "allowed-fast" as const), uint32)
    .map(([type, piece]): PeerMessage => ({ type, piece })),
  fc
    .tuple(
      fc.constantFrom("request" as const, "cancel" as const, "reject" as const),
      record<{ piece: number; begin: number; length: number }>(spans),
    )
    .map(([type, block]): PeerMessage => ({ type, ...block })),
  payload.map((bytes): PeerMessage => ({ type: "bitfield", bytes })),
  fc.integer({ min: 0, max: 65_535 }).map((port): PeerMessage => ({ type: "port", port })),
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), payload)
    .map(([id, bytes]): PeerMessage => ({ type: "extended", id, payload: bytes })),
  hashSpans.chain((span) =>
    fc.oneof(
      fc
        .constantFrom("hash-request" as const, "hash-reject" as const)
        .map((type): PeerMessage => ({ type, ...span })),
      fc
        .integer({ min: 0, max: 20 })
        .chain((count) =>
          fc
            .uint8Array({ minLength: count * 32, maxLength: count * 32 })
            .map((hashes): PeerMessage => ({ type: "hashes", ...span, hashes })),
        ),
    ),
  ),
  fc.integer({ min: 24, max: 255 }).map((id): PeerMessage => ({ type: "unknown", id })),
);
