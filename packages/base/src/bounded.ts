import { assert } from "./assert.ts";

export interface Bound {
  /** Most entries held at once. */
  readonly max: number;
  /** What a new key meets at the top: it is refused, or it pushes out the oldest. */
  readonly full: "refuse" | "drop-oldest";
}

/** A map that cannot grow past its ceiling. Iterates oldest first. */
export class BoundedMap<Key, Value> {
  readonly #map = new Map<Key, Value>();
  readonly #bound: Bound;

  constructor(bound: Bound) {
    assert(bound.max > 0, "a bounded map holds at least one entry");
    this.#bound = bound;
  }

  get size(): number {
    return this.#map.size;
  }

  get full(): boolean {
    return this.#map.size >= this.#bound.max;
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key);
  }

  has(key: Key): boolean {
    return this.#map.has(key);
  }

  /** False when the map is full and refuses new keys. */
  set(key: Key, value: Value): boolean {
    if (!this.#map.has(key) && this.full) {
      if (this.#bound.full === "refuse") return false;
      const oldest = this.#map.keys().next();
      if (!oldest.done) this.#map.delete(oldest.value);
    }
    this.#map.set(key, value);
    return true;
  }

  delete(key: Key): boolean {
    return this.#map.delete(key);
  }

  clear(): void {
    this.#map.clear();
  }

  keys(): IterableIterator<Key> {
    return this.#map.keys();
  }

  values(): IterableIterator<Value> {
    return this.#map.values();
  }

  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#map[Symbol.iterator]();
  }
}

/** A set that cannot grow past its ceiling. Iterates oldest first. */
export class BoundedSet<Key> {
  readonly #map: BoundedMap<Key, true>;

  constructor(bound: Bound) {
    this.#map = new BoundedMap(bound);
  }

  get size(): number {
    return this.#map.size;
  }

  has(key: Key): boolean {
    return this.#map.has(key);
  }

  /** False when the set is full and refuses new keys. */
  add(key: Key): boolean {
    return this.#map.set(key, true);
  }

  delete(key: Key): boolean {
    return this.#map.delete(key);
  }

  clear(): void {
    this.#map.clear();
  }

  [Symbol.iterator](): IterableIterator<Key> {
    return this.#map.keys();
  }
}
