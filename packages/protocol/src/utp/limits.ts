import { ms } from "@dure/base";

/** Where a number has no source, it is ours and the comment says what it is for. */
export const utpLimits = {
  /** Open connections of an endpoint; a SYN above it is not answered. */
  connectionsMax: 1000,
  /** Strangers whose SYN was answered and who have not spoken again: 100 bytes each. At the top the oldest goes. */
  halfOpenMax: 1024,
  halfOpenWait: ms(30_000),
  /** Connections that share a connection id, with as many strangers. */
  sameIdMax: 32,
  /** A RESET is said once per stranger and id, to so many at a time (libtorrent and libutp keep 1,000). */
  resetsMax: 1000,
  resetWait: ms(10_000),
  /** What one connection may send beyond what its owner has consumed (libutp: 1 MB). */
  receiveBytesMax: 1024 * 1024,
  /** Packets ahead of a missing one, of all connections together. */
  reorderBytesMax: 32 * 1024 * 1024,
  /** Sequence numbers from the oldest unacknowledged packet on: a quarter of what 16 bits can tell apart is 16,384. */
  spanPacketsMax: 4096,
  /** Bytes of a selective acknowledgement that we send: 1,024 packets. */
  selectiveAckBytesMax: 128,
  /** What an owner may have given to `write` and not seen `written`. */
  writeBytesMax: 64 * 1024 * 1024,
} as const;

export const utpTimes = {
  /** BEP 29: the first timeout, doubled each time; from 4 s on it stays, so that a lossy path is asked six times. */
  synWaitFirst: ms(1000),
  synWaitMax: ms(4000),
  synSendsMax: 6,
  /** BEP 29: no timeout is shorter. */
  timeoutMin: ms(500),
  timeoutMax: ms(8000),
  /**
   * Expiries in a row, the two probes of RFC 9002 included, before the other side counts as gone (libtorrent: 6 resends).
   * Each asks with two packets: 24 s, in which a path that loses 30 % each way answers all but once in 100,000 times.
   */
  expiriesMax: 9,
  probesMax: 2,
  /** RFC 9002, 6.2.1: a clock that ticks in milliseconds needs one; the rest is for a busy machine. */
  granularity: ms(5),
  /** Of what arrived in order (RFC 9002: 25 ms, TCP: up to 40). */
  ackDelay: ms(10),
  /** libutp: below the 30 s after which some NATs forget. */
  keepAliveWait: ms(29_000),
  /** How long a connection that its owner has left tries to say the rest while nothing of it is acknowledged. */
  lingerWait: ms(15_000),
} as const;
