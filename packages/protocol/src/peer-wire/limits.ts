/** What a peer's bytes may cost us (DESIGN.md section 6). */
export const peerWireLimits = {
  /** The length prefix, checked before anything is buffered. */
  messageBytesMax: 1 << 20,
  /** A block we ask for, and the largest we serve. */
  blockBytes: 16_384,
  /** 2 M pieces, one bit each, and the id. */
  bitfieldBytesMax: 262_145,
  /** The largest honest extension message is a metadata piece; a handshake with many names stays far below. */
  extendedBytesMax: 131_072,
  /** 512 hashes, an uncle for each layer of the largest file's tree, and what was asked (BEP 52). */
  hashesBytesMax: 49 + (512 + 40) * 32,
} as const;
