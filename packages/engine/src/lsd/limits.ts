import { type Ms, minutes, seconds } from "@dure/base";

export const lsdTiming = {
  /** Torrents that are added together are announced together. */
  firstWait: seconds(1),
  /** BEP 14: "no more than 1 announce per minute", here of all torrents together. */
  announceEvery: minutes(1),
  /** BEP 14: each torrent "every 5 minutes". */
  topicEvery: minutes(5),
} as const satisfies Record<string, Ms>;

/** Of one announce and one family: two hundred torrents, 11 kB. Further ones wait for the next minute. */
export const lsdDatagramsMax = 8;

/** What is heard a minute; what comes above is not read. */
export const lsdIntake = {
  window: minutes(1),
  /** From one address: thrice what we would send ourselves. */
  fromOneMax: 24,
  fromAllMax: 600,
  /** Addresses counted apart; the one that spoke longest ago is forgotten first. */
  sourcesMax: 256,
} as const;
