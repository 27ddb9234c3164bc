import {
  type Address,
  assert,
  type Family,
  familyOf,
  type InfoHash,
  type Ms,
  minutes,
  ms,
  type PeerId,
  type Prng,
} from "@dure/base";
import { type AnnounceEvent, numwantMax, type SwarmCounts } from "@dure/protocol";
import { Swarm, type SwarmPeer } from "./swarm.ts";

export interface SwarmBookOptions {
  readonly prng: Prng;
  /** Asked of clients; peers unseen for two and a half of it are forgotten. */
  readonly interval?: Ms;
  readonly minInterval?: Ms;
  readonly swarmsMax?: number;
  /** In one swarm. */
  readonly swarmPeersMax?: number;
  /** In all swarms together. */
  readonly peersMax?: number;
  /** Info-hashes whose swarms are neither kept nor told of. */
  readonly denied?: (infoHash: InfoHash) => boolean;
}

export interface SwarmAnnounce {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** The source of the request with the port it announces. */
  readonly address: Address;
  readonly left: number;
  readonly event: AnnounceEvent;
  /** Undefined: as many as is usual. */
  readonly numwant: number | undefined;
  /** Which peers the wire can carry: a UDP reply only those of its own family. Both, unless said. */
  readonly families?: readonly Family[];
}

export interface SwarmView extends SwarmCounts {
  readonly interval: Ms;
  readonly minInterval: Ms;
  readonly peers: readonly SwarmPeer[];
  readonly peers6: readonly SwarmPeer[];
}

const numwantUsual = 50;
const bothFamilies: readonly Family[] = [4, 6];
const unknownSwarm: SwarmCounts = { seeders: 0, leechers: 0, downloaded: 0 };

/**
 * What a tracker remembers: who is in which swarm. Pure and bounded. At a ceiling a newcomer still gets peers but is
 * not written down itself, so that a flood of inventions cannot push out those who were there.
 */
export class SwarmBook {
  readonly interval: Ms;
  readonly minInterval: Ms;
  readonly #prng: Prng;
  readonly #swarmsMax: number;
  readonly #swarmPeersMax: number;
  readonly #peersMax: number;
  readonly #denied: (infoHash: InfoHash) => boolean;
  readonly #swarms = new Map<InfoHash, Swarm>(); // bounded by swarmsMax
  #peersCount = 0;

  constructor(options: SwarmBookOptions) {
    this.#prng = options.prng;
    this.interval = options.interval ?? minutes(30);
    this.minInterval = options.minInterval ?? ms(Math.min(this.interval, minutes(1)));
    this.#swarmsMax = options.swarmsMax ?? 100_000;
    this.#swarmPeersMax = options.swarmPeersMax ?? 10_000;
    this.#peersMax = options.peersMax ?? 1_000_000;
    this.#denied = options.denied ?? (() => false);
  }

  get swarmsCount(): number {
    return this.#swarms.size;
  }

  get peersCount(): number {
    return this.#peersCount;
  }

  /** Whoever asks for it is to be refused. */
  denies(infoHash: InfoHash): boolean {
    return this.#denied(infoHash);
  }

  announce(now: Ms, announce: SwarmAnnounce): SwarmView {
    assert(!this.denies(announce.infoHash), "a denied announce is refused before it comes here");
    const swarm = this.#swarms.get(announce.infoHash) ?? new Swarm();
    this.#expire(now, swarm);
    if (announce.event === "stopped") this.#remove(announce, swarm);
    else this.#put(now, announce, swarm);
    const { seeders, leechers, downloaded } = swarm;
    const { interval, minInterval } = this;
    return { interval, minInterval, seeders, leechers, downloaded, ...this.#peersFor(announce, swarm) };
  }

  scrape(now: Ms, infoHashes: readonly InfoHash[]): SwarmCounts[] {
    return infoHashes.map((hash) => {
      const swarm = this.#swarms.get(hash);
      if (swarm === undefined || this.denies(hash)) return unknownSwarm;
      this.#expire(now, swarm);
      const { seeders, leechers, downloaded } = swarm;
      return { seeders, leechers, downloaded };
    });
  }

  /** Forgets everyone who has not been seen for too long, and swarms without peers. Once a minute is enough. */
  sweep(now: Ms): void {
    for (const [hash, swarm] of this.#swarms) {
      this.#expire(now, swarm);
      if (this.denies(hash)) this.#peersCount -= swarm.size;
      if (swarm.size === 0 || this.denies(hash)) this.#swarms.delete(hash);
    }
  }

  #expire(now: Ms, swarm: Swarm): void {
    this.#peersCount -= swarm.expire(ms(now - this.interval * 2.5));
  }

  #remove(announce: SwarmAnnounce, swarm: Swarm): void {
    if (swarm.delete(announce.address)) this.#peersCount -= 1;
  }

  #put(now: Ms, announce: SwarmAnnounce, swarm: Swarm): void {
    const { infoHash, address, peerId, left } = announce;
    if (!swarm.has(address)) {
      const swarmFull = !this.#swarms.has(infoHash) && this.#swarms.size >= this.#swarmsMax;
      if (swarmFull || swarm.size >= this.#swarmPeersMax || this.#peersCount >= this.#peersMax) return;
      this.#swarms.set(infoHash, swarm);
      this.#peersCount += 1;
    }
    const finished = swarm.put(now, { ...address, peerId }, left === 0);
    if (finished && announce.event === "completed") swarm.downloaded += 1;
  }

  #peersFor(announce: SwarmAnnounce, swarm: Swarm): Pick<SwarmView, "peers" | "peers6"> {
    if (announce.event === "stopped") return { peers: [], peers6: [] };
    const count = Math.min(announce.numwant ?? numwantUsual, numwantMax);
    const { address, left, families = bothFamilies } = announce;
    const peers = swarm.sample(count, { address, seed: left === 0, families }, this.#prng);
    return {
      peers: peers.filter((peer) => familyOf(peer.ip) === 4),
      peers6: peers.filter((peer) => familyOf(peer.ip) === 6),
    };
  }
}
