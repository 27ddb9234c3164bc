import { type Ms, ms } from "@dure/base";
import type { TokenBucket } from "./token-bucket.ts";

/** Several limits that one byte must pass together: the process's and the torrent's. Buckets may be shared. */
export class SharedLimit {
  readonly #buckets: readonly TokenBucket[];

  constructor(buckets: readonly TokenBucket[]) {
    this.#buckets = buckets;
  }

  get limited(): boolean {
    return this.#buckets.some((bucket) => bucket.limited);
  }

  /** All or none: no bucket pays for bytes that another holds back. */
  take(now: Ms, bytes: number): boolean {
    for (const bucket of this.#buckets) if (!bucket.ready(now, bytes)) return false;
    this.spend(now, bytes);
    return true;
  }

  spend(now: Ms, bytes: number): void {
    for (const bucket of this.#buckets) bucket.spend(now, bytes);
  }

  /** How long until `take` may say yes; others may have taken from a shared bucket by then. */
  waitFor(now: Ms, bytes: number): Ms {
    let wait = 0;
    for (const bucket of this.#buckets) wait = Math.max(wait, bucket.waitFor(now, bytes));
    return ms(wait);
  }
}
