import { type Ms, ms } from "@dure/base";
import { utpTimes } from "./limits.ts";

/** Round trip time, its variance, and the waits that follow from them (BEP 29, "timeouts"; RFC 9002, 6.2.1). */
export class RoundTrip {
  #smoothed: number | undefined;
  #variance = 0;
  #latest = 0;

  /** Of a packet that was sent only once. */
  sample(took: number): void {
    this.#latest = took;
    if (this.#smoothed === undefined) {
      this.#smoothed = took;
      this.#variance = took / 2; // RFC 6298, 2.2; BEP 29 begins at zero and says nothing of the first sample
      return;
    }
    this.#variance += (Math.abs(this.#smoothed - took) - this.#variance) / 4;
    this.#smoothed += (took - this.#smoothed) / 8;
  }

  get known(): boolean {
    return this.#smoothed !== undefined;
  }

  /** 100 ms until something is known. */
  get smoothed(): Ms {
    return ms(this.#smoothed ?? 100);
  }

  get timeout(): Ms {
    if (this.#smoothed === undefined) return utpTimes.synWaitFirst;
    return ms(
      Math.min(Math.max(this.#smoothed + 4 * this.#variance, utpTimes.timeoutMin), utpTimes.timeoutMax),
    );
  }

  /** When silence after the last packet is worth a question. */
  get probeWait(): Ms {
    const wait = this.smoothed + Math.max(4 * this.#variance, utpTimes.granularity) + utpTimes.ackDelay;
    return ms(Math.min(wait, this.timeout));
  }

  /** How much later than a packet that was sent after it another may arrive (RFC 9002, 6.1.2). */
  get lossWait(): Ms {
    return ms(Math.max(this.smoothed, this.#latest) * 1.125 + 1);
  }
}
