import { type Ms, ms } from "@dure/base";
import { blockBytes } from "../picker/index.ts";

const startBlocks = 8;
const leastBlocks = 4;
/** Ours at most, whatever the peer would take: 8 MiB on their way from one peer. */
const mostBlocks = 512;
/** libtorrent's and our own default where a peer says nothing (BEP 10 `reqq`). */
export const unsaidRequestsMax = 250;
/** A seeder that reads its disk in bursts stays busy for this long beyond the round trip. */
const slack = ms(400);
const sampleWindow = ms(250);
const roundTripWindow = ms(10_000);

/**
 * How many requests to keep with one peer: the measured bandwidth–delay product, and a slack.
 *
 * It starts by doubling each round trip, as TCP does, until more requests bring no more bytes; then the number follows
 * rate × (shortest round trip + slack). The round trip is the shortest of the last ten to twenty seconds, so that
 * queueing at the sender does not feed on itself.
 */
export class Pipeline {
  #growing = true;
  #target = startBlocks;
  #requestsMax = unsaidRequestsMax;
  #roundTrip = { previous: Number.POSITIVE_INFINITY, current: Number.POSITIVE_INFINITY, since: ms(0) };
  #sample = { since: ms(0), bytes: 0 };
  #rate = 0;

  /** Requests to keep outstanding. */
  get target(): number {
    return this.#target;
  }

  /** Below this many outstanding it is time to ask again: in batches, as each write costs a system call. */
  get refillAt(): number {
    return this.#target - (this.#target >> 2);
  }

  /** Bytes a second over the last quarter of a second in which something came. */
  get rate(): number {
    return this.#rate;
  }

  /** What the peer says it queues (BEP 10 `reqq`). */
  setRequestsMax(requestsMax: number): void {
    this.#requestsMax = Math.max(1, requestsMax);
    this.#target = Math.min(this.#target, this.#ceiling());
  }

  /** A block came, `waited` after it was asked for. */
  received(now: Ms, bytes: number, waited: Ms): void {
    this.#measureRoundTrip(now, waited);
    this.#sample.bytes += bytes;
    if (this.#growing) this.#target = Math.min(this.#target + 1, this.#ceiling());
    const passed = now - this.#sample.since;
    if (passed < sampleWindow) return;
    const rate = (this.#sample.bytes * 1000) / passed;
    // A longer time says something of the peer only if it was asked all along.
    if (passed < sampleWindow * 4 || waited >= passed) this.#adapt(rate);
    this.#sample = { since: now, bytes: 0 };
  }

  /** The peer was silent for long: one request at a time until it speaks. */
  stalled(): void {
    this.#growing = true;
    this.#target = 1;
    this.#rate = 0;
  }

  #adapt(rate: number): void {
    // The first full sample has nothing to be compared with.
    if (this.#growing && this.#rate > 0 && rate < this.#rate * 1.1) this.#growing = false;
    this.#rate = this.#rate === 0 ? rate : this.#rate * 0.5 + rate * 0.5;
    if (this.#growing) return;
    const shortest = Math.min(this.#roundTrip.previous, this.#roundTrip.current);
    const wanted = Math.ceil((this.#rate * (shortest + slack)) / 1000 / blockBytes);
    this.#target = Math.min(Math.max(wanted, leastBlocks), this.#ceiling());
  }

  #measureRoundTrip(now: Ms, waited: Ms): void {
    if (now - this.#roundTrip.since > roundTripWindow) {
      this.#roundTrip = { previous: this.#roundTrip.current, current: waited, since: now };
    } else if (waited < this.#roundTrip.current) this.#roundTrip.current = waited;
  }

  #ceiling(): number {
    return Math.min(mostBlocks, this.#requestsMax);
  }
}
