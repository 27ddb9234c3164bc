import { type Address, BoundedSet, formatAddress, type Ms } from "@dure/base";
import { type DhtItem, type DhtKey, type KrpcResponse, peersOf, type QueryBody } from "../krpc/index.ts";
import type { Candidate } from "./candidate.ts";
import { reachOf } from "./compact-node.ts";
import type { AnnounceAs, DhtRequestId } from "./messages.ts";
import type { Quest, QuestHost } from "./quest.ts";

/** Peers of one request. Enough for any torrent; the rest is not told. */
const peersMax = 5000;

export interface PeersQuestOptions {
  readonly request: DhtRequestId;
  readonly host: QuestHost;
  readonly infoHash: DhtKey;
  readonly announce: AnnounceAs | undefined;
  readonly noSeed: boolean;
}

/** Peers of a torrent (BEP 5), and our name among them. */
export class PeersQuest implements Quest {
  readonly target: DhtKey;
  readonly question: QueryBody;
  readonly fromEverywhere: boolean;
  readonly #options: PeersQuestOptions;
  readonly #told = new BoundedSet<string>({ max: peersMax, full: "refuse" });

  constructor(options: PeersQuestOptions) {
    const { infoHash, noSeed, announce } = options;
    this.#options = options;
    this.target = infoHash;
    this.question = { type: "get-peers", infoHash, want: undefined, noSeed, scrape: false };
    this.fromEverywhere = announce !== undefined;
  }

  heard(now: Ms, candidate: Candidate, response: KrpcResponse): "go-on" {
    const addresses = usablePeers(candidate, response).filter((address) => this.#isNew(address));
    const { request, host } = this.#options;
    if (addresses.length > 0) host.tell(now, { type: "peers", request, addresses }, true);
    return "go-on";
  }

  verified(_now: Ms, _item: DhtItem): void {}

  gift(candidate: Candidate): QueryBody | undefined {
    const { announce, infoHash } = this.#options;
    const { token } = candidate;
    if (announce === undefined || token === undefined) return undefined;
    return { type: "announce-peer", infoHash, token, ...announce };
  }

  finish(): void {}

  #isNew(address: Address): boolean {
    const key = formatAddress(address);
    return !this.#told.has(key) && this.#told.add(key);
  }
}

/** The peers of an answer that can be peers at all. Nobody out in the world knows who is in our own network. */
export function usablePeers(candidate: Candidate, response: KrpcResponse): Address[] {
  const local = candidate.node.reach === "local";
  return peersOf(response.body).filter((address) => {
    const reach = reachOf(address);
    return reach === "global" || (local && reach === "local");
  });
}
