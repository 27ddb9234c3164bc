import { type Address, type Family, formatIp, ipScope, type Prng } from "@dure/base";

/** Networks the nodes are spread over: of two bytes (IPv4) or four (IPv6) in common. */
const networksCount = 2000;

/** Distinct global addresses, in many /24 of many /16 (IPv6: /64 of /32), as the Internet deals them. */
export class Addresses {
  readonly #prng: Prng;
  readonly #family: Family;
  readonly #given = new Set<string>(); // bounded by the scenario
  readonly #networks: Uint8Array[] = []; // networksCount
  readonly #reserved: Uint8Array[] = []; // bounded by the scenario

  constructor(prng: Prng, family: Family) {
    this.#prng = prng;
    this.#family = family;
    while (this.#networks.length < networksCount) this.#networks.push(this.#network());
  }

  next(): Address {
    const { ip } = this.unused();
    return this.give(ip);
  }

  /** One that belongs to nobody, now. */
  unused(): Address {
    for (;;) {
      const ip = this.#within(this.#prng.pick(this.#networks) ?? new Uint8Array());
      if (ip !== undefined) return { ip, port: this.#port() };
    }
  }

  /** So many addresses in one /24 (IPv6: /64) nobody else is in. */
  subnet(count: number): Address[] {
    const subnet = this.#emptySubnet();
    const bytes = new Uint8Array(this.#family === 4 ? 4 : 16);
    bytes.set(subnet);
    const low = bytes.length - 1;
    return Array.from({ length: count }, (_, index) => {
      bytes[low] = index + 1;
      return this.give(formatIp(bytes));
    });
  }

  /** A network of which no address is given yet. IPv4: the first two bytes, IPv6: the first four. */
  emptyNetwork(): Uint8Array {
    const network = this.#network();
    this.#reserved.push(network);
    return network;
  }

  isGiven(ip: string): boolean {
    return this.#given.has(ip);
  }

  give(ip: string): Address {
    this.#given.add(ip);
    return { ip, port: this.#port() };
  }

  #port(): number {
    return 1024 + this.#prng.below(60_000);
  }

  #emptySubnet(): Uint8Array {
    const network = this.emptyNetwork();
    return this.#family === 4
      ? Uint8Array.of(...network, this.#prng.below(256))
      : Uint8Array.of(...network, ...this.#prng.bytes(4));
  }

  #network(): Uint8Array {
    for (;;) {
      const network = this.#prng.bytes(this.#family === 4 ? 2 : 4);
      if (this.#family === 6) network[0] = 0x20 | ((network[0] ?? 0) & 0x0f); // 2000::/3, as far as it is dealt out
      const same = (other: Uint8Array) => other.every((byte, index) => byte === network[index]);
      if (this.#networks.some(same) || this.#reserved.some(same)) continue;
      if (this.#within(network) !== undefined) return network;
    }
  }

  #within(network: Uint8Array): string | undefined {
    const bytes = this.#prng.bytes(this.#family === 4 ? 4 : 16);
    bytes.set(network);
    const last = bytes.length - 1;
    if (this.#family === 4 && (bytes[last] === 0 || bytes[last] === 255)) return undefined;
    const ip = formatIp(bytes);
    return ipScope(ip) === "global" && !this.#given.has(ip) ? ip : undefined;
  }
}
