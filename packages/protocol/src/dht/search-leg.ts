import type { Ms } from "@dure/base";
import type { KrpcResponse } from "../krpc/index.ts";
import type { Candidate } from "./candidate.ts";
import type { CompactNode } from "./compact-node.ts";
import type { Endpoint, Stalled } from "./endpoint.ts";
import { Gifts } from "./gifts.ts";
import { Lookup, regionCount } from "./lookup.ts";
import { type LookupOwner, LookupRun } from "./lookup-run.ts";
import type { Quest } from "./quest.ts";
import { SideSearch } from "./side-search.ts";

/** Nodes one request stores at, at most: a crowd of strangers shall not make us shout. The closest are served first. */
const keepersMax = 200;

type State =
  /** The endpoint knows nobody yet, but is about to. */
  | { readonly name: "waiting" }
  | { readonly name: "looking" }
  | { readonly name: "beside" }
  | { readonly name: "giving" }
  | { readonly name: "done" };

export interface LegCounts {
  readonly queries: number;
  readonly responses: number;
  readonly timeouts: number;
}

/** One request over one endpoint: the lookup; from the sides too, where there is a crowd; then what is to be stored. */
export class SearchLeg implements LookupOwner, Stalled {
  readonly endpoint: Endpoint;
  readonly #quest: Quest;
  readonly #owner: { legEnded(now: Ms, leg: SearchLeg): void };
  readonly #lookup: Lookup;
  readonly #run: LookupRun;
  readonly #sides: SideSearch;
  readonly gifts: Gifts;
  #state: State = { name: "waiting" };
  #soughtBeside = false;

  constructor(endpoint: Endpoint, quest: Quest, owner: { legEnded(now: Ms, leg: SearchLeg): void }) {
    const { table, defences, countLocal, isSecure, size } = endpoint;
    this.endpoint = endpoint;
    this.#quest = quest;
    this.#owner = owner;
    const { target } = quest;
    this.#lookup = new Lookup({ target, ownId: table.ownId, defences, countLocal, isSecure, size });
    this.#run = new LookupRun({ lookup: this.#lookup, endpoint, body: quest.question, owner: this });
    this.#sides = new SideSearch(endpoint, this);
    this.gifts = new Gifts(endpoint, this);
  }

  /** Those that answered, closest first. */
  get alive(): Candidate[] {
    return this.#lookup.alive();
  }

  get counts(): LegCounts {
    const parts = [this.#run, this.#sides];
    return {
      queries: this.#lookup.queries + this.#sides.queries + this.gifts.queries,
      responses: this.#run.responses + this.#sides.responses + this.gifts.stored,
      timeouts: parts.reduce((sum, part) => sum + part.timeouts, this.gifts.timeouts),
    };
  }

  /** `nodes`: those another address of ours has just found there. */
  start(now: Ms, nodes: readonly CompactNode[]): void {
    this.#lookup.begin(nodes);
    this.advance(now);
  }

  stop(): void {
    this.#state = { name: "done" };
    this.endpoint.unstall(this);
    this.#run.stop();
    this.#sides.stop();
    this.gifts.stop();
  }

  advance(now: Ms): void {
    if (this.#state.name !== "waiting") return;
    const { table, joining } = this.endpoint;
    if (table.size === 0 && joining) return this.endpoint.stall(this);
    this.#state = { name: "looking" };
    this.#lookup.begin(table.closest(this.#quest.target, regionCount));
    this.#run.start(now);
  }

  heard(now: Ms, candidate: Candidate, response: KrpcResponse): "go-on" | "enough" {
    // Copied, for it outlives the datagram.
    if (response.body.token !== undefined) candidate.token = new Uint8Array(response.body.token);
    return this.#quest.heard(now, candidate, response);
  }

  // At a cold start the size of the network, and so of the region, is known only once we have joined it.
  mayEnd(): boolean {
    return !this.endpoint.joining;
  }

  ended(now: Ms, _run: LookupRun, enough: boolean): void {
    if (enough) return this.#end(now);
    const { defences, size } = this.endpoint;
    const seekBeside = defences.sideSearch && !this.#soughtBeside && this.#lookup.crowded;
    if (seekBeside) {
      this.#soughtBeside = true;
      this.#state = { name: "beside" };
      return this.#sides.start(now, this.#quest.target, this.#lookup.reach);
    }
    // Where there is a crowd, nothing is to be learnt of the rest of the network: that is what crowds are for.
    if (!this.#lookup.crowded) {
      const closest = this.alive.map(({ node }) => ({ id: node.id, group: node.group }));
      size.add(this.#quest.target, closest, this.#lookup.count);
    }
    this.#give(now);
  }

  sidesEnded(now: Ms, nodes: readonly CompactNode[]): void {
    for (const node of nodes) this.#lookup.want(node);
    this.#state = { name: "looking" };
    this.#run.start(now);
  }

  giftsEnded(now: Ms): void {
    this.#end(now);
  }

  #give(now: Ms): void {
    this.#state = { name: "giving" };
    const gifts: { candidate: Candidate; body: NonNullable<ReturnType<Quest["gift"]>> }[] = [];
    for (const candidate of this.#lookup.keepers().slice(0, keepersMax)) {
      const body = this.#quest.gift(candidate);
      if (body !== undefined) gifts.push({ candidate, body });
    }
    this.gifts.start(now, gifts);
  }

  #end(now: Ms): void {
    if (this.#lookup.queries > 0 && this.#run.responses === 0) this.endpoint.lost = true;
    this.stop();
    this.#owner.legEnded(now, this);
  }
}
