import { type Ms, ms, type Prng } from "@dure/base";
import type { DhtKey } from "../../krpc/index.ts";
import { keyText } from "./key-bytes.ts";
import { responderLimits } from "./limits.ts";
import type { Shelf, Shelved } from "./shelf.ts";

const { samplesMax, sampleInterval } = responderLimits;

export interface Sample {
  readonly infoHashes: readonly DhtKey[];
  /** Until asking again may give others. */
  readonly wait: Ms;
}

/**
 * BEP 51: up to 20 info-hashes, the same ones for six hours, so that asking more often gives nothing new. What has
 * expired meanwhile is left out. A new sample is drawn early when the store had fewer than 20 and has more now, or
 * when more than half of the sample is gone.
 */
export class InfohashSample {
  readonly #prng: Prng;
  #drawn: readonly DhtKey[] = [];
  #until = ms(Number.NEGATIVE_INFINITY);

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  take(now: Ms, topics: Shelf<Shelved & { readonly key: DhtKey }>): Sample {
    const live = this.#drawn.filter((key) => topics.get(now, keyText(key)) !== undefined);
    const lacking = live.length < Math.min(samplesMax, topics.size);
    const early = lacking && (this.#drawn.length < samplesMax || live.length * 2 < samplesMax);
    if (now < this.#until && !early) return { infoHashes: live, wait: ms(this.#until - now) };
    this.#drawn = this.#draw(topics);
    this.#until = ms(now + sampleInterval);
    return { infoHashes: this.#drawn, wait: sampleInterval };
  }

  // Algorithm R: each is kept with the same chance, in one pass.
  #draw(topics: Shelf<Shelved & { readonly key: DhtKey }>): readonly DhtKey[] {
    const drawn: DhtKey[] = [];
    let seen = 0;
    for (const topic of topics.values()) {
      seen += 1;
      if (drawn.length < samplesMax) drawn.push(topic.key);
      else {
        const place = this.#prng.below(seen);
        if (place < samplesMax) drawn[place] = topic.key;
      }
    }
    return drawn;
  }
}
