import { assert } from "@dure/base";

export interface SlotsOptions {
  readonly min: number;
  readonly start: number;
  readonly max: number;
}

export interface SlotsRound {
  /** Bytes a second we may send; undefined when there is no limit. */
  readonly limit: number | undefined;
  /** Bytes a second we sent since the last round. */
  readonly upRate: number;
  /** Interested peers that are choked, in all torrents that share the slots. */
  readonly waiting: number;
}

export const slotsDefault: SlotsOptions = { min: 2, start: 8, max: 64 };

/** A slot below this rate gives its peer a block every three seconds: too slow to be worth reciprocating. */
const slotBytesPerSecondMin = 5000;
/** Of the limit: below it capacity lies idle, above it the limit is what slows us. */
const idleBelow = 0.9;
/** Rounds (of ten seconds) that a raise has to show that it helped, and that a useless one is not repeated. */
const roundsToShow = 3;
const roundsToRest = 30;

/**
 * How many upload slots, when the user did not say: eight, fewer where a low limit would make them too slow, more
 * while peers wait and capacity is idle. Without a limit nobody can tell us the capacity, so it is found by trying:
 * one slot more stays when the rate rose with it.
 */
export class AutomaticSlots {
  readonly #options: SlotsOptions;
  #slots: number;
  #trial: { readonly rateBefore: number; rounds: number } | undefined;
  #rest = 0;

  constructor(options: SlotsOptions = slotsDefault) {
    assert(
      options.min >= 1 && options.min <= options.start && options.start <= options.max,
      "min ≤ start ≤ max",
    );
    this.#options = options;
    this.#slots = options.start;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Once each choking round; the slots for the round that begins. */
  round(round: SlotsRound): number {
    this.#slots = this.#clamp(
      round.limit === undefined ? this.#explore(round) : this.#fit(round, round.limit),
    );
    return this.#slots;
  }

  #fit(round: SlotsRound, limit: number): number {
    this.#trial = undefined;
    const affordable = Math.floor(limit / slotBytesPerSecondMin);
    const idle = round.upRate < limit * idleBelow;
    if (round.waiting > 0 && idle) return Math.min(this.#slots + 1, affordable);
    if (!idle && this.#slots > this.#options.start) return Math.min(this.#slots - 1, affordable);
    return Math.min(Math.max(this.#slots, this.#options.start), affordable);
  }

  #explore(round: SlotsRound): number {
    if (this.#trial !== undefined) return this.#judge(this.#trial, round);
    if (this.#rest > 0) this.#rest -= 1;
    if (this.#rest > 0 || round.waiting === 0) return Math.max(this.#slots, this.#options.start);
    if (this.#slots >= this.#options.max) return this.#slots;
    this.#trial = { rateBefore: round.upRate, rounds: 0 };
    return Math.max(this.#slots, this.#options.start) + 1;
  }

  #judge(trial: { readonly rateBefore: number; rounds: number }, round: SlotsRound): number {
    trial.rounds += 1;
    // A slot more out of n should carry about 1/n more; half of that is a rise and not noise.
    const helped = round.upRate > trial.rateBefore * (1 + 1 / (2 * this.#slots));
    if (helped) this.#trial = undefined;
    if (helped || trial.rounds < roundsToShow) return this.#slots;
    this.#trial = undefined;
    this.#rest = roundsToRest;
    return this.#slots - 1;
  }

  #clamp(slots: number): number {
    return Math.min(Math.max(slots, this.#options.min), this.#options.max);
  }
}
