import { type Ms, ms } from "@dure/base";

const lookEvery = ms(10_000);
/** A swarm that has just met may hold seeds that we have not met. */
const aloneFor = ms(30_000);

export interface LoneSeedFacts {
  /** We had everything when the torrent started. */
  readonly initialSeed: boolean;
  /** Peers that are connected. */
  readonly peersCount: number;
  /** Whole copies in the swarm that we see, ours among them. */
  readonly copies: number;
  /** Seeds we have heard of, ourselves not among them. */
  readonly otherSeeds: number;
}

/** Notices that we alone hold what others want, when super-seeding would be the better way. Says so once. */
export class LoneSeed {
  #lookAt: Ms = ms(0);
  #since: Ms | undefined;
  #said = false;

  /** The facts are wanted: they cost a look at every piece. */
  due(now: Ms): boolean {
    return !this.#said && now >= this.#lookAt;
  }

  /** True when it is to be suggested. */
  look(now: Ms, facts: LoneSeedFacts): boolean {
    this.#lookAt = ms(now + lookEvery);
    const { initialSeed, peersCount, copies, otherSeeds } = facts;
    const alone = initialSeed && peersCount > 1 && copies < 2 && otherSeeds === 0;
    if (!alone) this.#since = undefined;
    else this.#since ??= now;
    this.#said ||= this.#since !== undefined && now - this.#since >= aloneFor;
    return this.#said;
  }
}
