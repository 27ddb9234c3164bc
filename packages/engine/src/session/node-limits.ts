import { type Ms, ms } from "@dure/base";
import { type Bucket, TokenBucket } from "../limits/index.ts";

export interface LimitSettings {
  /** Bytes a second; undefined is no limit. */
  readonly downRateMax: number | undefined;
  readonly upRateMax: number | undefined;
  readonly connectionsMax: number;
  /** Undefined: found from the rate and from what is used. */
  readonly uploadSlots: number | undefined;
}

export const nodeLimitsDefault: LimitSettings = {
  downRateMax: undefined,
  upRateMax: undefined,
  connectionsMax: 200,
  uploadSlots: undefined,
};

/** Connections that have been asked for and not yet answered: more would only fill a home router's tables. */
const halfOpenMax = 30;

/** Rates and counts of a node or of one torrent. The same class serves both, as both are spent alike. */
export class Limits {
  #settings: LimitSettings;
  readonly #down: TokenBucket;
  readonly #up: TokenBucket;
  connections = 0;
  halfOpen = 0;

  constructor(settings: LimitSettings) {
    this.#settings = settings;
    this.#down = new TokenBucket(bucketOf(settings.downRateMax));
    this.#up = new TokenBucket(bucketOf(settings.upRateMax));
  }

  get settings(): LimitSettings {
    return this.#settings;
  }

  set(now: Ms, settings: LimitSettings): void {
    this.#settings = settings;
    this.#down.set(now, bucketOf(settings.downRateMax));
    this.#up.set(now, bucketOf(settings.upRateMax));
  }

  get mayConnect(): boolean {
    return this.connections + this.halfOpen < this.#settings.connectionsMax && this.halfOpen < halfOpenMax;
  }

  get mayAccept(): boolean {
    return this.connections < this.#settings.connectionsMax;
  }

  downAllowance(now: Ms): number {
    return this.#down.available(now);
  }

  upAllowance(now: Ms): number {
    return this.#up.available(now);
  }

  spendDown(now: Ms, bytes: number): void {
    this.#down.spend(now, bytes);
  }

  spendUp(now: Ms, bytes: number): void {
    this.#up.spend(now, bytes);
  }
}

/** A tenth of a second's worth may go at once, but never less than two blocks. */
function bucketOf(rate: number | undefined): Bucket {
  return rate === undefined ? { rate } : { rate, burst: Math.max(rate / 10, 32_768) };
}

/** A transfer that waits for its rate looks again after this. */
export const limitRetry = ms(50);
