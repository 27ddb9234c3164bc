import { type Ms, minutes } from "@dure/base";

// RFC 6817, 4.2 keeps ten minutes; BEP 29 says two, in which a queue of our own would become the base.
const minutesKept = 10;
const samplesKept = 4; // RFC 6817, CURRENT_FILTER: the least of the last few is not a scheduler's hiccup

/**
 * One-way delays in microseconds of a clock we do not know: only differences mean something, and they are taken
 * around the circle of 32 bits. The least of each minute is kept, so that a path that got longer is learned.
 */
export class DelayHistory {
  readonly #least = new Uint32Array(minutesKept);
  #leastCount = 0;
  #minute = 0;
  #minuteEnds = 0;
  readonly #samples = new Uint32Array(samplesKept);
  #samplesCount = 0;

  get known(): boolean {
    return this.#leastCount > 0;
  }

  add(now: Ms, delay: number): void {
    if (this.#leastCount === 0 || now >= this.#minuteEnds) this.#beginMinute(now, delay);
    else if (less(delay, this.#least[this.#minute] ?? 0)) this.#least[this.#minute] = delay;
    this.#samples[this.#samplesCount % samplesKept] = delay;
    this.#samplesCount += 1;
  }

  get base(): number {
    let base = this.#least[0] ?? 0;
    for (let index = 1; index < this.#leastCount; index += 1) {
      const least = this.#least[index] ?? 0;
      if (less(least, base)) base = least;
    }
    return base;
  }

  /** Microseconds above the base: how long the queues are. */
  get queueing(): number {
    if (this.#samplesCount === 0) return 0;
    const base = this.base;
    let least = 0xffff_ffff;
    for (let index = 0; index < Math.min(this.#samplesCount, samplesKept); index += 1) {
      const above = ((this.#samples[index] ?? 0) - base) | 0;
      least = Math.min(least, Math.max(above, 0));
    }
    return least;
  }

  /** The other clock runs off: what was least is so much higher now. */
  shift(micros: number): void {
    for (let index = 0; index < this.#leastCount; index += 1) {
      this.#least[index] = (this.#least[index] ?? 0) + micros;
    }
  }

  #beginMinute(now: Ms, delay: number): void {
    this.#minute = this.#leastCount === 0 ? 0 : (this.#minute + 1) % minutesKept;
    this.#leastCount = Math.min(Math.max(this.#leastCount, this.#minute + 1), minutesKept);
    this.#least[this.#minute] = delay;
    this.#minuteEnds = now + minutes(1);
  }
}

function less(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
