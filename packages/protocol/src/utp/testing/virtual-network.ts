import type { Prng } from "@dure/base";

export interface LinkOptions {
  /** Bytes in a millisecond; without it the link is as fast as anything. */
  readonly rate?: number;
  readonly queueBytesMax?: number;
  readonly delay?: number;
  /** Up to so many milliseconds more, so packets overtake one another. */
  readonly jitter?: number;
  readonly loss?: number;
  readonly duplicates?: number;
  /** What is larger disappears without a word; IP and UDP headers count. */
  readonly mtu?: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: what is to happen, soonest first. */
export class Timeline {
  now = 0;
  readonly #heap: Event[] = [];
  #order = 0;

  at(at: number, run: () => void): void {
    const event = { at: Math.max(at, this.now), order: this.#order, run };
    this.#order += 1;
    let slot = this.#heap.length;
    this.#heap.push(event);
    while (slot > 0) {
      const parent = (slot - 1) >>> 1;
      if (!before(event, this.#heap[parent]!)) break;
      this.#heap[slot] = this.#heap[parent]!;
      slot = parent;
    }
    this.#heap[slot] = event;
  }

  /** False when the time is over before it is so. */
  runUntil(done: () => boolean, until: number): boolean {
    while (!done()) {
      if ((this.#heap[0]?.at ?? Number.POSITIVE_INFINITY) > until) return false;
      const event = this.#pop()!;
      this.now = event.at;
      event.run();
    }
    return true;
  }

  #pop(): Event | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let slot = 0;
    for (;;) {
      let child = slot * 2 + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && before(this.#heap[child + 1]!, this.#heap[child]!)) child += 1;
      if (before(last, this.#heap[child]!)) break;
      this.#heap[slot] = this.#heap[child]!;
      slot = child;
    }
    this.#heap[slot] = last;
    return first;
  }
}

/** One direction of a path: a queue that drops what does not fit, then the way. */
export class Link {
  readonly #timeline: Timeline;
  readonly #prng: Prng;
  readonly #options: LinkOptions;
  #freeAt = 0;
  lost = 0;
  carried = 0;

  constructor(timeline: Timeline, prng: Prng, options: LinkOptions) {
    this.#timeline = timeline;
    this.#prng = prng;
    this.#options = options;
  }

  carry(payloadBytes: number, deliver: () => void): void {
    const { rate, queueBytesMax, delay, jitter, loss, duplicates, mtu } = this.#options;
    const bytes = payloadBytes + 28;
    const now = this.#timeline.now;
    const waits = rate === undefined ? 0 : Math.max(this.#freeAt - now, 0);
    const overflows = rate !== undefined && waits * rate + bytes > (queueBytesMax ?? 64 * 1024);
    if (bytes > (mtu ?? 65_535) || overflows || this.#prng.chance(loss ?? 0)) {
      this.lost += 1;
      return;
    }
    this.carried += 1;
    if (rate !== undefined) this.#freeAt = now + waits + bytes / rate;
    const leaves = rate === undefined ? now : this.#freeAt;
    const copies = this.#prng.chance(duplicates ?? 0) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#timeline.at(leaves + (delay ?? 0) + this.#prng.float() * (jitter ?? 0), deliver);
    }
  }
}

function before(a: Event, b: Event): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}
