/** What a stranger's handshake may cost us: a handshake that needs more is no handshake, and is refused before it is kept. */
export const mseLimits = {
  /** PadA to PadD. */
  padBytesMax: 512,
  /** How long a handshake may take (DESIGN.md section 6); the owner of the connection ends it. */
  handshakeMs: 10_000,
} as const;
