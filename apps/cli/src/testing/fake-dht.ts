import { hex, must, parseAddress } from "@dure/base";
import type {
  DhtEvent,
  DhtHandle,
  DhtItem,
  DhtKey,
  DhtRequest,
  DhtSample,
  DhtStatus,
  LookupReport,
} from "@dure/host-node";
import { itemTarget } from "@dure/protocol";

export const reportOf = (change: Partial<LookupReport> = {}): LookupReport => ({
  closest: [],
  hops: 3,
  queries: 40,
  responses: 34,
  timeouts: 6,
  elapsed: 1200,
  firstResult: undefined,
  stored: 0,
  refused: [],
  networkSize: 1000,
  cancelled: false,
  ...change,
});

/** A DHT that holds what a test put into it, and remembers what it was asked. */
export class FakeDht implements DhtHandle {
  /** By target; each the next version of the one before. */
  readonly items = new Map<string, DhtItem[]>();
  readonly asked: string[] = [];
  readonly puts: { readonly item: DhtItem; readonly cas: number | undefined }[] = [];
  peersFound: readonly string[] = [];
  samplesFound: readonly DhtSample[] = [];
  report = reportOf();
  /** What a put comes to. */
  putReport = reportOf({ stored: 8 });
  putMeets: readonly DhtItem[] = [];
  readonly #listeners = new Set<(event: DhtEvent) => void>();
  #nodes = 12;

  become(nodes: number): void {
    this.#nodes = nodes;
  }

  hold(item: DhtItem): string {
    const target = hex(itemTarget(item));
    this.items.set(target, [...(this.items.get(target) ?? []), item]);
    return target;
  }

  emit(event: DhtEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  status(): DhtStatus {
    const nodes = this.#nodes;
    return {
      endpoints: [
        {
          family: 4,
          id: new Uint8Array(20).fill(0xab),
          externalIp: nodes > 0 ? "192.0.2.7" : undefined,
          nodes,
          goodNodes: Math.min(nodes, 9),
          buckets: [nodes],
          networkSize: nodes * 1000,
          ready: nodes > 0,
        },
      ],
      lookups: 0,
      queriesSent: 0,
      queriesAnswered: 0,
      queriesDropped: 0,
      topics: 0,
      peers: 0,
      items: 0,
    };
  }

  peers(infoHash: string): ReturnType<DhtHandle["peers"]> {
    this.asked.push(`peers ${infoHash}`);
    const addresses = this.peersFound.map((text) => must(parseAddress(text), "an address"));
    return request(addresses, this.report);
  }

  scrape(): ReturnType<DhtHandle["scrape"]> {
    return request([], this.report);
  }

  get(target: DhtKey, options: { readonly sequence?: number } = {}): DhtRequest<DhtItem> {
    this.asked.push(`get ${hex(target)}`);
    const all = this.items.get(hex(target)) ?? [];
    const { sequence = -1 } = options;
    const newer = all.filter((item) => item.type === "immutable" || item.sequence > sequence);
    return request(newer, this.report);
  }

  put(item: DhtItem, options: { readonly cas?: number } = {}): DhtRequest<DhtItem> {
    this.puts.push({ item, cas: options.cas });
    if (this.putReport.stored > 0) this.hold(item);
    return request(this.putMeets, this.putReport);
  }

  sample(target: DhtKey): DhtRequest<DhtSample> {
    this.asked.push(`sample ${hex(target)}`);
    return request(this.samplesFound, this.report);
  }

  findNode(target: DhtKey): DhtRequest<never> {
    this.asked.push(`find ${hex(target)}`);
    return request([], this.report);
  }

  addNodes(): void {}

  on(listener: (event: DhtEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function request<Found>(found: readonly Found[], report: LookupReport): DhtRequest<Found> {
  return {
    done: Promise.resolve(report),
    cancel: () => {},
    async *[Symbol.asyncIterator]() {
      yield* found;
    },
  };
}
