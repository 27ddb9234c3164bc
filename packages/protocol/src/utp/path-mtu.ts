import type { Family, Ms } from "@dure/base";

// Bytes of a UDP payload. 576 less 28 is what every IPv4 host takes in (RFC 791), 1,280 less 48 what every IPv6 path
// carries (RFC 8200); 1,500 is Ethernet.
const packetBytesMin = { 4: 548, 6: 1232 } as const;
const packetBytesMax = { 4: 1472, 6: 1452 } as const;
const nearEnough = 16;
const probesPerSize = 3; // RFC 8899, MAX_PROBES: a probe can be lost for another reason
const raiseWait = 600_000; // ms, RFC 8899, PMTU_RAISE_TIMER

/**
 * The largest packet the path carries, found by halving (RFC 8899). A probe is a packet of data padded to the size in
 * question: when it is lost it is resent without the padding, so a wrong guess costs nothing but time.
 */
export class PathMtu {
  readonly #least: number;
  readonly #most: number;
  #works: number;
  #fails: number;
  #losses = 0;
  #searchAgain = Number.POSITIVE_INFINITY;

  constructor(family: Family) {
    this.#least = packetBytesMin[family];
    this.#most = packetBytesMax[family];
    this.#works = this.#least;
    this.#fails = this.#most + 1;
  }

  /** What fits for sure. */
  get packetBytes(): number {
    return this.#works;
  }

  /** The next size to try, or undefined when the answer is near enough. */
  probeBytes(now: Ms): number | undefined {
    if (this.#fails - this.#works <= nearEnough) {
      if (this.#works === this.#most || this.#fails > this.#most) return undefined;
      if (this.#searchAgain === Number.POSITIVE_INFINITY) this.#searchAgain = now + raiseWait;
      if (now < this.#searchAgain) return undefined;
      this.#fails = this.#most + 1;
      this.#searchAgain = Number.POSITIVE_INFINITY;
    }
    // Most paths are Ethernet all the way: the largest is tried first.
    return this.#fails > this.#most ? this.#most : (this.#works + this.#fails) >>> 1;
  }

  arrived(bytes: number): void {
    this.#works = Math.max(this.#works, bytes);
    this.#losses = 0;
  }

  lost(bytes: number): void {
    this.#losses += 1;
    if (this.#losses < probesPerSize) return;
    this.#losses = 0;
    this.#fails = Math.max(Math.min(this.#fails, bytes), this.#works + 1);
  }

  /** Packets of a proven size no longer arrive: the path may have changed. */
  doubted(): void {
    if (this.#works === this.#least) return;
    this.#works = this.#least;
    this.#fails = this.#most + 1;
    this.#losses = 0;
  }
}
