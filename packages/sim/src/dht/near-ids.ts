import { type Address, byteAt, formatIp, must } from "@dure/base";
import { crc32c, type DhtKey, nodeIdFor } from "@dure/protocol";
import type { DhtLab } from "./dht-lab.ts";
import { distanceTo } from "./neighbours.ts";

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
/** Ids of a /16: 14 bits of the host decide, and three are free. */
const idsCount = 1 << 17;

/**
 * Who owns networks of 65,536 addresses, and chooses among them those whose ids, which fit them (BEP 42), lie closest to
 * a target. With 20 such networks there are 2.6 million ids to choose from: as many as 21-bit prefixes, and a quarter.
 */
export class Landlord {
  readonly #lab: DhtLab;
  readonly #networks: readonly Uint8Array[];
  /** Of each id of each network, the bits that are bound. */
  readonly #prefixes: Uint32Array;

  constructor(lab: DhtLab, networksCount: number) {
    this.#lab = lab;
    this.#networks = Array.from({ length: networksCount }, () => lab.addresses.emptyNetwork());
    this.#prefixes = new Uint32Array(networksCount * idsCount);
    const masked = new Uint8Array(4);
    for (const [place, network] of this.#networks.entries()) {
      for (let index = 0; index < idsCount; index += 1) {
        const { host, choice } = partsOf(index);
        masked[0] = (byteAt(network, 0) & 0x03) | (choice << 5);
        masked[1] = byteAt(network, 1) & 0x0f;
        masked[2] = (host >>> 8) & 0x3f;
        masked[3] = host & 0xff;
        this.#prefixes[place * idsCount + index] = crc32c(masked) >>> (32 - boundBits);
      }
    }
  }

  /** As many of each network, each in a /24 of its own. */
  recruits(target: DhtKey, count: number): Recruit[] {
    const wanted = ((byteAt(target, 0) << 13) | (byteAt(target, 1) << 5) | (byteAt(target, 2) >>> 3)) >>> 0;
    const share = Math.ceil(count / this.#networks.length);
    const ranked = this.#networks.flatMap((_, network) =>
      this.#recruitsOf(network, target, { wanted, share }),
    );
    const distance = ({ id }: Recruit) => distanceTo(target, id);
    const nearest = ranked.sort((a, b) => distance(a) - distance(b)).slice(0, count);
    for (const { address } of nearest) this.#lab.addresses.give(address.ip);
    return nearest;
  }

  #recruitsOf(
    network: number,
    target: DhtKey,
    { wanted, share }: { readonly wanted: number; readonly share: number },
  ): Recruit[] {
    const { addresses, prng } = this.#lab;
    const recruits: Recruit[] = [];
    const subnets = new Set<number>();
    for (const index of this.#nearest(network, wanted, 8 * share)) {
      const { host, choice } = partsOf(index);
      const high = prng.below(4) << 6; // two bits of the third byte decide nothing
      const third = high | (host >>> 8);
      const ip = formatIp(
        Uint8Array.of(...must(this.#networks[network], "a network of his"), third, host & 0xff),
      );
      if (subnets.has(third) || addresses.isGiven(ip)) continue;
      subnets.add(third);
      const rest = prng.bytes(20);
      rest.set(target.subarray(0, 8)); // the free bits behind the prefix are the target's
      rest[19] = (byteAt(rest, 19) & 0xf8) | choice;
      recruits.push({ id: nodeIdFor(ip, rest), address: { ip, port: 1024 + prng.below(60_000) } });
      if (recruits.length === share) break;
    }
    return recruits;
  }

  #nearest(network: number, wanted: number, count: number): number[] {
    const prefixes = this.#prefixes.subarray(network * idsCount, (network + 1) * idsCount);
    for (let within = 64; ; within *= 4) {
      const found: number[] = [];
      for (let index = 0; index < idsCount; index += 1) {
        if (((prefixes[index] ?? 0) ^ wanted) < within) found.push(index);
      }
      if (found.length < count && within < 2 ** boundBits) continue;
      const distance = (index: number) => (prefixes[index] ?? 0) ^ wanted;
      return found.sort((a, b) => distance(a) - distance(b) || a - b).slice(0, count);
    }
  }
}

function partsOf(index: number): { readonly host: number; readonly choice: number } {
  return { host: index >>> 3, choice: index & 7 };
}
