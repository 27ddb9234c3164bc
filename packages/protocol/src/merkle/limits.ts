/** The sizes of BEP 52's trees, and what a stranger's questions about them may cost. */
export const merkleLimits = {
  hashBytes: 32,
  /** What a leaf covers. */
  blockBytes: 16_384,
  /** BEP 52: "SHOULD NOT be greater than 512". More is neither asked for nor answered. */
  requestHashesMax: 512,
  /** A file of 2^53 bytes has 2^39 blocks. */
  layersMax: 40,
} as const;
