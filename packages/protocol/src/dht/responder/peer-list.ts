import { assert, type Family, type Ms, type Prng } from "@dure/base";
import { responderLimits } from "./limits.ts";

const { peerLifetime } = responderLimits;

/** How peers are chosen for an answer. */
export interface PeerChoice {
  readonly now: Ms;
  readonly prng: Prng;
  readonly countMax: number;
  /** BEP 33: seeds are of no use to who asks. */
  readonly noSeed: boolean;
}

/**
 * Peers of one topic and one family, as bytes: 2,000 topics of 500 peers would be a hundred megabytes as objects.
 *
 *     ip (4 or 16) | port (2) | heard at (4), milliseconds modulo 2^32 | seed (1)
 *
 * The clock going round is no harm: nothing stays in here for longer than an hour. The order means nothing.
 */
export class PeerList {
  readonly #ipBytes: number;
  readonly #stride: number;
  #records = new Uint8Array();
  #count = 0;

  constructor(family: Family) {
    this.#ipBytes = family === 4 ? 4 : 16;
    this.#stride = this.#ipBytes + 7;
  }

  get count(): number {
    return this.#count;
  }

  /** Memory held, for those who count it. */
  get bytes(): number {
    return this.#records.length;
  }

  /** The place of the peer with this IP, and this port when one is given; -1 when there is none. */
  find(ip: Uint8Array, port: number | undefined): number {
    for (
      let index = this.#next(ip, this.#ipBytes, 0);
      index >= 0;
      index = this.#next(ip, this.#ipBytes, index + 1)
    ) {
      if (port === undefined || port === this.#portAt(index)) return index;
    }
    return -1;
  }

  /** How many peers share the /24 or /48 with this IP. */
  countSubnet(ip: Uint8Array): number {
    const length = this.#subnetBytes;
    let count = 0;
    for (let index = this.#next(ip, length, 0); index >= 0; index = this.#next(ip, length, index + 1))
      count += 1;
    return count;
  }

  /** The place of the one longest silent in the subnet that has most peers, and how many that are. */
  mostCrowded(now: Ms): { readonly index: number; readonly peers: number } {
    const peersOf = new Map<number, number>(); // bounded by the list
    for (let index = 0; index < this.#count; index += 1) {
      const subnet = this.#subnetAt(index);
      peersOf.set(subnet, (peersOf.get(subnet) ?? 0) + 1);
    }
    let best = { index: -1, peers: 0, age: -1 };
    for (let index = 0; index < this.#count; index += 1) {
      const peers = peersOf.get(this.#subnetAt(index)) ?? 0;
      const age = this.#ageAt(index, now);
      if (peers > best.peers || (peers === best.peers && age > best.age)) best = { index, peers, age };
    }
    return best;
  }

  countSubnets(): number {
    const subnets = new Set<number>(); // bounded by the list
    for (let index = 0; index < this.#count; index += 1) subnets.add(this.#subnetAt(index));
    return subnets.size;
  }

  add(now: Ms, ip: Uint8Array, port: number, seed: boolean): void {
    const offset = this.#count * this.#stride;
    if (offset === this.#records.length) this.#resize(Math.max(1, this.#count * 2));
    this.#records.set(ip, offset);
    this.#count += 1;
    this.update(this.#count - 1, now, port, seed);
  }

  /** Heard again: port and seed status may have changed (BEP 33). True when it turned from peer to seed or back. */
  update(index: number, now: Ms, port: number, seed: boolean): boolean {
    assert(index >= 0 && index < this.#count, "a peer of this list");
    const at = index * this.#stride + this.#ipBytes;
    const turned = this.#seedAt(index) !== seed;
    this.#records[at] = port >>> 8;
    this.#records[at + 1] = port;
    const heardAt = now >>> 0;
    this.#records[at + 2] = heardAt >>> 24;
    this.#records[at + 3] = heardAt >>> 16;
    this.#records[at + 4] = heardAt >>> 8;
    this.#records[at + 5] = heardAt;
    this.#records[at + 6] = seed ? 1 : 0;
    return turned;
  }

  remove(index: number): void {
    assert(index >= 0 && index < this.#count, "a peer of this list");
    this.#count -= 1;
    this.#copyRecord(this.#count, index);
    const capacity = this.#records.length / this.#stride;
    if (this.#count * 4 <= capacity) this.#resize(Math.max(1, capacity >>> 1));
  }

  /** Drops who was not heard for half an hour; whether there was any. */
  expire(now: Ms): boolean {
    const before = this.#count;
    for (let index = this.#count - 1; index >= 0; index -= 1) {
      if (this.#ageAt(index, now) >= peerLifetime) this.remove(index);
    }
    return this.#count !== before;
  }

  /**
   * Some of the live peers in compact form (BEP 5, BEP 32): from a random place on in random steps that come by every
   * place once. Each peer is as likely as any other, at the cost of the answer and not of the list.
   */
  choose({ now, prng, countMax, noSeed }: PeerChoice): Uint8Array {
    const count = this.#count;
    const size = this.#ipBytes + 2;
    const chosen = new Uint8Array(Math.min(countMax, count) * size);
    const records = this.#records;
    const step = stepThrough(count, prng);
    let index = prng.below(count);
    let filled = 0;
    for (let left = count; left > 0 && filled < chosen.length; left -= 1) {
      if (!(noSeed && this.#seedAt(index)) && this.#ageAt(index, now) < peerLifetime) {
        const from = index * this.#stride;
        for (let byte = 0; byte < size; byte += 1) chosen[filled + byte] = records[from + byte] ?? 0;
        filled += size;
      }
      index = (index + step) % count;
    }
    return filled === chosen.length ? chosen : chosen.subarray(0, filled);
  }

  /** Each peer once, with a view of its IP that is good for the call. */
  visit(each: (ip: Uint8Array, seed: boolean) => void): void {
    for (let index = 0; index < this.#count; index += 1) {
      const from = index * this.#stride;
      each(this.#records.subarray(from, from + this.#ipBytes), this.#seedAt(index));
    }
  }

  get #subnetBytes(): number {
    return this.#ipBytes === 4 ? 3 : 6;
  }

  /** The first place from `index` on whose IP begins like this one; -1 when there is none. */
  #next(ip: Uint8Array, length: number, index: number): number {
    const records = this.#records;
    const stride = this.#stride;
    for (let place = index; place < this.#count; place += 1) {
      // Backwards: the first bytes of addresses are those that most have in common.
      let byte = length - 1;
      while (byte >= 0 && records[place * stride + byte] === ip[byte]) byte -= 1;
      if (byte < 0) return place;
    }
    return -1;
  }

  #subnetAt(index: number): number {
    let subnet = 0;
    const from = index * this.#stride;
    for (let byte = 0; byte < this.#subnetBytes; byte += 1) subnet = subnet * 256 + this.#byte(from + byte);
    return subnet;
  }

  #portAt(index: number): number {
    const at = index * this.#stride + this.#ipBytes;
    return (this.#byte(at) << 8) | this.#byte(at + 1);
  }

  #ageAt(index: number, now: Ms): number {
    const at = index * this.#stride + this.#ipBytes + 2;
    const heardAt =
      (this.#byte(at) << 24) | (this.#byte(at + 1) << 16) | (this.#byte(at + 2) << 8) | this.#byte(at + 3);
    return ((now >>> 0) - heardAt) >>> 0;
  }

  #seedAt(index: number): boolean {
    return this.#byte(index * this.#stride + this.#stride - 1) === 1;
  }

  #copyRecord(from: number, to: number): void {
    const start = from * this.#stride;
    this.#records.copyWithin(to * this.#stride, start, start + this.#stride);
  }

  #resize(capacity: number): void {
    const records = new Uint8Array(capacity * this.#stride);
    records.set(this.#records.subarray(0, this.#count * this.#stride));
    this.#records = records;
  }

  #byte(offset: number): number {
    return this.#records[offset] ?? 0; // inside: offsets are made from places below the count
  }
}

/** A step that shares no divisor with the count, so that going round by it meets each place once. */
function stepThrough(count: number, prng: Prng): number {
  let step = 1 + prng.below(count);
  while (commonDivisor(step, count) > 1) step += 1; // count + 1 at the latest
  return step;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
