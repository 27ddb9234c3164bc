import type { Ms } from "@dure/base";

/** Slots of half a second; with the one being filled they look back between five and five and a half seconds. */
const slotMs = 500;
const slotsCount = 11;
/** A shorter past would make one block after a rest look like a gigabyte a second. */
const pastMin = 1000;

/**
 * Bytes a second over the last five seconds or so, in fixed memory. `add` is an addition while the half second
 * lasts: it is called for every block.
 */
export class RateMeter {
  readonly #slots = new Float64Array(slotsCount);
  #slot = Number.NEGATIVE_INFINITY; // number of the slot being filled
  #slotEnd = Number.NEGATIVE_INFINITY;
  #index = 0; // where that slot is kept
  #windowBytes = 0;
  #firstAt = 0;
  #total = 0;

  /** Bytes since the beginning. */
  get total(): number {
    return this.#total;
  }

  add(now: Ms, bytes: number): void {
    if (now >= this.#slotEnd) this.#advance(now);
    this.#slots[this.#index] = (this.#slots[this.#index] ?? 0) + bytes;
    this.#windowBytes += bytes;
    this.#total += bytes;
  }

  rate(now: Ms): number {
    if (this.#total === 0) return 0;
    if (now >= this.#slotEnd) this.#advance(now);
    if (this.#windowBytes === 0) return 0;
    const windowStart = (this.#slot - slotsCount + 1) * slotMs;
    const past = now - Math.max(windowStart, this.#firstAt);
    return (this.#windowBytes * 1000) / Math.max(past, pastMin);
  }

  #advance(now: Ms): void {
    const slot = Math.floor(now / slotMs);
    if (this.#slot === Number.NEGATIVE_INFINITY || slot - this.#slot >= slotsCount) {
      this.#slots.fill(0);
      this.#windowBytes = 0;
      this.#firstAt = now; // a rest longer than the window is a new beginning
    } else {
      for (let passed = this.#slot; passed < slot; passed += 1) {
        this.#index = (this.#index + 1) % slotsCount;
        this.#windowBytes -= this.#slots[this.#index] ?? 0;
        this.#slots[this.#index] = 0;
      }
    }
    this.#slot = slot;
    this.#slotEnd = (slot + 1) * slotMs;
  }
}
