import { type Address, byteAt, formatIp, must } from "@dure/base";
import { crc32c, type DhtKey, nodeIdFor } from "@dure/protocol";
import type { DhtLab } from "./dht-lab.ts";

/** A hostile node to be. */
export interface Recruit {
  readonly id: DhtKey;
  readonly address: Address;
}

/** All from one /24, with ids of their own choice: the first 40 bits are those of the target, so nobody is closer. */
export function recruitsOfOneSubnet(lab: DhtLab, target: DhtKey, count: number): Recruit[] {
  return lab.addresses.subnet(count).map((address) => {
    const id = lab.prng.bytes(20);
    id.set(target.subarray(0, 5));
    return { id, address };
  });
}

/** Bits of an id that its address decides (BEP 42). */
const boundBits = 21;
/** Addresses of a /16 that make a difference there, and the choices of r. */
const hostsCount = 1 << 14;
const choicesCount = 8;

/**
 * Who owns networks of 65,536 addresses, and chooses among them those whose ids, which fit them (BEP 42), lie closest to
 * a target. With 20 such networks there are 2.6 million ids to choose from: one or two for each 21-bit prefix there is.
 */
export class Landlord {
  readonly #lab: DhtLab;
  readonly #networks: readonly Uint8Array[];
  /** The prefix of each network, host and choice. */
  readonly #prefixes: Uint32Array;

  constructor(lab: DhtLab, networksCount: number) {
    this.#lab = lab;
    this.#networks = Array.from({ length: networksCount }, () => lab.addresses.emptyNetwork());
    this.#prefixes = new Uint32Array(networksCount * hostsCount * choicesCount);
    const masked = new Uint8Array(4);
    for (let index = 0; index < this.#prefixes.length; index += 1) {
      const { network, host, choice } = this.#partsOf(index);
      masked[0] = (byteAt(network, 0) & 0x03) | (choice << 5);
      masked[1] = byteAt(network, 1) & 0x0f;
      masked[2] = (host >>> 8) & 0x3f;
      masked[3] = host & 0xff;
      this.#prefixes[index] = crc32c(masked) >>> (32 - boundBits);
    }
  }

  /** Each in a /24 of its own. */
  recruits(target: DhtKey, count: number): Recruit[] {
    const wanted = ((byteAt(target, 0) << 13) | (byteAt(target, 1) << 5) | (byteAt(target, 2) >>> 3)) >>> 0;
    const { addresses, prng } = this.#lab;
    const recruits: Recruit[] = [];
    const subnets = new Set<string>();
    for (const index of this.#nearest(wanted, 4 * count)) {
      const { network, host, choice } = this.#partsOf(index);
      const high = prng.below(4) << 6; // two bits of the third byte decide nothing
      const bytes = Uint8Array.of(...network, high | (host >>> 8), host & 0xff);
      const subnet = bytes.subarray(0, 3).join(".");
      const ip = formatIp(bytes);
      if (subnets.has(subnet) || addresses.isGiven(ip)) continue;
      subnets.add(subnet);
      const rest = prng.bytes(20);
      rest.set(target.subarray(0, 8)); // the free bits behind the prefix are the target's
      rest[19] = (byteAt(rest, 19) & 0xf8) | choice;
      recruits.push({ id: nodeIdFor(ip, rest), address: addresses.give(ip) });
      if (recruits.length === count) break;
    }
    return recruits;
  }

  #nearest(wanted: number, count: number): number[] {
    const density = this.#prefixes.length / 2 ** boundBits;
    const within = 2 ** Math.ceil(Math.log2((2 * count) / density));
    const found: number[] = [];
    for (let index = 0; index < this.#prefixes.length; index += 1) {
      if (((this.#prefixes[index] ?? 0) ^ wanted) < within) found.push(index);
    }
    const distance = (index: number) => (this.#prefixes[index] ?? 0) ^ wanted;
    return found.sort((a, b) => distance(a) - distance(b) || a - b).slice(0, count);
  }

  #partsOf(index: number): { readonly network: Uint8Array; readonly host: number; readonly choice: number } {
    const network = must(this.#networks[Math.floor(index / (hostsCount * choicesCount))], "a network of his");
    return { network, host: (index >>> 3) % hostsCount, choice: index & 7 };
  }
}
