import { type Ms, minutes, ms, seconds } from "@dure/base";

export const peerLimits = {
  /** Addresses known of one torrent. At the top the worst one makes room, if it is worse than the newcomer. */
  knownMax: 3000,
  /** Ports of one global IP: more than a home has peers, fewer than make an address a target. */
  portsPerIpMax: 8,
  /** Tries in a row without success at an IP that strangers name with several ports: it may be a victim, not a peer. */
  victimTries: 3,
  victimForgottenAfter: minutes(24 * 60),
  /** A peer that fails this often in a row is not tried again until it is named anew, an hour later at the soonest. */
  failuresMax: 10,
  retryWaitFirst: seconds(10),
  retryWaitMax: minutes(60),
  /** A peer that the user named is what the user waits for: it is tried sooner, and always again. */
  userRetryWaitFirst: seconds(2),
  userRetryWaitMax: minutes(1),
  /** Below it ports belong to other services; only the user and trackers may name one. */
  privilegedPortMax: 1023,
  /** Bans of one torrent; the oldest is forgotten at the top. */
  bansMax: 1000,
  /** Banned ports of one global IP after which the whole IP is banned: it comes back from another port. */
  portsBannedPerIp: 2,
  ownMax: 32,
} as const;

/**
 * The wait after the `failures`th failure in a row: doubled each time, then 75 % to 125 % of it by lot, so that
 * peers that lost one another together do not all come back together.
 */
export function retryWait(failures: number, byUser: boolean, lot: number): Ms {
  const first = byUser ? peerLimits.userRetryWaitFirst : peerLimits.retryWaitFirst;
  const most = byUser ? peerLimits.userRetryWaitMax : peerLimits.retryWaitMax;
  const wait = Math.min(first * 2 ** Math.max(0, failures - 1), most);
  return ms(Math.min(Math.round(wait * (0.75 + lot / 2)), most));
}
