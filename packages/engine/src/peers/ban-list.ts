import { type Address, BoundedMap, formatAddress } from "@dure/base";
import { isLocal, subscriberOf } from "./address-key.ts";
import { peerLimits } from "./limits.ts";

/**
 * Who is not spoken to any more in this torrent. A ban is for one IP and port, since many people share an address;
 * when several ports of a global address were banned, its other ports are banned too.
 */
export class BanList {
  readonly #reasons = new BoundedMap<string, string>({ max: peerLimits.bansMax, full: "drop-oldest" });
  readonly #ports = new BoundedMap<string, number>({ max: peerLimits.bansMax, full: "drop-oldest" });
  readonly #countLocal: boolean;

  constructor(countLocal: boolean) {
    this.#countLocal = countLocal;
  }

  get size(): number {
    return this.#reasons.size;
  }

  ban(address: Address, reason: string): void {
    const key = formatAddress(address);
    if (this.#reasons.has(key)) return;
    this.#reasons.set(key, reason);
    if (isLocal(address.ip) && !this.#countLocal) return;
    const subscriber = subscriberOf(address.ip);
    this.#ports.set(subscriber, (this.#ports.get(subscriber) ?? 0) + 1);
  }

  has(address: Address): boolean {
    if (this.#reasons.has(formatAddress(address))) return true;
    return (this.#ports.get(subscriberOf(address.ip)) ?? 0) >= peerLimits.portsBannedPerIp;
  }

  /** Why this very address was banned, for people to read. */
  reason(address: Address): string | undefined {
    return this.#reasons.get(formatAddress(address));
  }
}
