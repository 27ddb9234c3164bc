import { assert, type Ms, ms } from "@dure/base";

/** What a shelf asks of what it holds. */
export interface Shelved {
  /** From our id, as `distancePrefix` has it: smaller is closer. */
  readonly distance: number;
  /** The subnet it came from first; undefined when that does not count. */
  readonly founder: number | undefined;
  /** How many subnets care for it now. */
  readonly subnets: number;
  /** Set by the shelf. */
  touchedAt: Ms;
}

export interface ShelfOptions {
  readonly max: number;
  readonly lifetime: Ms;
  /** Of a shelf that is half full, the most that one founder has. */
  readonly founderShare: number;
}

/**
 * A store of a stated size whose entries live for a stated time after they were last touched. In the order of their
 * touches, so that what expires is always at the front.
 *
 * At the top, the entry that least belongs here makes room: the one fewest subnets care for (by powers of two, so
 * that a few more do not outweigh everything), and among those the one farthest from our id, which others are better
 * placed to hold. A newcomer that belongs here less than that is refused.
 */
export class Shelf<Entry extends Shelved> {
  readonly #options: ShelfOptions;
  readonly #entries = new Map<string, Entry>(); // at most `max`: see `add`
  readonly #foundedBy = new Map<number, number>(); // at most one for each entry
  #worst: { readonly entry: Entry; readonly at: Ms } | undefined;

  constructor(options: ShelfOptions) {
    assert(options.max > 0, "a shelf holds something");
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(now: Ms, key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && now < this.#endOf(entry) ? entry : undefined;
  }

  values(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Whether `add` would take such a newcomer. A full shelf looks for its worst entry once a second, not each time. */
  admits(now: Ms, distance: number, founder: number | undefined): boolean {
    this.wake(now);
    if (!this.#allowsFounder(founder)) return false;
    return this.#entries.size < this.#options.max || ranksBelow(this.#lately(now), newcomer(distance));
  }

  /** True when it was added, which on a full shelf costs the worst entry its place. */
  add(now: Ms, key: string, entry: Entry): boolean {
    assert(!this.#entries.has(key), "a key is added once");
    this.wake(now);
    if (!this.#allowsFounder(entry.founder)) return false;
    if (this.#entries.size >= this.#options.max) {
      const [worstKey, worst] = this.#findWorst();
      if (!ranksBelow(worst, entry)) return false;
      this.#delete(worstKey, worst);
    }
    entry.touchedAt = now;
    this.#entries.set(key, entry);
    if (entry.founder !== undefined) this.#count(entry.founder, 1);
    return true;
  }

  /** Its time begins again. */
  touch(now: Ms, key: string, entry: Entry): void {
    assert(this.#entries.delete(key), "only what is here can be touched");
    entry.touchedAt = now;
    this.#entries.set(key, entry);
    if (this.#worst?.entry === entry) this.#worst = undefined; // more may care for it now
  }

  deadline(): Ms | undefined {
    const first = this.#entries.values().next();
    return first.done ? undefined : this.#endOf(first.value);
  }

  /** Drops what has expired. */
  wake(now: Ms): void {
    for (const [key, entry] of this.#entries) {
      if (now < this.#endOf(entry)) return;
      this.#delete(key, entry);
    }
  }

  #endOf(entry: Entry): Ms {
    return ms(entry.touchedAt + this.#options.lifetime);
  }

  #allowsFounder(founder: number | undefined): boolean {
    const { max, founderShare } = this.#options;
    if (founder === undefined || this.#entries.size * 2 < max) return true;
    return (this.#foundedBy.get(founder) ?? 0) < Math.max(1, Math.floor(max * founderShare));
  }

  #lately(now: Ms): Shelved {
    if (this.#worst === undefined || now - this.#worst.at >= 1000) {
      this.#worst = { entry: this.#findWorst()[1], at: now };
    }
    return this.#worst.entry;
  }

  #findWorst(): [string, Entry] {
    let worst: [string, Entry] | undefined;
    for (const pair of this.#entries) {
      if (worst === undefined || ranksBelow(pair[1], worst[1])) worst = pair;
    }
    assert(worst !== undefined, "a full shelf is not empty");
    return worst;
  }

  #delete(key: string, entry: Entry): void {
    this.#entries.delete(key);
    if (entry.founder !== undefined) this.#count(entry.founder, -1);
    if (this.#worst?.entry === entry) this.#worst = undefined;
  }

  #count(founder: number, change: 1 | -1): void {
    const count = (this.#foundedBy.get(founder) ?? 0) + change;
    if (count === 0) this.#foundedBy.delete(founder);
    else this.#foundedBy.set(founder, count);
  }
}

function newcomer(distance: number): Rank {
  return { distance, subnets: 1 };
}

type Rank = Pick<Shelved, "distance" | "subnets">;

/** Strictly; of equals the one that is there stays. */
function ranksBelow(a: Rank, b: Rank): boolean {
  const difference = careOf(a) - careOf(b);
  return difference < 0 || (difference === 0 && a.distance > b.distance);
}

// 0 for none, 1 for one subnet, 2 for two or three, 3 for four to seven ...
function careOf(entry: Rank): number {
  return 32 - Math.clz32(entry.subnets);
}
