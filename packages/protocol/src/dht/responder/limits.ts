import { minutes, seconds } from "@dure/base";

/** What strangers may cost the answering half. */
export const responderLimits = {
  /** Info-hashes with peers. */
  topicsMax: 2000,
  /** Of one info-hash, both families together. */
  peersPerTopicMax: 500,
  /** BEP 44. */
  itemsMax: 700,
  /** Of an item, bencoded (BEP 44). */
  valueBytesMax: 1000,
  saltBytesMax: 64,
  /** Announces are repeated every quarter to half an hour. */
  peerLifetime: minutes(30),
  /** BEP 44: "MAY expire in 2 hours". */
  itemLifetime: minutes(120),

  /** Peers of one topic from one /24 or /48. */
  peersPerSubnetMax: 16,
  /** Once a store is half full, one /24 or /48 has begun at most this share of it. */
  founderShare: 1 / 16,
  /** Distinct subnets that are remembered to have put an item. */
  puttersMax: 8,

  /** `values` of one answer. */
  valuesMax: 50,
  /** BEP 32: "must not send UDP datagrams with a payload larger than 1024 octets". */
  answerBytesMax: 1024,
  /** An item of BEP 44 may fill 1,000 bytes by itself; this still crosses Ethernet in one piece. */
  itemAnswerBytesMax: 1400,

  /** BEP 51. */
  samplesMax: 20,
  sampleInterval: seconds(21_600),

  /** BEP 5: the secret "changes every five minutes and tokens up to ten minutes old are accepted". */
  tokenEpoch: minutes(5),
  tokenBytes: 8,

  /** In any second. */
  sourceAnswersPerSecond: 5,
  /** A source that asked for as many answers on average over this long is banned. */
  banWindow: seconds(10),
  banTime: minutes(5),
  /** Sources that are remembered at once. */
  sourcesMax: 4096,
  /** All answers together. */
  answerBytesPerSecond: 32_000,
  /** Of which this share waits for sources known to be no forgeries. */
  reserveShare: 1 / 4,
  /** Unused bytes are saved up for this long. */
  budgetBurst: seconds(0.25),

  /** Puts whose signature is being checked; a further one pushes out the oldest, which gets no answer. */
  signatureJobsMax: 64,
} as const;
