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
  /** Torrents with peers that want something of us, and how many each serves: bounded by the torrents. */
  readonly #slotsWanted = new Set<object>();
  readonly #slotsTaken = new Map<object, number>();
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

  /** Upload slots for one of the torrents that share these limits; undefined where there is no limit of slots. */
  slotsFor(torrent: object, wanted: number): number | undefined {
    const { uploadSlots } = this.#settings;
    this.#slotsWanted.delete(torrent);
    if (wanted > 0) this.#slotsWanted.add(torrent);
    else this.#slotsTaken.delete(torrent);
    if (uploadSlots === undefined) return undefined;
    const share = Math.ceil(uploadSlots / Math.max(1, this.#slotsWanted.size));
    let others = 0;
    for (const [holder, taken] of this.#slotsTaken) if (holder !== torrent) others += taken;
    return Math.max(0, Math.min(share, uploadSlots - others));
  }

  takeSlots(torrent: object, taken: number): void {
    if (taken === 0) this.#slotsTaken.delete(torrent);
    else this.#slotsTaken.set(torrent, taken);
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
