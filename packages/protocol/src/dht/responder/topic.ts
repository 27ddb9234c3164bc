import { type Family, formatIp, type Ms, ms } from "@dure/base";
import { BloomFilter, type DhtKey } from "../../krpc/index.ts";
import { responderLimits } from "./limits.ts";
import { type PeerChoice, PeerList } from "./peer-list.ts";
import type { Shelved } from "./shelf.ts";
import type { Source } from "./source.ts";

const { peersPerSubnetMax } = responderLimits;

export interface Blooms {
  readonly seeds: BloomFilter;
  readonly peers: BloomFilter;
}

/**
 * The peers of one info-hash. BEP 32: the two families are two networks, and no answer mixes them.
 *
 * An IP is one peer (BEP 33), whatever its port. Of one /24 or /48 there are at most 16. When all places are taken, a
 * peer of a new subnet takes that of the longest silent one of the most crowded subnet; when no subnet has two, the
 * topic is full.
 *
 * A source that is exempt from per-address limits counts by IP and port, and its subnet is not limited.
 */
export class Topic implements Shelved {
  readonly key: DhtKey;
  readonly distance: number;
  readonly founder: number | undefined;
  touchedAt = ms(0);
  readonly #peersMax: number;
  readonly #peers4 = new PeerList(4);
  readonly #peers6 = new PeerList(6);
  #subnets = 0;
  #blooms: Blooms | undefined;

  constructor(about: Pick<Topic, "key" | "distance" | "founder"> & { readonly peersMax: number }) {
    this.key = about.key;
    this.distance = about.distance;
    this.founder = about.founder;
    this.#peersMax = about.peersMax;
  }

  get peersCount(): number {
    return this.#peers4.count + this.#peers6.count;
  }

  /** Distinct /24 and /48 among the peers. */
  get subnets(): number {
    return this.#subnets;
  }

  /** Memory held by the peers, for those who count it. */
  get bytes(): number {
    return this.#peers4.bytes + this.#peers6.bytes;
  }

  /** Whether an announce of this source would be kept. */
  admits(now: Ms, source: Source): boolean {
    const list = this.#listOf(source.family);
    const neighbours = list.countSubnet(source.ip);
    if (this.#hasPlace(source, neighbours)) return true;
    // Which port will be announced nobody knows yet, so one that is exempt is not known by its IP.
    if (!source.exempt && neighbours > 0 && list.find(source.ip, undefined) >= 0) return true;
    this.#expire(now); // only now, since it looks at every peer
    return this.#hasPlace(source, list.countSubnet(source.ip));
  }

  /** False when there is no place for this peer. */
  announce(now: Ms, source: Source, port: number, seed: boolean): boolean {
    this.#expire(now);
    const list = this.#listOf(source.family);
    const known = list.find(source.ip, source.exempt ? port : undefined);
    if (known >= 0) {
      if (list.update(known, now, port, seed)) this.#blooms = undefined;
      return true;
    }
    const neighbours = list.countSubnet(source.ip);
    if (!this.#hasPlace(source, neighbours)) return false;
    if (this.peersCount >= this.#peersMax) this.#makePlace(now);
    list.add(now, source.ip, port, seed);
    if (neighbours === 0) this.#subnets += 1;
    this.#blooms?.[seed ? "seeds" : "peers"].insert(formatIp(source.ip));
    return true;
  }

  choose(family: Family, choice: PeerChoice): Uint8Array {
    return this.#listOf(family).choose(choice);
  }

  /** BEP 33: all that is stored, both families. Kept, since a hash for each peer is what it costs. */
  blooms(now: Ms): Blooms {
    this.#expire(now);
    if (this.#blooms !== undefined) return this.#blooms;
    const blooms = { seeds: new BloomFilter(), peers: new BloomFilter() };
    for (const list of [this.#peers4, this.#peers6]) {
      list.visit((ip, seed) => blooms[seed ? "seeds" : "peers"].insert(formatIp(ip)));
    }
    this.#blooms = blooms;
    return blooms;
  }

  #listOf(family: Family): PeerList {
    return family === 4 ? this.#peers4 : this.#peers6;
  }

  #hasPlace(source: Source, neighbours: number): boolean {
    if (!source.exempt && neighbours >= peersPerSubnetMax) return false;
    if (this.peersCount < this.#peersMax) return true;
    return neighbours === 0 && this.#subnets < this.peersCount;
  }

  // Only called when some subnet has two peers, so the number of subnets stays.
  #makePlace(now: Ms): void {
    const crowd4 = this.#peers4.mostCrowded(now);
    const crowd6 = this.#peers6.mostCrowded(now);
    if (crowd4.peers >= crowd6.peers) this.#peers4.remove(crowd4.index);
    else this.#peers6.remove(crowd6.index);
    this.#blooms = undefined;
  }

  #expire(now: Ms): void {
    const expired4 = this.#peers4.expire(now);
    const expired6 = this.#peers6.expire(now);
    if (!expired4 && !expired6) return;
    this.#subnets = this.#peers4.countSubnets() + this.#peers6.countSubnets();
    this.#blooms = undefined;
  }
}
