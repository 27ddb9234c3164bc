import { type Address, formatAddress, type Ms } from "@dure/base";

/**
 * Whom a NAT lets in while the mapping lives (RFC 3489's names): anybody; whoever was sent something; or only that very
 * port of his.
 */
export type NatKind = "full" | "restricted" | "port-restricted";

/** A mapping, and the permission of a remote address, live this long after the last datagram out (RFC 4787 asks for 120 s; many give less). */
export const natLifetime = 60_000;
/** Permissions before the stale ones are looked for. */
const permissionsMax = 1024;

/** A NAT whose mapping has the same outside address for all destinations. */
export class Nat {
  readonly kind: NatKind;
  readonly #permitted = new Map<string, Ms>(); // bounded by permissionsMax and what was sent within a lifetime
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(kind: NatKind) {
    this.kind = kind;
  }

  sent(now: Ms, to: Address): void {
    this.#sentAt = now;
    if (this.kind === "full") return;
    if (this.#permitted.size >= permissionsMax) this.#forget(now);
    this.#permitted.set(this.#keyOf(to), now);
  }

  admits(now: Ms, from: Address): boolean {
    if (now - this.#sentAt > natLifetime) return false;
    if (this.kind === "full") return true;
    const at = this.#permitted.get(this.#keyOf(from));
    return at !== undefined && now - at <= natLifetime;
  }

  #keyOf(remote: Address): string {
    return this.kind === "restricted" ? remote.ip : formatAddress(remote);
  }

  #forget(now: Ms): void {
    for (const [key, at] of this.#permitted) if (now - at > natLifetime) this.#permitted.delete(key);
  }
}
