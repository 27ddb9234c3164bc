import { minutes, ms, seconds } from "@dure/base";

export const topicLimits = {
  /** Lookups at once for all torrents: hundreds of them take turns, and the line is not felt. */
  asksAtOnce: 4,
  /** Nodes of the DHT forget who announced after half an hour and more: asked twice in that time. */
  interval: minutes(15),
  /** An announce that fewer nodes took is soon lost, and was made before we knew our neighbourhood. */
  storedEnough: 4,
  /**
   * While a download has fewer peers than it wants, or an announce reached too few: doubled each time, up to `interval`. A seed that
   * began a few seconds after us, and announces but once in a quarter of an hour, is met by the second question.
   */
  hungryWaitFirst: seconds(15),
  /** Each wait is 90 % to 110 % of it by lot, so that torrents that began together do not stay together. */
  jitter: 0.1,
  /** However often the network, or peers, come and go, a topic is asked for no sooner after the last time. */
  restMin: minutes(1),
  /** A download that has just begun to lack peers waits this long: trackers and peers may be quicker. */
  hungryGrace: seconds(10),
} as const;

/** `share` of [0, 1) picks a place in the jitter. */
export function jittered(wait: number, share: number) {
  return ms(Math.round(wait * (1 - topicLimits.jitter + 2 * topicLimits.jitter * share)));
}
