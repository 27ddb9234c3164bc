import { assert, type Ms } from "@dure/base";
import { responderLimits } from "./limits.ts";
import type { Source } from "./source.ts";
import { SourceTable } from "./source-table.ts";

const { budgetBurst, reserveShare } = responderLimits;

/** Where the bytes of an answer are taken from: of `reserve` only for a source that is known. Or that there are none. */
export type Verdict = "free" | "common" | "reserve" | "none";

export interface RateGuardOptions {
  /** To one source in any second; `Infinity` for no limit. */
  readonly answersPerSource: number;
  /** To all together; `Infinity` for no limit. */
  readonly bytesPerSecond: number;
  /** Any number nobody else knows. */
  readonly seed: number;
}

/**
 * Who is answered. A datagram's source may be forged, so these rates are also all that a forger can aim at a victim:
 * five answers a second to one address, and 32 kB a second to all of them.
 *
 * A quarter of the bytes is kept for sources that are known to be who they say: they brought back a token, or they
 * have answered us. A flood from forged addresses uses up the rest and does not silence us for those.
 */
export class RateGuard {
  readonly #sources: SourceTable | undefined;
  readonly #common: Budget;
  readonly #reserve: Budget;
  readonly #unlimited: boolean;

  constructor(options: RateGuardOptions) {
    const { answersPerSource, bytesPerSecond, seed } = options;
    assert(bytesPerSecond > 0, "some bytes a second, or nothing could be answered");
    this.#sources = answersPerSource === Infinity ? undefined : new SourceTable(answersPerSource, seed);
    this.#unlimited = bytesPerSecond === Infinity;
    this.#common = new Budget(bytesPerSecond * (1 - reserveShare));
    this.#reserve = new Budget(bytesPerSecond * reserveShare);
  }

  get sourcesCount(): number {
    return this.#sources?.size ?? 0;
  }

  isBanned(now: Ms, source: Source): boolean {
    return !source.exempt && this.#sources?.isBanned(now, source) === true;
  }

  admit(now: Ms, source: Source): Verdict {
    if (source.exempt) return "free";
    if (this.#sources?.count(now, source) === false) return "none";
    if (this.#unlimited) return "free";
    if (this.#common.has(now)) return "common";
    return this.#reserve.has(now) ? "reserve" : "none";
  }

  /** Whether the source brought back a token of late. */
  isProven(source: Source): boolean {
    return this.#sources?.isProven(source) === true;
  }

  prove(source: Source): void {
    this.#sources?.prove(source);
  }

  /** After the answer is made: its bytes are known only then. */
  spend(verdict: Verdict, bytes: number): void {
    if (verdict === "common") this.#common.spend(bytes);
    else if (verdict === "reserve") this.#reserve.spend(bytes);
  }
}

/** Bytes that flow in at a rate. The last answer may overdraw it; what it took too much has to flow in again first. */
class Budget {
  readonly #rate: number;
  readonly #max: number;
  #bytes: number;
  #at: Ms | undefined;

  constructor(bytesPerSecond: number) {
    this.#rate = bytesPerSecond / 1000;
    this.#max = this.#rate * budgetBurst;
    this.#bytes = this.#max;
  }

  has(now: Ms): boolean {
    this.#bytes = Math.min(this.#max, this.#bytes + (now - (this.#at ?? now)) * this.#rate);
    this.#at = now;
    return this.#bytes > 0;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }
}
