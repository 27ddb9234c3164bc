import { assert, at, type Prng } from "@dure/base";

/** What a peer holds. Seeds have no bitfield, so that 200 of them cost nothing. */
export interface Holdings {
  has(piece: number): boolean;
  /** How many pieces it holds. */
  readonly count: number;
}

/** 0: not wanted. 1 to 7: the higher, the sooner. 4 is what a file has unless the user says otherwise. */
export type Priority = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
export const priorityNormal: Priority = 4;

const availabilityBuckets = 64; // copies beyond 63 are all the same to a picker
const bucketsCount = 8 * availabilityBuckets;

/**
 * Pieces that nobody has started, grouped by priority, then by how many peers (seeds not counted) hold them.
 *
 * Invariants: a piece is in the bucket of its priority and availability exactly when it is listed;
 * `#position[piece]` is its place there, or -1. All changes are O(1).
 */
export class Rarity {
  readonly #availability: Uint16Array;
  readonly #priority: Uint8Array;
  readonly #position: Int32Array;
  readonly #buckets: number[][] = [];
  /** Listed pieces of each priority: most priorities are empty, and are not searched. */
  readonly #listed = new Uint32Array(8);
  #size = 0;

  constructor(pieceCount: number) {
    this.#availability = new Uint16Array(pieceCount);
    this.#priority = new Uint8Array(pieceCount).fill(priorityNormal);
    this.#position = new Int32Array(pieceCount).fill(-1);
    for (let index = 0; index < bucketsCount; index += 1) this.#buckets.push([]);
  }

  /** How many pieces wait to be started. */
  get size(): number {
    return this.#size;
  }

  availability(piece: number): number {
    return at(this.#availability, piece);
  }

  priority(piece: number): Priority {
    return at(this.#priority, piece) as Priority; // only `setPriority` writes it
  }

  listed(piece: number): boolean {
    return at(this.#position, piece) >= 0;
  }

  /** From now on the piece may be picked. */
  list(piece: number): void {
    assert(this.priority(piece) > 0 && !this.listed(piece), "only a wanted piece is listed, once");
    const bucket = this.#bucketOf(piece);
    this.#position[piece] = bucket.length;
    bucket.push(piece);
    this.#count(piece, 1);
  }

  unlist(piece: number): void {
    const position = at(this.#position, piece);
    if (position < 0) return;
    const bucket = this.#bucketOf(piece);
    const last = at(bucket, bucket.length - 1);
    bucket[position] = last;
    this.#position[last] = position;
    bucket.pop();
    this.#position[piece] = -1;
    this.#count(piece, -1);
  }

  setPriority(piece: number, priority: Priority): void {
    const listed = this.listed(piece);
    this.unlist(piece);
    this.#priority[piece] = priority;
    if (listed && priority > 0) this.list(piece);
  }

  /** One more (+1) or one fewer (-1) peer holds the piece. */
  change(piece: number, by: 1 | -1): void {
    const listed = this.listed(piece);
    this.unlist(piece);
    this.#availability[piece] = at(this.#availability, piece) + by;
    if (listed) this.list(piece);
  }

  /** The rarest of the most wanted pieces that the peer holds; a random one among equals. */
  rarest(peer: Holdings, prng: Prng): number | undefined {
    for (let priority = 7; priority > 0; priority -= 1) {
      if (this.#listed[priority] === 0) continue;
      for (let copies = 0; copies < availabilityBuckets; copies += 1) {
        const bucket = at(this.#buckets, priority * availabilityBuckets + copies);
        const piece = anyHeld(bucket, peer, prng);
        if (piece !== undefined) return piece;
      }
    }
    return undefined;
  }

  /** Any of the most wanted pieces that the peer holds, however common: for the first few pieces. */
  random(peer: Holdings, prng: Prng): number | undefined {
    for (let priority = 7; priority > 0; priority -= 1) {
      if (this.#listed[priority] === 0) continue;
      const first = priority * availabilityBuckets;
      const start = prng.below(availabilityBuckets);
      for (let step = 0; step < availabilityBuckets; step += 1) {
        const bucket = at(this.#buckets, first + ((start + step) % availabilityBuckets));
        const piece = anyHeld(bucket, peer, prng);
        if (piece !== undefined) return piece;
      }
    }
    return undefined;
  }

  /** The lowest listed piece from `from` on that the peer holds, looking at most at `window` pieces. */
  lowest(peer: Holdings, from: number, window: number): number | undefined {
    const end = Math.min(this.#position.length, from + window);
    for (let piece = from; piece < end; piece += 1) if (this.listed(piece) && peer.has(piece)) return piece;
    return undefined;
  }

  /** Copies of the whole that the peers other than seeds hold together: whole copies and the share above them. */
  distributedCopies(have: (piece: number) => boolean): number {
    if (this.#availability.length === 0) return 0;
    const copiesOf = (piece: number) => at(this.#availability, piece) + (have(piece) ? 1 : 0);
    let lowest = Number.MAX_SAFE_INTEGER;
    for (let piece = 0; piece < this.#availability.length; piece += 1)
      lowest = Math.min(lowest, copiesOf(piece));
    let above = 0;
    for (let piece = 0; piece < this.#availability.length; piece += 1)
      if (copiesOf(piece) > lowest) above += 1;
    return lowest + above / this.#availability.length;
  }

  #count(piece: number, by: 1 | -1): void {
    const priority = this.priority(piece);
    this.#listed[priority] = at(this.#listed, priority) + by;
    this.#size += by;
  }

  #bucketOf(piece: number): number[] {
    const copies = Math.min(this.availability(piece), availabilityBuckets - 1);
    return at(this.#buckets, this.priority(piece) * availabilityBuckets + copies);
  }
}

function anyHeld(bucket: readonly number[], peer: Holdings, prng: Prng): number | undefined {
  if (bucket.length === 0) return undefined;
  const start = prng.below(bucket.length);
  for (let step = 0; step < bucket.length; step += 1) {
    const piece = at(bucket, (start + step) % bucket.length);
    if (peer.has(piece)) return piece;
  }
  return undefined;
}
