/** What a stranger's datagram may hold. */
export const krpcLimits = {
  /**
   * BEP 32 sends at most 1,024 bytes but asks to receive more. The largest message in use is a value of 1,000 bytes
   * (BEP 44) beside 20 nodes of each family, as nodes with k = 20 send: about 2.6 kB.
   */
  datagramBytesMax: 4096,
  /** BEP 5 suggests two bytes; deployed nodes use two, four and eight. It is echoed, so it has a ceiling. */
  transactionBytesMax: 20,
  versionBytesMax: 16,
  methodBytesMax: 32,
  /** A token is echoed to who gave it. Those of deployed nodes have 4 to 20 bytes. */
  tokenBytesMax: 128,
  errorTextMax: 100,
  /** BEP 44, bencoded. */
  valueBytesMax: 1000,
  saltBytesMax: 64,
  /** BEP 51: seconds. */
  sampleIntervalMax: 21_600,
} as const;

export const nodeIdBytes = 20;
export const publicKeyBytes = 32;
export const signatureBytes = 64;
export const bloomBytes = 256;
