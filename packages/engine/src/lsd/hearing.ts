import { BoundedMap, type Ms } from "@dure/base";
import { lsdIntake } from "./limits.ts";

/** How much of what the local network says is read. A machine on it can say a lot, and under many names. */
export class Hearing {
  readonly #sources = new BoundedMap<string, number>({ max: lsdIntake.sourcesMax, full: "drop-oldest" });
  #windowAt: Ms | undefined;
  #count = 0;

  /** True when a datagram from this address is read. */
  take(now: Ms, ip: string): boolean {
    if (this.#windowAt === undefined || now - this.#windowAt >= lsdIntake.window) {
      this.#windowAt = now;
      this.#count = 0;
      this.#sources.clear();
    }
    const fromOne = this.#sources.get(ip) ?? 0;
    if (fromOne >= lsdIntake.fromOneMax || this.#count >= lsdIntake.fromAllMax) return false;
    this.#sources.set(ip, fromOne + 1);
    this.#count += 1;
    return true;
  }
}
