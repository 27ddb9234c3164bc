import type { Family, Ms, Prng } from "@dure/base";
import type { DhtKey } from "../../krpc/index.ts";
import { InfohashSample, type Sample } from "./infohash-sample.ts";
import { copyOf, distancePrefix, keyText } from "./key-bytes.ts";
import { responderLimits } from "./limits.ts";
import type { PeerChoice } from "./peer-list.ts";
import { Shelf } from "./shelf.ts";
import type { Source } from "./source.ts";
import { type Blooms, Topic } from "./topic.ts";

const { founderShare, peerLifetime } = responderLimits;

export interface TopicStoreOptions {
  readonly topicsMax: number;
  readonly peersPerTopicMax: number;
  readonly prng: Prng;
}

export interface Announce {
  readonly infoHash: DhtKey;
  /** Of the endpoint it came to: how close a topic is counts from there. */
  readonly ownId: DhtKey;
  readonly port: number;
  readonly seed: boolean;
}

/**
 * Who announced what (`announce_peer`). Bounds: 2,000 topics of at most 500 peers. A record is 11 or 23 bytes, and an
 * array of them has at most 512 places: 24 MB if all peers are of IPv6, 35 MB if families take turns in filling.
 */
export class TopicStore {
  readonly #options: TopicStoreOptions;
  readonly #topics: Shelf<Topic>;
  readonly #sample: InfohashSample;

  constructor(options: TopicStoreOptions) {
    this.#options = options;
    this.#topics = new Shelf({ max: options.topicsMax, lifetime: peerLifetime, founderShare });
    this.#sample = new InfohashSample(options.prng);
  }

  get topicsCount(): number {
    return this.#topics.size;
  }

  get peersCount(): number {
    let count = 0;
    for (const topic of this.#topics.values()) count += topic.peersCount;
    return count;
  }

  /** Memory held by the peers, for those who count it. */
  get bytes(): number {
    let bytes = 0;
    for (const topic of this.#topics.values()) bytes += topic.bytes;
    return bytes;
  }

  /** Whether an announce would be kept: if not, who asks gets no token (BEP 33). */
  admits(now: Ms, source: Source, infoHash: DhtKey, ownId: DhtKey): boolean {
    const topic = this.#topics.get(now, keyText(infoHash));
    if (topic !== undefined) return topic.admits(now, source);
    return this.#topics.admits(now, distancePrefix(infoHash, ownId), founderOf(source));
  }

  /** False when there is no place for it. */
  announce(now: Ms, source: Source, announce: Announce): boolean {
    const key = keyText(announce.infoHash);
    const topic = this.#topics.get(now, key);
    if (topic !== undefined) {
      if (!topic.announce(now, source, announce.port, announce.seed)) return false;
      this.#topics.touch(now, key, topic);
      return true;
    }
    this.#topics.wake(now); // an expired topic of this key is no longer in the way
    const founded = new Topic({
      key: copyOf(announce.infoHash),
      distance: distancePrefix(announce.infoHash, announce.ownId),
      founder: founderOf(source),
      peersMax: this.#options.peersPerTopicMax,
    });
    founded.announce(now, source, announce.port, announce.seed);
    return this.#topics.add(now, key, founded);
  }

  /** Some live peers of one family, compact; empty when there are none. */
  peers(infoHash: DhtKey, family: Family, choice: Omit<PeerChoice, "prng">): Uint8Array {
    const topic = this.#topics.get(choice.now, keyText(infoHash));
    return topic === undefined ? none : topic.choose(family, { ...choice, prng: this.#options.prng });
  }

  /** BEP 33; undefined when nothing is stored. */
  blooms(now: Ms, infoHash: DhtKey): Blooms | undefined {
    return this.#topics.get(now, keyText(infoHash))?.blooms(now);
  }

  /** BEP 51. */
  sample(now: Ms): Sample {
    this.#topics.wake(now);
    return this.#sample.take(now, this.#topics);
  }

  deadline(): Ms | undefined {
    return this.#topics.deadline();
  }

  wake(now: Ms): void {
    this.#topics.wake(now);
  }
}

const none = new Uint8Array();

function founderOf(source: Source): number | undefined {
  return source.exempt ? undefined : source.subnet;
}
