import { assert, type Ms, ms } from "@dure/base";

export interface Bucket {
  /** Bytes a second; undefined when there is no limit. Zero lets nothing through. */
  readonly rate: number | undefined;
  /** Bytes that may go at once after a rest; by default a quarter of a second's worth, at least 32 KiB. */
  readonly burst?: number;
}

/** Two blocks: less would stop a slow transfer between the two halves of each. */
const burstMin = 32_768;
/** Rounding of thousands of small refills must not make a deadline come a hair too early. */
const slack = 1e-3;

/**
 * A rate as a bucket of bytes that fills by the clock. What is larger than the bucket goes when the bucket is full,
 * and is paid off afterwards, so that one block always gets through and the mean stays the rate.
 */
export class TokenBucket {
  #rate: number;
  #burst: number;
  #tokens: number;
  #filledAt: Ms;

  /** Full to begin with. */
  constructor(bucket: Bucket) {
    this.#rate = rateOf(bucket);
    this.#burst = burstOf(bucket);
    this.#tokens = this.#burst;
    this.#filledAt = ms(Number.NEGATIVE_INFINITY);
  }

  get limited(): boolean {
    return this.#rate !== Number.POSITIVE_INFINITY;
  }

  /** Another rate from now on; what was saved or owed is kept as far as the new burst allows. */
  set(now: Ms, bucket: Bucket): void {
    this.#fill(now);
    this.#rate = rateOf(bucket);
    this.#burst = burstOf(bucket);
    this.#tokens = Math.min(this.#tokens, this.#burst);
  }

  /** May `bytes` go now? If so they are counted. */
  take(now: Ms, bytes: number): boolean {
    if (!this.ready(now, bytes)) return false;
    this.spend(now, bytes);
    return true;
  }

  /** Would `take` say yes? */
  ready(now: Ms, bytes: number): boolean {
    if (!this.limited) return true;
    this.#fill(now);
    return this.#rate > 0 && this.#tokens + slack >= Math.min(bytes, this.#burst);
  }

  /** Bytes that may go now; what is owed counts as none. */
  available(now: Ms): number {
    if (!this.limited) return Number.POSITIVE_INFINITY;
    this.#fill(now);
    return this.#rate === 0 ? 0 : Math.max(0, Math.floor(this.#tokens + slack));
  }

  /** Counts bytes that have gone without asking: what a peer sent us cannot be unsent. */
  spend(now: Ms, bytes: number): void {
    if (!this.limited) return;
    this.#fill(now);
    this.#tokens -= bytes;
  }

  /** How long until `take` says yes; Infinity at rate zero. */
  waitFor(now: Ms, bytes: number): Ms {
    if (this.ready(now, bytes)) return ms(0);
    if (this.#rate === 0) return ms(Number.POSITIVE_INFINITY);
    const missing = Math.min(bytes, this.#burst) - this.#tokens;
    return ms(Math.ceil((missing / this.#rate) * 1000));
  }

  #fill(now: Ms): void {
    if (now <= this.#filledAt) return;
    // At rate zero nothing is gained, not even since the beginning of time.
    const gained = this.#rate === 0 ? 0 : ((now - this.#filledAt) * this.#rate) / 1000;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#filledAt = now;
  }
}

function rateOf(bucket: Bucket): number {
  const rate = bucket.rate ?? Number.POSITIVE_INFINITY;
  assert(rate >= 0, "a rate is not negative");
  return rate;
}

function burstOf(bucket: Bucket): number {
  const burst = bucket.burst ?? Math.max(burstMin, (bucket.rate ?? 0) / 4);
  assert(burst > 0, "a bucket holds something");
  return burst;
}
