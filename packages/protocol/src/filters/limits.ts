/** What a list may cost us. */
export const filterLimits = {
  /** 32 MiB of memory in IPv4, four times as much in IPv6. */
  rangesMax: 4_000_000,
  infoHashesMax: 1_000_000,
  /** Of a file, also when it is unpacked: ten times what a million ranges take. */
  fileBytesMax: 512 * 1024 * 1024,
} as const;
