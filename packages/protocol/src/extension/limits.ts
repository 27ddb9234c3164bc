/** What a peer's extension messages may cost us, and what of ours they may ask (DESIGN.md section 6). */
export const extensionLimits = {
  /** A handshake is a few hundred bytes; this leaves room for a hundred names. */
  handshakeBytesMax: 32_768,
  /** Names kept from `m`; the rest is ignored, as BEP 10 lets us ignore any name. */
  namesMax: 100,
  nameBytesMax: 64,
  /** Characters of the client's name that are kept for display. */
  clientLengthMax: 100,
  /** `reqq` is clamped into 1..this: no peer gets us to queue more, and none to ask nothing. */
  requestsMax: 65_536,
  /** An info dictionary that we take from peers. */
  metadataBytesMax: 30 * 1024 * 1024,
  /** BEP 9: all pieces of the metadata but the last have this size. */
  metadataPieceBytes: 16_384,
} as const;

/** How many pieces `metadataBytes` are sent in. */
export function metadataPieces(metadataBytes: number): number {
  return Math.ceil(metadataBytes / extensionLimits.metadataPieceBytes);
}
