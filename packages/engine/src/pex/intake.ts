import type { Ms } from "@dure/base";
import { pexIntake } from "./limits.ts";

/** How much of what one peer says is heard. */
export class Intake {
  readonly #since: Ms;
  #windowAt: Ms;
  #messages = 0;
  #peers = 0;
  #ignored = 0;
  #peersInAll = 0;

  constructor(now: Ms) {
    this.#since = now;
    this.#windowAt = now;
  }

  /** A message has come: is it read? */
  message(now: Ms): "read" | "ignore" | "flood" {
    if (now - this.#windowAt >= pexIntake.window) {
      this.#windowAt = now;
      this.#messages = 0;
      this.#peers = 0;
      this.#ignored = Math.max(0, this.#ignored - 1);
    }
    this.#messages += 1;
    if (this.#messages <= pexIntake.messagesMax) return "read";
    this.#ignored += 1;
    return this.#ignored > pexIntake.ignoredMax ? "flood" : "ignore";
  }

  /** How many of `count` peers that it names are taken. */
  peers(now: Ms, count: number): number {
    const { peersMax, quota, quotaMore, quotaEvery } = pexIntake;
    const quotaNow = quota + quotaMore * Math.floor((now - this.#since) / quotaEvery);
    const taken = Math.max(0, Math.min(count, peersMax - this.#peers, quotaNow - this.#peersInAll));
    this.#peers += taken;
    this.#peersInAll += taken;
    return taken;
  }
}
