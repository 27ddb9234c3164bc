import { type Address, BoundedMap, formatAddress, type Ms, minutes, ms } from "@dure/base";

/** BEP 15: "A client can use a connection ID until one minute after it has received it." */
export const connectionIdLifetime = minutes(1);
/** At the top the oldest is forgotten and costs one more round trip. */
const endpointsMax = 1024;

/** Connection ids by tracker endpoint, shared by the exchanges of one socket. A new local address: `clear()`. */
export class ConnectionIds {
  readonly #ids = new BoundedMap<string, { connectionId: bigint; until: Ms }>({
    max: endpointsMax,
    full: "drop-oldest",
  });

  /** A usable id, and until when it is one. */
  get(now: Ms, endpoint: Address): { readonly connectionId: bigint; readonly until: Ms } | undefined {
    const key = formatAddress(endpoint);
    const entry = this.#ids.get(key);
    if (entry === undefined || now < entry.until) return entry;
    this.#ids.delete(key);
    return undefined;
  }

  /** Keeps an id that was received `now`; returns until when it may be used. */
  set(now: Ms, endpoint: Address, connectionId: bigint): Ms {
    const key = formatAddress(endpoint);
    const until = ms(now + connectionIdLifetime);
    this.#ids.delete(key); // so that it becomes the youngest
    this.#ids.set(key, { connectionId, until });
    return until;
  }

  delete(endpoint: Address): void {
    this.#ids.delete(formatAddress(endpoint));
  }

  clear(): void {
    this.#ids.clear();
  }
}
