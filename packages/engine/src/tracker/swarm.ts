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
    return this.#lists[4].seeds + this.#lists[6].seeds;
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

  /** Up to `count` peers, each subset as likely as any other; seeds have no use for seeds. */
  sample(
    count: number,
    asking: { readonly address: Address; readonly seed: boolean; readonly families: readonly Family[] },
    prng: Prng,
  ): SwarmPeer[] {
    const lists = asking.families.map((family) => this.#lists[family]);
    const sizes = lists.map((list) => (asking.seed ? list.leechers : list.size));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const self = formatAddress(asking.address);
    const peers: SwarmPeer[] = [];
    for (const chosen of sampleIndices(total, count + 1, prng)) {
      let index = chosen;
      let list = 0;
      while (index >= at(sizes, list)) {
        index -= at(sizes, list);
        list += 1;
      }
      const entry = at(lists, list).at(index);
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
  leechers = 0;

  get size(): number {
    return this.#items.length;
  }

  get seeds(): number {
    return this.#items.length - this.leechers;
  }

  at(index: number): Entry {
    return at(this.#items, index);
  }

  add(entry: Entry): void {
    this.#items.push(entry);
    entry.index = this.#items.length - 1;
    if (entry.seed) return;
    this.#exchange(entry.index, this.leechers);
    this.leechers += 1;
  }

  remove(entry: Entry): void {
    assert(this.#items[entry.index] === entry, "an entry stands at its index");
    if (!entry.seed) {
      this.leechers -= 1;
      this.#exchange(entry.index, this.leechers);
    }
    this.#exchange(entry.index, this.#items.length - 1);
    this.#items.pop();
  }

  #exchange(a: number, b: number): void {
    const first = this.at(a);
    const second = this.at(b);
    this.#items[a] = second;
    this.#items[b] = first;
    second.index = a;
    first.index = b;
  }
}

/** Up to `count` distinct indices below `bound` in `count` steps (Floyd), in an order that says nothing. */
function sampleIndices(bound: number, count: number, prng: Prng): number[] {
  const chosen = new Set<number>();
  for (let top = Math.max(0, bound - count); top < bound; top += 1) {
    const index = prng.below(top + 1);
    chosen.add(chosen.has(index) ? top : index);
  }
  return prng.shuffle([...chosen]);
}
