import { type Address, assert, type InfoHash, idBytes, type Ms } from "@dure/base";
import type { DhtAnswer, DhtDesk, DhtQuestion, DhtReport } from "@dure/carrier";
import { NodeError } from "../api.ts";
import type {
  DhtEvent,
  DhtHandle,
  DhtItem,
  DhtKey,
  DhtRequest,
  DhtSample,
  DhtScrape,
  DhtStatus,
} from "../dht-api.ts";
import { Request } from "./request.ts";

const addedMax = 100;
/** Warnings from before anybody listened: there are few kinds. */
const keptMax = 64;

export interface NodeDhtParts {
  readonly desk: DhtDesk;
  /** Runs as a turn of the carrier. Throws when the node is not open. */
  turn<T>(act: (now: Ms) => T): T;
  /** Info-hashes that the user wants nothing to do with. */
  denies(infoHash: InfoHash): boolean;
}

/** The DHT as the node's owner sees it. */
export class NodeDht implements DhtHandle {
  readonly #parts: NodeDhtParts;
  readonly #listeners = new Set<(event: DhtEvent) => void>(); // bounded by who subscribes
  #kept: DhtEvent[] = []; // bounded by keptMax
  #closed = false;

  constructor(parts: NodeDhtParts) {
    this.#parts = parts;
  }

  status(): DhtStatus {
    return this.#turn((now) => this.#parts.desk.status(now)) ?? nothing;
  }

  peers(
    infoHash: InfoHash,
    options: { readonly announce?: { readonly seed: boolean }; readonly noSeed?: boolean } = {},
  ): DhtRequest<Address> {
    this.#refuseDenied(infoHash);
    const question = { type: "get-peers", infoHash: idBytes(infoHash), ...options } as const;
    return this.#ask<Address>(question, (answer, found) => {
      if (answer.type === "peers") for (const address of answer.addresses) found(address);
    });
  }

  scrape(infoHash: InfoHash): DhtRequest<DhtScrape> {
    this.#refuseDenied(infoHash);
    return this.#ask<DhtScrape>({ type: "scrape", infoHash: idBytes(infoHash) }, (answer, found) => {
      if (answer.type === "scraped") found({ seeds: answer.seeds, peers: answer.peers });
    });
  }

  get(
    target: DhtKey,
    options: { readonly salt?: Uint8Array; readonly sequence?: number } = {},
  ): DhtRequest<DhtItem> {
    return this.#ask<DhtItem>({ type: "get", target: checked(target), ...options }, tellItems);
  }

  put(item: DhtItem, options: { readonly cas?: number } = {}): DhtRequest<DhtItem> {
    return this.#ask<DhtItem>({ type: "put", item, ...options }, tellItems);
  }

  sample(target: DhtKey): DhtRequest<DhtSample> {
    return this.#ask<DhtSample>({ type: "sample", target: checked(target) }, (answer, found) => {
      if (answer.type !== "samples") return;
      const { from, infoHashes, storedCount, interval } = answer;
      found({ from, infoHashes, storedCount, interval });
    });
  }

  findNode(target: DhtKey): DhtRequest<never> {
    return this.#ask<never>({ type: "find-node", target: checked(target) }, () => {});
  }

  addNodes(addresses: readonly Address[]): void {
    this.#turn((now) => this.#parts.desk.addNodes(now, addresses.slice(0, addedMax)));
  }

  on(listener: (event: DhtEvent) => void): () => void {
    this.#listeners.add(listener);
    for (const event of this.#kept.splice(0)) listener(event);
    return () => this.#listeners.delete(listener);
  }

  // ---- for the node

  hear({ report }: DhtReport): void {
    if (this.#listeners.size === 0 && report.type === "warning") {
      this.#kept.push(report);
      this.#kept = this.#kept.slice(-keptMax);
    }
    for (const listener of [...this.#listeners]) listener(report);
  }

  /** Saves its tables; every question ends. */
  close(): void {
    if (this.#closed) return;
    this.#parts.turn((now) => this.#parts.desk.stop(now));
    this.#closed = true;
  }

  #ask<Found>(
    question: DhtQuestion,
    tell: (answer: DhtAnswer, found: (found: Found) => void) => void,
  ): DhtRequest<Found> {
    const { desk } = this.#parts;
    const request = new Request<Found>(() => this.#turn((now) => desk.cancel(now, number)));
    const number = this.#turn((now) =>
      desk.ask(now, question, (answer) => {
        if (answer.type === "done") request.end(answer.report);
        else tell(answer, (found) => request.found(found));
      }),
    );
    return request;
  }

  #refuseDenied(infoHash: InfoHash): void {
    if (this.#parts.denies(infoHash))
      throw new NodeError("denied", `${infoHash} is on the deny list`, infoHash);
  }

  #turn<T>(act: (now: Ms) => T): T {
    if (this.#closed) throw new NodeError("stopped", "the node is closed");
    return this.#parts.turn(act);
  }
}

function tellItems(answer: DhtAnswer, found: (item: DhtItem) => void): void {
  if (answer.type === "value") found(answer.item);
}

function checked(key: DhtKey): DhtKey {
  assert(key.length === 20, "a key of the DHT has 20 bytes");
  return key;
}

/** Before the tables of last time are read, a moment after the node has opened. */
const nothing: DhtStatus = {
  endpoints: [],
  lookups: 0,
  queriesSent: 0,
  queriesAnswered: 0,
  queriesDropped: 0,
  topics: 0,
  peers: 0,
  items: 0,
};
