import { networkInterfaces } from "node:os";
import type { HostEvent } from "@dure/carrier";

export type WatchEvent = Extract<HostEvent, { type: "time-jumped" | "address-changed" }>;

export interface HostWatchOptions {
  readonly onEvent: (event: WatchEvent) => void;
  /** Both in milliseconds; default the machine's. */
  readonly calendar?: () => number;
  readonly monotonic?: () => number;
  /** Any text that differs when the addresses differ; default from `os.networkInterfaces()`. */
  readonly addresses?: () => string;
}

/** How often the clocks are compared: two reads, so often is cheap. */
const clocksEvery = 5_000;
/** How often the addresses are listed: a few system calls. */
const addressesEvery = 10_000;
/** NTP slews and late timers stay far below; a laptop's nap does not. */
const driftMax = 10_000;

/**
 * Notices what no socket tells: that the machine slept or its calendar was set (on Linux the monotonic clock stands
 * still in sleep while the calendar goes on), and that it has moved to other addresses.
 */
export class HostWatch {
  readonly #onEvent: (event: WatchEvent) => void;
  readonly #offset: () => number;
  readonly #addresses: () => string;
  readonly #timers: NodeJS.Timeout[] = [];
  #offsetSeen: number;
  #addressesSeen: string;

  constructor(options: HostWatchOptions) {
    const calendar = options.calendar ?? Date.now;
    const monotonic = options.monotonic ?? (() => performance.now());
    this.#onEvent = options.onEvent;
    this.#offset = () => calendar() - monotonic();
    this.#addresses = options.addresses ?? machineAddresses;
    this.#offsetSeen = this.#offset();
    this.#addressesSeen = this.#addresses();
  }

  /** Checks now and then, without keeping the process alive. */
  start(): void {
    this.#timers.push(setInterval(() => this.checkClocks(), clocksEvery).unref());
    this.#timers.push(setInterval(() => this.checkAddresses(), addressesEvery).unref());
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  checkClocks(): void {
    const offset = this.#offset();
    const jumped = Math.abs(offset - this.#offsetSeen) > driftMax;
    // Slow drift is followed, so that only a jump between two checks counts.
    this.#offsetSeen = offset;
    if (jumped) this.#onEvent({ type: "time-jumped" });
  }

  checkAddresses(): void {
    const addresses = this.#addresses();
    if (addresses === this.#addressesSeen) return;
    this.#addressesSeen = addresses;
    this.#onEvent({ type: "address-changed" });
  }
}

function machineAddresses(): string {
  const lines = Object.entries(networkInterfaces()).flatMap(([name, infos]) =>
    (infos ?? []).map((info) => `${name} ${info.address}`),
  );
  return lines.sort().join("\n");
}
