import type { Family, Ms } from "@dure/base";
import type { DhtItem } from "../krpc/index.ts";
import type { Endpoint } from "./endpoint.ts";
import { regionCount } from "./lookup.ts";
import type { DhtContact, DhtOutput, DhtRequestId, LookupReport } from "./messages.ts";
import type { Quest, QuestHost } from "./quest.ts";
import { SearchLeg } from "./search-leg.ts";

/** Nodes of the report, of each family. */
const reportedMax = regionCount;
/** Hops are told of the way to these: k of BEP 5. */
const closestCount = 8;

export interface SearchOptions {
  readonly request: DhtRequestId;
  readonly endpoints: readonly Endpoint[];
  readonly emit: (output: DhtOutput) => void;
  /** Has a signature checked; `verdict` tells. */
  readonly verify: (search: Search, item: DhtItem & { readonly type: "mutable" }) => void;
}

/**
 * A request from command to `done`: for each family a leg over one endpoint, or, where something is stored from each
 * address of ours, one after the other over all of them (BEP 45: not at once, and beginning where the last one ended).
 */
export class Search implements QuestHost {
  readonly request: DhtRequestId;
  readonly #options: SearchOptions;
  readonly #legs: SearchLeg[] = []; // at most one an endpoint
  readonly #next: Endpoint[] = []; // those whose family is busy
  #quest: Quest | undefined;
  #running = 0;
  #verifying = 0;
  #startedAt: Ms | undefined;
  #firstResultAt: Ms | undefined;
  #over = false;

  constructor(options: SearchOptions) {
    this.request = options.request;
    this.#options = options;
  }

  get over(): boolean {
    return this.#over;
  }

  start(now: Ms, quest: Quest): void {
    this.#quest = quest;
    this.#startedAt = now;
    const first = ([4, 6] as const).map((family) => largest(this.#options.endpoints, family));
    for (const endpoint of this.#options.endpoints) {
      if (quest.fromEverywhere && !first.includes(endpoint)) this.#next.push(endpoint);
    }
    const legs = first.flatMap((endpoint) => (endpoint === undefined ? [] : [this.#addLeg(endpoint, quest)]));
    for (const leg of legs) leg.start(now, []);
  }

  cancel(now: Ms): void {
    for (const leg of this.#legs) leg.stop();
    this.#finish(now, true);
  }

  tell(now: Ms, output: DhtOutput, counts: boolean): void {
    if (this.#over) return;
    if (counts) this.#firstResultAt ??= now;
    this.#options.emit(output);
  }

  verify(item: DhtItem & { readonly type: "mutable" }): void {
    this.#verifying += 1;
    this.#options.verify(this, item);
  }

  verdict(now: Ms, item: DhtItem, good: boolean): void {
    this.#verifying -= 1;
    if (this.#over) return;
    if (good) this.#quest?.verified(now, item);
    this.#endIfDone(now);
  }

  legEnded(now: Ms, leg: SearchLeg): void {
    this.#running -= 1;
    const next = this.#next.findIndex((endpoint) => endpoint.family === leg.endpoint.family);
    const [endpoint] = next < 0 ? [] : this.#next.splice(next, 1);
    if (endpoint !== undefined && this.#quest !== undefined) {
      const found = leg.alive.slice(0, reportedMax).map((candidate) => candidate.node);
      this.#addLeg(endpoint, this.#quest).start(now, found);
    }
    this.#endIfDone(now);
  }

  #addLeg(endpoint: Endpoint, quest: Quest): SearchLeg {
    const leg = new SearchLeg(endpoint, quest, this);
    this.#legs.push(leg);
    this.#running += 1;
    return leg;
  }

  #endIfDone(now: Ms): void {
    if (this.#running > 0 || this.#verifying > 0 || this.#over) return;
    this.#quest?.finish(now);
    this.#finish(now, false);
  }

  #finish(now: Ms, cancelled: boolean): void {
    if (this.#over) return;
    this.#options.emit({ type: "done", request: this.request, report: this.#report(now, cancelled) });
    this.#over = true;
  }

  #report(now: Ms, cancelled: boolean): LookupReport {
    const legs = this.#legs.toSorted((a, b) => a.endpoint.family - b.endpoint.family);
    const startedAt = this.#startedAt ?? now;
    const refused = new Map<number, number>();
    for (const { gifts } of legs) {
      for (const [code, count] of gifts.refusals) refused.set(code, (refused.get(code) ?? 0) + count);
    }
    const sum = (of: (leg: SearchLeg) => number) => legs.reduce((total, leg) => total + of(leg), 0);
    return {
      closest: legs.flatMap(closestOf),
      hops: Math.max(0, ...legs.flatMap((leg) => leg.alive.slice(0, closestCount).map(({ hops }) => hops))),
      queries: sum((leg) => leg.counts.queries),
      responses: sum((leg) => leg.counts.responses),
      timeouts: sum((leg) => leg.counts.timeouts),
      elapsed: now - startedAt,
      firstResult: this.#firstResultAt === undefined ? undefined : this.#firstResultAt - startedAt,
      stored: sum((leg) => leg.gifts.stored),
      refused: [...refused].map(([code, count]) => ({ code, count })),
      networkSize: Math.round(Math.max(0, ...legs.map((leg) => leg.endpoint.size.nodes ?? 0))),
      cancelled,
    };
  }
}

function closestOf(leg: SearchLeg): DhtContact[] {
  return leg.alive.slice(0, reportedMax).map(({ node }) => ({ id: node.id, address: node.address }));
}

// That of the most nodes: its lookups begin closest to their targets.
function largest(endpoints: readonly Endpoint[], family: Family): Endpoint | undefined {
  let found: Endpoint | undefined;
  for (const endpoint of endpoints) {
    if (endpoint.family !== family) continue;
    if (found === undefined || endpoint.table.size > found.table.size) found = endpoint;
  }
  return found;
}
