import type { Ms } from "@dure/base";
import type { DhtKey } from "../krpc/index.ts";
import type { CompactNode } from "./compact-node.ts";
import { keyBeside } from "./distance.ts";
import type { Endpoint } from "./endpoint.ts";
import { Lookup, regionCount } from "./lookup.ts";
import { type LookupOwner, LookupRun } from "./lookup-run.ts";

/**
 * Nodes around a target's region, found without going near the target.
 *
 * A crowd at the target fills every answer about the target: who is asked names the closest it knows, and those are
 * the crowd. Asked about keys beside it, in the neighbouring parts of the key space, nodes name others; and the nodes
 * there keep a bucket for just the region where the target lies, filled before the crowd came.
 */
export class SideSearch implements LookupOwner {
  readonly #endpoint: Endpoint;
  readonly #owner: { sidesEnded(now: Ms, nodes: readonly CompactNode[]): void };
  readonly #running = new Set<LookupRun>(); // one for each key
  readonly #found: CompactNode[] = []; // bounded by the keys and what a lookup finds
  queries = 0;
  responses = 0;
  timeouts = 0;

  constructor(endpoint: Endpoint, owner: { sidesEnded(now: Ms, nodes: readonly CompactNode[]): void }) {
    this.#endpoint = endpoint;
    this.#owner = owner;
  }

  /** `reach`: the share of the space that the region takes. */
  start(now: Ms, target: DhtKey, reach: number): void {
    const { table, countLocal, isSecure, size, prng } = this.#endpoint;
    const shared = Math.floor(-Math.log2(reach)); // leading bits that all of the region have in common
    // Once in the region's own outer half, twice in its sibling, once in the sibling of both.
    const places = [shared, shared - 1, shared - 1, shared - 2].filter((place) => place >= 0);
    const defences = { ...this.#endpoint.defences, region: false };
    for (const place of places) {
      const key = keyBeside(target, place, prng.bytes(20));
      const lookup = new Lookup({ target: key, ownId: table.ownId, defences, countLocal, isSecure, size });
      lookup.begin(table.closest(key, regionCount));
      const body = { type: "find-node", target: key, want: undefined } as const;
      this.#running.add(new LookupRun({ lookup, endpoint: this.#endpoint, body, owner: this }));
    }
    for (const run of [...this.#running]) run.start(now);
  }

  stop(): void {
    for (const run of this.#running) run.stop();
    this.#running.clear();
  }

  heard(): "go-on" {
    return "go-on";
  }

  mayEnd(): boolean {
    return true;
  }

  ended(now: Ms, run: LookupRun): void {
    this.queries += run.lookup.queries;
    this.responses += run.responses;
    this.timeouts += run.timeouts;
    for (const candidate of run.lookup.alive().slice(0, run.lookup.count)) this.#found.push(candidate.node);
    this.#running.delete(run);
    if (this.#running.size === 0) this.#owner.sidesEnded(now, this.#found);
  }
}
