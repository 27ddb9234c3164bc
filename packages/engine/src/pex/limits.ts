import { type Ms, minutes, ms, seconds } from "@dure/base";

export const pexTiming = {
  /** After the handshake: connections that open together are told together. */
  firstWait: seconds(3),
  /** BEP 11: no more than one message a minute. The rest is for clocks and queues on the way. */
  every: seconds(65),
  /** Nobody came or went: looked at again after this. */
  lookAgain: seconds(5),
} as const satisfies Record<string, Ms>;

/** What a peer's messages may bring (DESIGN.md section 6: fifty peers a minute). */
export const pexIntake = {
  /** A minute, less what clocks and queues take off it. */
  window: ms(55_000),
  /** Some clients speak once after the handshake and then by a timer of their own, which may come soon after. */
  messagesMax: 2,
  peersMax: 50,
  /** Messages past `messagesMax` are not read; so many of them and one more end the link. Each window forgives one. */
  ignoredMax: 5,
  /** Contacts taken from one link at once and in all; BEP 11: not all candidates from a single source. */
  quota: 200,
  /** Added to the quota for each `quotaEvery` that the link has lasted. */
  quotaMore: 5,
  quotaEvery: minutes(1),
} as const;

/** Contacts that a peer has been told of and not been told to forget. At the top no more are added until some are dropped. */
export const toldMax = 500;
