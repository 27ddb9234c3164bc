import type { Link, Timeline } from "./virtual-network.ts";

const segmentBytes = 1452;

/** As much of TCP Reno as decides its rate: slow start, one more segment in a round trip, half when three repeat. */
export class RenoFlow {
  readonly #timeline: Timeline;
  readonly #forth: Link;
  readonly #back: Link;
  #window = 3;
  #threshold = Number.POSITIVE_INFINITY;
  #first = 0;
  #next = 0;
  #repeats = 0;
  #recoverUntil = -1;
  #hole = 0;
  #expected = 0;
  readonly #early = new Set<number>();
  #progressAt = 0;

  constructor(timeline: Timeline, forth: Link, back: Link) {
    this.#timeline = timeline;
    this.#forth = forth;
    this.#back = back;
    this.#send();
    this.#watch();
  }

  get receivedBytes(): number {
    return this.#expected * segmentBytes;
  }

  #send(): void {
    while (this.#next < this.#first + Math.floor(this.#window)) {
      this.#segment(this.#next);
      this.#next += 1;
    }
  }

  #segment(number: number): void {
    this.#forth.carry(segmentBytes, () => {
      this.#early.add(number);
      while (this.#early.delete(this.#expected)) this.#expected += 1;
      const acknowledged = this.#expected;
      this.#back.carry(12, () => this.#acknowledged(acknowledged));
    });
  }

  #acknowledged(number: number): void {
    if (number > this.#first) {
      this.#first = number;
      this.#next = Math.max(this.#next, number);
      this.#repeats = 0;
      this.#progressAt = this.#timeline.now;
      if (number > this.#recoverUntil) this.#window += this.#window < this.#threshold ? 1 : 1 / this.#window;
      else this.#resendHole();
    } else if (number === this.#first) {
      this.#repeats += 1;
      if (this.#repeats === 3 && number > this.#recoverUntil) {
        this.#threshold = Math.max(this.#window / 2, 2);
        this.#window = this.#threshold;
        this.#recoverUntil = this.#next - 1;
        this.#hole = number;
        this.#resendHole();
      } else if (number <= this.#recoverUntil) this.#resendHole();
    }
    this.#send();
  }

  // With each acknowledgement the next hole, as selective acknowledgements would show it.
  #resendHole(): void {
    this.#hole = Math.max(this.#hole, this.#first);
    const newest = Math.max(...this.#early, -1);
    while (this.#early.has(this.#hole)) this.#hole += 1;
    if (this.#hole < newest) {
      this.#segment(this.#hole);
      this.#hole += 1;
    }
  }

  #watch(): void {
    this.#timeline.at(this.#timeline.now + 100, () => {
      if (this.#timeline.now - this.#progressAt > 1000) {
        this.#threshold = Math.max(this.#window / 2, 2);
        this.#window = 1;
        this.#next = this.#first;
        this.#recoverUntil = -1;
        this.#repeats = 0;
        this.#progressAt = this.#timeline.now;
        this.#send();
      }
      this.#watch();
    });
  }
}
