import { assert, type Ms } from "@dure/base";
import { responderLimits } from "./limits.ts";
import type { Source } from "./source.ts";

const { banWindow, banTime, sourcesMax } = responderLimits;
const second = 1000;
const ways = 8;
const setsMax = sourcesMax / ways;

const used = 1;
const six = 2;
const banned = 4;
const proven = 8;

/**
 * How often each source asked of late, in numbers only: nothing is allocated for a packet. Sets of eight places, the
 * set chosen by a hash with a seed of ours; 8 sets at first, doubled when one overflows, at most 4,096 places.
 *
 * Who makes room when a set is full: sources not heard for ten seconds, then those that asked least, and a ban only
 * where all eight are bans, the one longest silent. So forged sources, each asking once or twice, push out one
 * another and not the bans; and a newcomer always finds a place, so that no crowd of bans locks anybody out.
 */
export class SourceTable {
  readonly #answersMax: number;
  readonly #banCount: number;
  readonly #seed: number;
  #sets = 8;
  #size = 0;
  #flags = new Uint8Array(8 * ways);
  #high = new Uint32Array(8 * ways);
  #low = new Uint32Array(8 * ways);
  #seen = new Float64Array(8 * ways);
  /** Beginning of the window in which queries are counted; of a ban, its end. */
  #since = new Float64Array(8 * ways);
  #count = new Uint32Array(8 * ways);
  /** Answers given, and when the last of them were, as a ring. */
  #answers = new Uint32Array(8 * ways);
  #stamps: Float64Array;

  constructor(answersPerSecond: number, seed: number) {
    const sensible = Number.isInteger(answersPerSecond) && answersPerSecond > 0 && answersPerSecond <= 1000;
    assert(sensible, "a source gets 1 to 1,000 answers a second, or any number");
    this.#answersMax = answersPerSecond;
    this.#banCount = (answersPerSecond * banWindow) / second;
    this.#seed = seed | 0;
    this.#stamps = new Float64Array(8 * ways * answersPerSecond);
  }

  get size(): number {
    return this.#size;
  }

  isBanned(now: Ms, source: Source): boolean {
    const place = this.#find(source);
    if (place < 0 || !this.#hasBan(place, now)) return false;
    this.#seen[place] = now; // still asking: the ban must not look forgotten
    return true;
  }

  /** Whether the source has brought back a token, so that it does receive what is sent to it. */
  isProven(source: Source): boolean {
    const place = this.#find(source);
    return place >= 0 && (this.#flagsAt(place) & proven) !== 0;
  }

  prove(source: Source): void {
    const place = this.#find(source);
    if (place >= 0) this.#flags[place] = this.#flagsAt(place) | proven;
  }

  /** Counts a query. True when it may be answered, and then the answer is counted too. */
  count(now: Ms, source: Source): boolean {
    const place = this.#placeOf(now, source);
    this.#seen[place] = now;
    if (this.#hasBan(place, now)) return false;
    if (now - at(this.#since, place) >= banWindow) {
      this.#since[place] = now;
      this.#count[place] = 0;
    }
    const count = at(this.#count, place) + 1;
    this.#count[place] = count;
    if (count > this.#banCount) {
      this.#flags[place] = this.#flagsAt(place) | banned;
      this.#since[place] = now + banTime;
      return false;
    }
    const answers = at(this.#answers, place);
    const slot = place * this.#answersMax + (answers % this.#answersMax);
    if (answers >= this.#answersMax && now - at(this.#stamps, slot) < second) return false;
    this.#stamps[slot] = now;
    // Counting on from N and not from zero keeps "the ring is full" after the number has gone round.
    this.#answers[place] = answers + 1 === 2 * this.#answersMax ? this.#answersMax : answers + 1;
    return true;
  }

  #hasBan(place: number, now: Ms): boolean {
    if ((this.#flagsAt(place) & banned) === 0) return false;
    if (now < at(this.#since, place)) return true;
    this.#flags[place] = this.#flagsAt(place) & ~banned;
    this.#since[place] = now;
    this.#count[place] = 0;
    return false;
  }

  #find(source: Source): number {
    const wanted = source.family === 6 ? used | six : used;
    const start = this.#setOf(source.banHigh, source.banLow) * ways;
    for (let place = start; place < start + ways; place += 1) {
      const same = at(this.#high, place) === source.banHigh && at(this.#low, place) === source.banLow;
      if (same && (this.#flagsAt(place) & (used | six)) === wanted) return place;
    }
    return -1;
  }

  #placeOf(now: Ms, source: Source): number {
    const found = this.#find(source);
    if (found >= 0) return found;
    let place = this.#leastWorth(now, source);
    while (this.#worth(now, place) >= 0 && this.#sets < setsMax) {
      this.#grow();
      place = this.#leastWorth(now, source);
    }
    if (this.#flagsAt(place) === 0) this.#size += 1;
    this.#flags[place] = source.family === 6 ? used | six : used;
    this.#high[place] = source.banHigh;
    this.#low[place] = source.banLow;
    this.#since[place] = now;
    this.#count[place] = 0;
    this.#answers[place] = 0;
    return place;
  }

  #leastWorth(now: Ms, source: Source): number {
    const start = this.#setOf(source.banHigh, source.banLow) * ways;
    let least = start;
    let leastWorth = this.#worth(now, start);
    for (let place = start + 1; place < start + ways; place += 1) {
      const worth = this.#worth(now, place);
      const older = at(this.#seen, place) < at(this.#seen, least);
      if (worth < leastWorth || (worth === leastWorth && older)) {
        least = place;
        leastWorth = worth;
      }
    }
    return least;
  }

  /** Negative: nothing is lost with it. */
  #worth(now: Ms, place: number): number {
    const flags = this.#flagsAt(place);
    if (flags === 0) return -2;
    if (this.#hasBan(place, now)) return Number.POSITIVE_INFINITY;
    if (now - at(this.#seen, place) >= banWindow) return -1;
    return at(this.#count, place) + ((flags & proven) !== 0 ? this.#banCount : 0);
  }

  // Twice the sets by one more bit of the hash: each set splits in two, so nothing is lost.
  #grow(): void {
    const old = {
      flags: this.#flags,
      high: this.#high,
      low: this.#low,
      seen: this.#seen,
      since: this.#since,
      count: this.#count,
      answers: this.#answers,
      stamps: this.#stamps,
    };
    const places = this.#sets * ways;
    this.#sets *= 2;
    this.#flags = new Uint8Array(2 * places);
    this.#high = new Uint32Array(2 * places);
    this.#low = new Uint32Array(2 * places);
    this.#seen = new Float64Array(2 * places);
    this.#since = new Float64Array(2 * places);
    this.#count = new Uint32Array(2 * places);
    this.#answers = new Uint32Array(2 * places);
    this.#stamps = new Float64Array(2 * places * this.#answersMax);
    for (let from = 0; from < places; from += 1) {
      if (old.flags[from] === 0) continue;
      let to = this.#setOf(at(old.high, from), at(old.low, from)) * ways;
      while (this.#flags[to] !== 0) to += 1; // at most the seven others that came from the same set
      this.#flags[to] = at(old.flags, from);
      this.#high[to] = at(old.high, from);
      this.#low[to] = at(old.low, from);
      this.#seen[to] = at(old.seen, from);
      this.#since[to] = at(old.since, from);
      this.#count[to] = at(old.count, from);
      this.#answers[to] = at(old.answers, from);
      const ring = from * this.#answersMax;
      this.#stamps.set(old.stamps.subarray(ring, ring + this.#answersMax), to * this.#answersMax);
    }
  }

  // Murmur3's finish. Strangers see no trace of the table, so a seed they do not know is all the secrecy it needs.
  #setOf(high: number, low: number): number {
    let hash = (high ^ this.#seed) | 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ low, 0xc2b2_ae35);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
    return (hash ^ (hash >>> 13)) & (this.#sets - 1);
  }

  #flagsAt(place: number): number {
    return at(this.#flags, place);
  }
}

function at(values: Uint8Array | Uint32Array | Float64Array, index: number): number {
  return values[index] ?? 0; // every index is inside; the types cannot say so, and an assertion would be most of the work
}
