/** Before the first answer, and never more: a second is long for an answer, but satellites exist. */
const waitFirst = 1000;
const waitMin = 250;
const waitMax = 2000;

/** A smoothed round trip and its spread (RFC 6298's filter), over all nodes that answer an endpoint. */
export class RoundTrips {
  #mean = 0;
  #spread = 0;
  #known = false;

  add(roundTrip: number): void {
    if (!this.#known) {
      this.#known = true;
      this.#mean = roundTrip;
      this.#spread = roundTrip / 2;
      return;
    }
    this.#spread += (Math.abs(this.#mean - roundTrip) - this.#spread) / 8;
    this.#mean += (roundTrip - this.#mean) / 16;
  }

  /** After this long, most of those that will answer have: another node may be asked meanwhile. */
  get shortWait(): number {
    if (!this.#known) return waitFirst;
    return Math.min(waitMax, Math.max(waitMin, this.#mean + 2 * this.#spread));
  }

  /** After this long, an answer is no longer expected. */
  get fullWait(): number {
    return Math.min(8000, Math.max(3000, 4 * this.shortWait));
  }

  /** Another network: begin anew. */
  forget(): void {
    this.#known = false;
  }
}
