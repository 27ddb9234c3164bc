import { type Address, assert, encodeCompact, type Family, familyOf, formatIp, ipScope } from "@dure/base";
import type { DhtKey } from "../krpc/index.ts";
import { keyBytes } from "./distance.ts";

/** What kind of address a node has, as far as the rules for nodes go. */
export type Reach = "global" | "local" | "impossible";

/** A node's id and address, as the 26 or 38 bytes of compact node info (BEP 5, BEP 32). What else is known is derived. */
export class CompactNode {
  readonly compact: Uint8Array;
  #address: Address | undefined;
  #reach: Reach | undefined;

  constructor(compact: Uint8Array) {
    assert(compact.length === 26 || compact.length === 38, "compact node info has 26 or 38 bytes");
    this.compact = compact;
  }

  static of(id: DhtKey, address: Address): CompactNode {
    const endpoint = encodeCompact(address);
    const compact = new Uint8Array(keyBytes + endpoint.length);
    compact.set(id);
    compact.set(endpoint, keyBytes);
    const node = new CompactNode(compact);
    node.#address = address;
    return node;
  }

  get id(): DhtKey {
    return this.compact.subarray(0, keyBytes);
  }

  get family(): Family {
    return this.compact.length === 26 ? 4 : 6;
  }

  get address(): Address {
    this.#address ??= {
      ip: formatIp(this.compact.subarray(keyBytes, this.compact.length - 2)),
      port: this.port,
    };
    return this.#address;
  }

  get port(): number {
    const at = this.compact.length - 2;
    return ((this.compact[at] ?? 0) << 8) | (this.compact[at + 1] ?? 0);
  }

  /** Whether both are in the same /24 (IPv4) or /64 (IPv6). */
  sameSubnet(other: CompactNode): boolean {
    if (this.compact.length !== other.compact.length) return false;
    const end = keyBytes + (this.compact.length === 26 ? 3 : 8);
    for (let index = keyBytes; index < end; index += 1) {
      if (this.compact[index] !== other.compact[index]) return false;
    }
    return true;
  }

  /** The first 6 bits that tell places apart: of IPv4 the top ones, of IPv6 those after 2000::/3. */
  get group(): number {
    const first = this.compact[keyBytes] ?? 0;
    if (this.compact.length === 26) return first >>> 2;
    return ((first & 0x1f) << 1) | ((this.compact[keyBytes + 1] ?? 0) >>> 7);
  }

  /** Remembered: it is asked of every node that is named to us. */
  get reach(): Reach {
    // An IPv4 address in IPv6 clothes belongs to the other network (BEP 32: there are two).
    this.#reach ??= familyOf(this.address.ip) === this.family ? reachOf(this.address) : "impossible";
    return this.#reach;
  }
}

export function reachOf(address: Address): Reach {
  if (address.port === 0) return "impossible";
  switch (ipScope(address.ip)) {
    case "global":
      return "global";
    case "private":
    case "loopback":
    case "link-local":
      return "local";
    default:
      return "impossible";
  }
}
