import {
  type Address,
  assert,
  at,
  type Family,
  familyOf,
  formatAddress,
  type Ms,
  type PeerId,
  type Prng,
} from "@dure/base";

export interface SwarmPeer extends Address {
  readonly peerId: PeerId;
}

interface Asking {
  readonly address: Address;
  readonly seed: boolean;
  readonly families: readonly Family[];
}

type Part = "all" | "leechers" | "seeds";

interface Entry extends SwarmPeer {
  readonly key: string;
  readonly family: Family;
  seed: boolean;
  seenAt: Ms;
  /** Where it stands in its family's list. */
  index: number;
}

/**
 * The peers of one torrent.
 *
 * - One entry for an (ip, port), in `#entries` from the longest unseen to the one seen last.
 * - Each entry stands in its family's list at its `index`: leechers first, then seeds, so that a sample of
 *   either costs only its own size.
 */
export class Swarm {
  readonly #entries = new Map<string, Entry>(); // bounded by the book, through `put`
  readonly #lists = { 4: new PartedList(), 6: new PartedList() };
  /** How often it was completed by a peer that was seen downloading. */
  downloaded = 0;

  get size(): number {
    return this.#entries.size;
  }

  get seeders(): number {
    return this.#lists[4].countOf("seeds") + this.#lists[6].countOf("seeds");
  }

  get leechers(): number {
    return this.size - this.seeders;
  }

  has(address: Address): boolean {
    return this.#entries.has(formatAddress(address));
  }

  /** True when the peer was known as a leecher and is a seed now. */
  put(now: Ms, peer: SwarmPeer, seed: boolean): boolean {
    const key = formatAddress(peer);
    const known = this.#entries.get(key);
    if (known !== undefined) this.#drop(known);
    const { ip, port, peerId } = peer;
    const entry: Entry = { ip, port, peerId, key, family: familyOf(ip), seed, seenAt: now, index: 0 };
    this.#entries.set(key, entry);
    this.#lists[entry.family].add(entry);
    return known?.seed === false && seed;
  }

  delete(address: Address): boolean {
    const entry = this.#entries.get(formatAddress(address));
    if (entry !== undefined) this.#drop(entry);
    return entry !== undefined;
  }

  /** Forgets peers that were last seen before `before`; says how many. */
  expire(before: Ms): number {
    let count = 0;
    for (const entry of this.#entries.values()) {
      if (entry.seenAt >= before) break;
      this.#drop(entry);
      count += 1;
    }
    return count;
  }

  /**
   * Up to `count` peers, each subset as likely as any other. Seeds hear of leechers first, and of seeds only where
   * leechers are few: aria2 says `left=0` before it knows a magnet link's metadata, and would else find no seed.
   */
  sample(count: number, asking: Asking, prng: Prng): SwarmPeer[] {
    if (!asking.seed) return this.#draw(count, asking, "all", prng);
    const leechers = this.#draw(count, asking, "leechers", prng);
    return [...leechers, ...this.#draw(count - leechers.length, asking, "seeds", prng)];
  }

  #draw(count: number, asking: Asking, part: Part, prng: Prng): SwarmPeer[] {
    const lists = asking.families.map((family) => this.#lists[family]);
    const total = lists.reduce((sum, list) => sum + list.countOf(part), 0);
    const self = formatAddress(asking.address);
    const peers: SwarmPeer[] = [];
    // One more than wanted, since one of them may be the peer that asks.
    for (let index of sampleIndices(total, count + 1, prng)) {
      let list = 0;
      while (index >= at(lists, list).countOf(part)) {
        index -= at(lists, list).countOf(part);
        list += 1;
      }
      const entry = at(lists, list).at(part, index);
      if (entry.key !== self && peers.length < count) peers.push(entry);
    }
    return peers;
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#lists[entry.family].remove(entry);
  }
}

/** Entries without gaps, leechers before seeds. */
class PartedList {
  readonly #items: Entry[] = []; // bounded by the swarm
  #leechers = 0;

  countOf(part: Part): number {
    if (part === "all") return this.#items.length;
    return part === "leechers" ? this.#leechers : this.#items.length - this.#leechers;
  }

  at(part: Part, index: number): Entry {
    return at(this.#items, part === "seeds" ? this.#leechers + index : index);
  }

  add(entry: Entry): void {
    this.#items.push(entry);
    entry.index = this.#items.length - 1;
    if (entry.seed) return;
    this.#exchange(entry.index, this.#leechers);
    this.#leechers += 1;
  }

  remove(entry: Entry): void {
    assert(this.#items[entry.index] === entry, "an entry stands at its index");
    if (!entry.seed) {
      this.#leechers -= 1;
      this.#exchange(entry.index, this.#leechers);
    }
    this.#exchange(entry.index, this.#items.length - 1);
    this.#items.pop();
  }

  #exchange(a: number, b: number): void {
    const first = at(this.#items, a);
    const second = at(this.#items, b);
    this.#items[a] = second;
    this.#items[b] = first;
    second.index = a;
    first.index = b;
  }
}

/** Up to `count` distinct indices below `bound`, in as many steps (Floyd) and in an order that says nothing. */
function sampleIndices(bound: number, count: number, prng: Prng): number[] {
  const chosen = new Set<number>();
  for (let top = Math.max(0, bound - count); top < bound; top += 1) {
    const index = prng.below(top + 1);
    chosen.add(chosen.has(index) ? top : index);
  }
  return prng.shuffle([...chosen]);
}
