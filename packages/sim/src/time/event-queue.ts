import { assert, type Ms, ms } from "@dure/base";

/** What will happen at a time, unless it is called off. */
export interface Timer {
  readonly at: Ms;
  cancel(): void;
}

/** Virtual time: it stands still while something happens, and then jumps to whatever comes next. */
export interface Clock {
  readonly now: Ms;
  at(time: Ms, act: () => void): Timer;
  after(delay: number, act: () => void): Timer;
}

class Entry implements Timer {
  readonly at: Ms;
  readonly sequence: number;
  act: (() => void) | undefined;

  constructor(at: Ms, sequence: number, act: () => void) {
    this.at = at;
    this.sequence = sequence;
    this.act = act;
  }

  cancel(): void {
    this.act = undefined;
  }
}

/** Everything that is going to happen, by time and then by the order in which it was planned: a binary heap. */
export class EventQueue implements Clock {
  readonly #heap: Entry[] = []; // bounded by what hosts, links and disks have under way
  #sequence = 0;
  #now = ms(0);

  get now(): Ms {
    return this.#now;
  }

  /** When the next thing happens. */
  get next(): Ms | undefined {
    while (this.#heap.length > 0 && this.#heap[0]?.act === undefined) this.#pop();
    return this.#heap[0]?.at;
  }

  /** How many things have been planned since the beginning. */
  get planned(): number {
    return this.#sequence;
  }

  at(time: Ms, act: () => void): Timer {
    assert(time >= this.#now, "nothing is planned for the past");
    this.#sequence += 1;
    const entry = new Entry(time, this.#sequence, act);
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return entry;
  }

  after(delay: number, act: () => void): Timer {
    return this.at(ms(this.#now + delay), act);
  }

  /** Lets the next thing happen. False when nothing is left. */
  step(): boolean {
    for (let first = this.#pop(); first !== undefined; first = this.#pop()) {
      if (first.act === undefined) continue;
      this.#now = first.at;
      first.act();
      return true;
    }
    return false;
  }

  /** Lets time pass up to `time` when nothing happens before it. */
  jump(time: Ms): void {
    const next = this.next;
    assert(time >= this.#now && (next === undefined || next >= time), "nothing is jumped over");
    this.#now = time;
  }

  #pop(): Entry | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#sink();
    }
    return first;
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#swapIfEarlier(at, parent)) return;
      at = parent;
    }
  }

  #sink(): void {
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      let child = left;
      if (this.#earlier(left + 1, left)) child = left + 1;
      if (!this.#swapIfEarlier(child, at)) return;
      at = child;
    }
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    if (!this.#earlier(child, parent)) return false;
    const entry = this.#heap[child] as Entry; // both are inside the heap: `#earlier` looked
    this.#heap[child] = this.#heap[parent] as Entry;
    this.#heap[parent] = entry;
    return true;
  }

  #earlier(a: number, b: number): boolean {
    const left = this.#heap[a];
    const right = this.#heap[b];
    if (left === undefined || right === undefined) return false;
    return left.at < right.at || (left.at === right.at && left.sequence < right.sequence);
  }
}
