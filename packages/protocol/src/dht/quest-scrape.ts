import type { Ms } from "@dure/base";
import { BloomFilter, type DhtItem, type DhtKey, type KrpcResponse, type QueryBody } from "../krpc/index.ts";
import type { Candidate } from "./candidate.ts";
import type { DhtRequestId } from "./messages.ts";
import type { Quest, QuestHost } from "./quest.ts";
import { usablePeers } from "./quest-peers.ts";

/** BEP 33: past so many a filter tells nothing but that somebody filled it. */
const entriesMax = 6000;

/** How many seeds and peers a torrent has (BEP 33): the union of what the nodes near it count. */
export class ScrapeQuest implements Quest {
  readonly target: DhtKey;
  readonly question: QueryBody;
  readonly fromEverywhere = false;
  readonly #request: DhtRequestId;
  readonly #host: QuestHost;
  readonly #seeds = new BloomFilter();
  readonly #peers = new BloomFilter();
  readonly #legacy: string[] = []; // bounded by the answers of a lookup

  constructor(options: {
    readonly request: DhtRequestId;
    readonly host: QuestHost;
    readonly infoHash: DhtKey;
  }) {
    const { infoHash } = options;
    this.#request = options.request;
    this.#host = options.host;
    this.target = infoHash;
    this.question = { type: "get-peers", infoHash, want: undefined, noSeed: false, scrape: true };
  }

  heard(_now: Ms, candidate: Candidate, response: KrpcResponse): "go-on" {
    const { bloomSeeds, bloomPeers } = response.body;
    if (bloomSeeds !== undefined) mergeSane(this.#seeds, bloomSeeds);
    if (bloomPeers !== undefined) mergeSane(this.#peers, bloomPeers);
    if (bloomSeeds === undefined && bloomPeers === undefined) {
      for (const address of usablePeers(candidate, response)) this.#legacy.push(address.ip);
    }
    return "go-on";
  }

  verified(_now: Ms, _item: DhtItem): void {}

  gift(): undefined {}

  // BEP 33, "Handling legacy responses": plain values are peers, unless others know them for seeds.
  finish(now: Ms): void {
    for (const ip of this.#legacy) if (!this.#seeds.has(ip)) this.#peers.insert(ip);
    const seeds = Math.round(this.#seeds.estimate());
    const peers = Math.round(this.#peers.estimate());
    this.#host.tell(now, { type: "scraped", request: this.#request, seeds, peers }, false);
  }
}

function mergeSane(into: BloomFilter, bytes: Uint8Array): void {
  const filter = new BloomFilter(bytes);
  if (filter.estimate() <= entriesMax) into.merge(filter);
}
