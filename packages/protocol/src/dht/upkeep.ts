import { type Address, earliest, type Ms, ms } from "@dure/base";
import type { DhtKey, KrpcResponse, QueryBody, Want } from "../krpc/index.ts";
import type { Asker, Purpose } from "./asker.ts";
import type { Checks } from "./checks.ts";
import type { CompactNode } from "./compact-node.ts";
import { goodFor, never } from "./contact.ts";
import { type Endpoint, isAskable } from "./endpoint.ts";
import { Lookup, regionCount } from "./lookup.ts";
import { type LookupOwner, LookupRun } from "./lookup-run.ts";
import { SizeEstimate } from "./size-estimate.ts";

/** A node we are not sure of is asked every so often: all of a table within its quarter of an hour, none in a burst. */
const stalestWait = 6000;
/** After a restart, those of the last life are gone through faster. */
const restoredWait = 100;
/** Between lookups that keep our neighbourhood and the estimate of the network's size fresh, give or take a fifth. */
const refreshWait = 10 * 60_000;
/** The first of them come soon: one lookup alone estimates badly. */
const firstRefreshes = [3000, 15_000, 90_000];
/** Nobody answered: try again, ever more slowly. */
const joinRetryFirst = 3000;
const joinRetryMax = 5 * 60_000;
/** Bootstrap nodes asked at once, and how often each while nobody answers: one packet lost is no network lost. */
const bootstrapMax = 8;
const bootstrapAttempts = 3;
/** A request hurries the next attempt, but not sooner than this after the last. */
const hurryWait = 5000;
/** With fewer nodes of our own than this, bootstrap nodes are asked as well. */
const ownEnough = 8;

type State =
  /** No contacts, no bootstrap nodes: nothing to do until somebody shows up. */
  | { readonly name: "idle" }
  | { readonly name: "joining"; readonly run: LookupRun; readonly failures: number }
  /** Nobody answered; `failures` times by now. */
  | { readonly name: "alone"; readonly since: Ms; readonly until: Ms; readonly failures: number }
  | {
      readonly name: "ready";
      readonly refreshAt: Ms;
      readonly refreshes: number;
      readonly run: LookupRun | undefined;
    };

/** What an endpoint does by itself: joins the network, keeps its table alive, and knows how large the network is. */
export class Upkeep implements Asker, LookupOwner {
  readonly #endpoint: Endpoint;
  readonly #checks: Checks;
  readonly #bootstrap: readonly Address[];
  /** BEP 32: who joins with two families asks for the nodes of both. */
  readonly #want: Want | undefined;
  readonly #foreign: (nodes: Uint8Array) => void;
  #current: State = { name: "idle" };
  #stalestAt: Ms = ms(0);
  // Those asked that were not slow yet, and how often each was asked. At most bootstrapMax at a time.
  readonly #bootstrapping = new Map<Purpose, number>();
  #becameReady = false;

  constructor(options: {
    readonly endpoint: Endpoint;
    readonly checks: Checks;
    readonly bootstrap: readonly Address[];
    readonly want: Want | undefined;
    /** Nodes of the other family that were named to us. */
    readonly foreign: (nodes: Uint8Array) => void;
  }) {
    this.#endpoint = options.endpoint;
    this.#checks = options.checks;
    this.#bootstrap = options.bootstrap.filter((address) => isAskable(address, options.endpoint.family));
    this.#want = options.want;
    this.#foreign = options.foreign;
  }

  get #state(): State {
    return this.#current;
  }

  set #state(state: State) {
    this.#current = state;
    this.#endpoint.joining = state.name === "joining";
  }

  get ready(): boolean {
    return this.#state.name === "ready";
  }

  /** True once after each join. */
  takeReady(): boolean {
    const became = this.#becameReady;
    this.#becameReady = false;
    return became;
  }

  /** Looks for the nodes nearest to ourselves (BEP 5). Also after our id moved or the network changed. */
  join(now: Ms): void {
    this.#stop();
    this.#join(now, 0);
  }

  /** Somebody wants something of the network: this is no time to wait for the next attempt to join it. */
  hurry(now: Ms): void {
    const state = this.#state;
    if (state.name === "alone" && now - state.since >= hurryWait) this.#join(now, state.failures);
  }

  wake(now: Ms): void {
    const state = this.#state;
    if (state.name === "alone" && state.until <= now) this.#join(now, state.failures);
    // Somebody showed up by themselves.
    if (state.name !== "joining" && state.name !== "ready" && this.#endpoint.table.size > 0)
      this.#join(now, 0);
    if (state.name === "ready" && this.#endpoint.lost) return this.#rejoin(now);
    if (state.name === "ready" && state.refreshAt <= now) this.#refresh(now, state.refreshes);
    if (this.#stalestAt <= now) this.#askStalest(now);
  }

  deadline(): Ms | undefined {
    const state = this.#state;
    const stalest = this.#endpoint.table.size === 0 ? undefined : this.#stalestAt;
    if (state.name === "alone") return earliest(state.until, stalest);
    return state.name === "ready" ? earliest(state.refreshAt, stalest) : stalest;
  }

  heard(_now: Ms, _candidate: unknown, response: KrpcResponse): "go-on" {
    this.#suggestForeign(response);
    return "go-on";
  }

  mayEnd(): boolean {
    return this.#bootstrapping.size === 0;
  }

  ended(now: Ms, run: LookupRun): void {
    const alive = run.lookup.alive();
    const closest = alive.map((candidate) => ({ id: candidate.node.id, group: candidate.node.group }));
    this.#endpoint.size.add(run.lookup.target, closest, run.lookup.count);
    for (const node of run.lookup.unasked(regionCount)) this.#checks.suggest(node);
    const state = this.#state;
    if (state.name === "joining") this.#joined(now, alive.length, state.failures);
    else if (state.name === "ready") this.#state = { ...state, run: undefined };
    if (state.name === "ready" && alive.length === 0) this.#endpoint.lost = true;
    this.#endpoint.resume(now);
  }

  // What follows is of bootstrap nodes.

  answered(now: Ms, purpose: Purpose, response: KrpcResponse, node: CompactNode): void {
    this.#suggestForeign(response);
    const named = this.#endpoint.family === 4 ? response.body.nodes : response.body.nodes6;
    if (this.#state.name === "joining") this.#state.run.lookup.met(node, named ?? new Uint8Array(0));
    this.#settle(now, purpose);
  }

  refused(now: Ms, purpose: Purpose): void {
    this.#settle(now, purpose);
  }

  // One that is slow holds up nobody who has others to ask; should it answer later, we begin again.
  slow(now: Ms, purpose: Purpose): void {
    const attempts = this.#bootstrapping.get(purpose) ?? bootstrapAttempts;
    const heardNobody = this.#state.name === "joining" && this.#state.run.responses === 0;
    if (heardNobody && attempts < bootstrapAttempts) this.#askBootstrap(now, purpose.to, attempts + 1);
    this.#settle(now, purpose);
  }

  silent(now: Ms, purpose: Purpose): void {
    this.#settle(now, purpose);
  }

  #join(now: Ms, failures: number): void {
    this.#endpoint.lost = false;
    const { table, prng } = this.#endpoint;
    const own = table.closest(table.ownId, regionCount);
    const asked = own.length >= ownEnough && failures === 0 ? [] : prng.shuffle([...this.#bootstrap]);
    if (own.length + asked.length === 0) {
      this.#state = { name: "idle" };
      return this.#endpoint.resume(now);
    }
    const run = this.#runFor(table.ownId);
    this.#state = { name: "joining", run, failures };
    run.lookup.begin(own);
    for (const address of asked.slice(0, bootstrapMax)) this.#askBootstrap(now, address);
    run.start(now);
  }

  // As after a failure: the bootstrap nodes are asked too.
  #rejoin(now: Ms): void {
    this.#stop();
    this.#join(now, 1);
  }

  #joined(now: Ms, alive: number, failures: number): void {
    if (alive > 0) {
      this.#becameReady = true;
      this.#state = { name: "ready", refreshAt: ms(now + this.#refreshIn(0)), refreshes: 0, run: undefined };
      return;
    }
    const wait = Math.min(joinRetryMax, joinRetryFirst * 2 ** failures);
    const until = ms(now + this.#about(wait));
    this.#state = { name: "alone", since: now, until, failures: Math.min(failures + 1, 16) };
  }

  #askBootstrap(now: Ms, to: Address, attempts = 1): void {
    const purpose = { asker: this, to, node: undefined, candidate: undefined };
    const target = this.#endpoint.table.ownId;
    const asked = this.#endpoint.ask(now, purpose, { type: "find-node", target, want: this.#want });
    if (asked) this.#bootstrapping.set(purpose, attempts);
  }

  #settle(now: Ms, purpose: Purpose): void {
    this.#bootstrapping.delete(purpose);
    if (this.#state.name === "joining") this.#state.run.advance(now);
  }

  // In turn our own neighbourhood, which must be known, and anywhere, for the estimate and the far buckets.
  #refresh(now: Ms, refreshes: number): void {
    const { table, prng } = this.#endpoint;
    const anywhere = refreshes < firstRefreshes.length || refreshes % 2 === 0;
    const target = anywhere ? prng.bytes(20) : table.ownId;
    const run = this.#runFor(target);
    const refreshAt = ms(now + this.#refreshIn(refreshes + 1));
    this.#stop();
    this.#state = { name: "ready", refreshAt, refreshes: refreshes + 1, run };
    run.lookup.begin(table.closest(target, regionCount));
    run.start(now);
  }

  #refreshIn(refreshes: number): number {
    return firstRefreshes[refreshes] ?? this.#about(refreshWait);
  }

  // As many as have to answer, and no region: an estimate must not depend on the one before.
  #runFor(target: DhtKey): LookupRun {
    const endpoint = this.#endpoint;
    const { table, defences, countLocal, isSecure } = endpoint;
    const size = new SizeEstimate();
    const lookup = new Lookup({ target, ownId: table.ownId, defences, countLocal, isSecure, size });
    const body: QueryBody = { type: "find-node", target, want: this.#want };
    return new LookupRun({ lookup, endpoint, body, owner: this });
  }

  #askStalest(now: Ms): void {
    const { contact, nextAt } = this.#endpoint.table.stalest(now);
    const wait = this.#about(contact?.lastHeard === never ? restoredWait : stalestWait);
    // Nobody is in doubt: not before somebody is.
    this.#stalestAt = ms(
      contact === undefined ? Math.max(now + wait, Math.min(nextAt, now + goodFor)) : now + wait,
    );
    if (contact !== undefined) this.#checks.askStalest(now, contact.node);
  }

  #suggestForeign(response: KrpcResponse): void {
    const foreign = this.#endpoint.family === 4 ? response.body.nodes6 : response.body.nodes;
    if (foreign !== undefined && foreign.length > 0) this.#foreign(foreign);
  }

  #stop(): void {
    const state = this.#state;
    if (state.name === "joining" || state.name === "ready") state.run?.stop();
  }

  #about(wait: number): number {
    return wait * (0.8 + 0.4 * this.#endpoint.prng.float());
  }
}
