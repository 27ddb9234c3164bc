import { type Address, assert, BoundedMap, earliest, type Machine, type Ms, must, Queue } from "@dure/base";
import { type DhtItem, decodeKrpc, type KrpcQuery, signedBytes } from "../krpc/index.ts";
import { Checks } from "./checks.ts";
import { CompactNode } from "./compact-node.ts";
import { type Defences, defencesOn } from "./defences.ts";
import { Endpoint, isAskable } from "./endpoint.ts";
import type {
  DhtCommand,
  DhtInput,
  DhtOptions,
  DhtOutput,
  DhtSnapshot,
  DhtStatus,
  EndpointIndex,
} from "./messages.ts";
import { questFor } from "./quest-for.ts";
import { type PendingPut, Responder, type ResponderView } from "./responder/index.ts";
import { viewFor } from "./responder-view.ts";
import { Search } from "./search.ts";
import { transactionKey } from "./transaction-key.ts";
import { Upkeep } from "./upkeep.ts";

/** Requests that run at once; the others wait. */
const runningMax = 32;
/** At the top a request is told `done`, cancelled, at once. */
const waitingMax = 2000;
/** Signatures being checked. At the top one counts as bad. */
const jobsMax = 1024;

type Command = Exclude<DhtCommand, { readonly type: "cancel" }>;

type Job =
  | { readonly type: "put"; readonly endpoint: EndpointIndex; readonly to: Address; readonly job: number }
  | { readonly type: "item"; readonly search: Search; readonly item: DhtItem };

/** An endpoint and all that belongs to it. */
interface Place {
  readonly endpoint: Endpoint;
  readonly checks: Checks;
  readonly upkeep: Upkeep;
  readonly view: ResponderView;
}

/** A node of the DHT (BEP 5, 32, 33, 42, 43, 44, 45, 51): answers others, and finds and stores things for us. */
export class Dht implements Machine<DhtInput, DhtOutput> {
  readonly #options: DhtOptions;
  readonly #outbox = new Queue<DhtOutput>(); // drained after each input; one input gives at most what its limits allow
  readonly #places: readonly Place[];
  readonly #responder: Responder;
  readonly #running = new Map<number, Search>(); // bounded by runningMax
  readonly #waiting = new BoundedMap<number, Command>({ max: waitingMax, full: "refuse" });
  readonly #jobs = new BoundedMap<number, Job>({ max: jobsMax, full: "refuse" });
  #lastJob = 0;

  constructor(options: DhtOptions) {
    assert(options.endpoints.length > 0, "a node has an endpoint");
    assert(options.responder.tokenSecret.length >= 16, "a token secret has 16 bytes or more");
    this.#options = options;
    const { version, countLocal = false } = options;
    this.#responder = new Responder({
      countLocal,
      ...(version === undefined ? {} : { version }),
      ...options.responder,
    });
    const endpoints = this.#makeEndpoints({ ...defencesOn, ...options.defences });
    this.#places = endpoints.map((endpoint) => this.#placeOf(endpoint, endpoints));
  }

  handle(now: Ms, input: DhtInput): void {
    switch (input.type) {
      case "start":
        this.#start(now);
        break;
      case "datagram":
        // Most datagrams are queries, after which nothing else needs a look.
        if (this.#hear(now, input.endpoint, input.from, input.bytes) === "query") return;
        break;
      case "add-nodes":
        this.#addNodes(input.addresses);
        break;
      case "signature":
        this.#judge(now, input.job, input.good);
        break;
      case "external-address":
        this.#moved(now, input.endpoint, this.#place(input.endpoint).endpoint.setExternalIp(input.ip));
        break;
      case "network-changed":
        for (const { endpoint } of this.#places) endpoint.networkChanged(now);
        for (const { upkeep } of this.#places) upkeep.join(now);
        break;
      case "wake":
        for (const { endpoint } of this.#places) endpoint.expire(now);
        this.#responder.wake(now);
        break;
      case "cancel":
        this.#cancel(now, input.request);
        break;
      default:
        this.#command(now, input);
    }
    this.#settle(now);
  }

  poll(): DhtOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    let deadline = this.#responder.deadline();
    for (const { endpoint, checks, upkeep } of this.#places) {
      deadline = earliest(deadline, endpoint.deadline());
      deadline = earliest(deadline, earliest(checks.deadline(), upkeep.deadline()));
    }
    return deadline;
  }

  snapshot(): DhtSnapshot {
    const nodes = this.#places.flatMap(({ endpoint }) => endpoint.table.snapshot());
    return {
      ids: this.#places.map(({ endpoint }) => endpoint.table.ownId),
      contacts: nodes.map((node) => ({ id: node.id, address: node.address })),
    };
  }

  status(now: Ms): DhtStatus {
    const { topics, peers, items, answered, dropped } = this.#responder.status();
    const endpoints = this.#places.map(({ endpoint, upkeep }) => ({
      family: endpoint.family,
      id: endpoint.table.ownId,
      externalIp: endpoint.externalIp,
      ...endpoint.table.counts(now),
      networkSize: Math.round(endpoint.size.nodes ?? 0),
      ready: upkeep.ready,
    }));
    return {
      endpoints,
      lookups: this.#running.size + this.#waiting.size,
      queriesSent: this.#places.reduce((sum, { endpoint }) => sum + endpoint.queriesSent, 0),
      queriesAnswered: answered,
      queriesDropped: dropped,
      topics,
      peers,
      items,
    };
  }

  #start(now: Ms): void {
    for (const { id, address } of this.#options.contacts ?? []) {
      if (id.length !== 20) continue;
      const node = CompactNode.of(id, address);
      for (const { endpoint } of this.#places) {
        if (isAskable(address, endpoint.family)) endpoint.table.restore(node);
      }
    }
    for (const { endpoint, upkeep } of this.#places) {
      this.#tellId(endpoint);
      upkeep.join(now);
    }
  }

  #hear(now: Ms, index: EndpointIndex, from: Address, bytes: Uint8Array): "query" | "other" {
    const place = this.#place(index);
    // A flood is not worth decoding, but for answers to what we asked.
    if (this.#responder.banned(now, from) && !place.endpoint.awaits(from)) return "query";
    const message = decodeKrpc(bytes);
    if (!message.ok) return "query"; // noise, as all sockets hear
    if (message.value.kind === "query") {
      this.#answer(now, place, from, message.value);
      return "query";
    }
    this.#moved(now, index, place.endpoint.hear(now, from, message.value));
    return "other";
  }

  #answer(now: Ms, place: Place, from: Address, query: KrpcQuery): void {
    const { endpoint, checks, view } = place;
    if (!this.#options.readOnly) {
      const answer = this.#responder.answer(now, from, query, view);
      if (answer instanceof Uint8Array) this.#send(endpoint.index, from, answer);
      else if (answer !== undefined) this.#checkPut(endpoint.index, from, answer);
    }
    // BEP 43: who is read-only would not answer, and has no place in a table.
    if (endpoint.table.queried(now, query.id, from) || query.readOnly || checks.full) return;
    if (isAskable(from, endpoint.family)) checks.suggest(CompactNode.of(query.id, from));
  }

  #checkPut(endpoint: EndpointIndex, to: Address, put: PendingPut): void {
    const job = this.#newJob({ type: "put", endpoint, to, job: put.job });
    const { publicKey, signature, message } = put;
    if (job !== undefined)
      this.#outbox.push({ type: "verify-signature", job, publicKey, signature, message });
  }

  #checkItem(now: Ms, search: Search, item: DhtItem & { readonly type: "mutable" }): void {
    const job = this.#newJob({ type: "item", search, item });
    if (job === undefined) return search.verdict(now, item, false);
    const { publicKey, signature } = item;
    this.#outbox.push({ type: "verify-signature", job, publicKey, signature, message: signedBytes(item) });
  }

  #newJob(job: Job): number | undefined {
    this.#lastJob += 1;
    return this.#jobs.set(this.#lastJob, job) ? this.#lastJob : undefined;
  }

  #judge(now: Ms, number: number, good: boolean): void {
    const job = this.#jobs.get(number);
    if (job === undefined) return; // of a request that was cancelled
    this.#jobs.delete(number);
    if (job.type === "item") return job.search.verdict(now, job.item, good);
    const answer = this.#responder.verified(now, job.job, good);
    if (answer !== undefined) this.#send(job.endpoint, job.to, answer);
  }

  #addNodes(addresses: readonly Address[]): void {
    for (const address of addresses) {
      for (const { endpoint, checks } of this.#places) {
        if (isAskable(address, endpoint.family)) checks.suggestAddress(address);
      }
    }
  }

  #command(now: Ms, command: Command): void {
    const { request } = command;
    assert(!this.#running.has(request) && !this.#waiting.has(request), "a request's number is its own");
    if (this.#running.size < runningMax) return this.#run(now, command);
    if (!this.#waiting.set(request, command)) this.#newSearch(now, request).cancel(now);
  }

  #run(now: Ms, command: Command): void {
    const search = this.#newSearch(now, command.request);
    this.#running.set(command.request, search);
    for (const { upkeep } of this.#places) upkeep.hurry(now);
    search.start(now, questFor(command, search));
  }

  #newSearch(now: Ms, request: number): Search {
    return new Search({
      request,
      endpoints: this.#places.map(({ endpoint }) => endpoint),
      emit: (output) => this.#outbox.push(output),
      verify: (search, item) => this.#checkItem(now, search, item),
    });
  }

  #cancel(now: Ms, request: number): void {
    this.#running.get(request)?.cancel(now);
    if (this.#waiting.delete(request)) this.#newSearch(now, request).cancel(now);
  }

  // What follows from an input: joins, checks of nodes, requests that can begin because others ended.
  #settle(now: Ms): void {
    for (const { endpoint, checks, upkeep } of this.#places) {
      upkeep.wake(now);
      checks.wake(now);
      if (upkeep.takeReady()) {
        this.#outbox.push({ type: "ready", endpoint: endpoint.index, nodes: endpoint.table.size });
      }
    }
    for (;;) {
      for (const [request, search] of this.#running) if (search.over) this.#running.delete(request);
      if (this.#running.size >= runningMax) return;
      const next = this.#waiting.values().next();
      if (next.done) return;
      this.#waiting.delete(next.value.request);
      this.#run(now, next.value);
    }
  }

  // BEP 42: under the new id we have other neighbours.
  #moved(now: Ms, index: EndpointIndex, moved: boolean): void {
    if (!moved) return;
    const { endpoint, upkeep } = this.#place(index);
    this.#tellId(endpoint);
    upkeep.join(now);
  }

  #tellId(endpoint: Endpoint): void {
    this.#outbox.push({ type: "id", endpoint: endpoint.index, id: endpoint.table.ownId });
  }

  #send(endpoint: EndpointIndex, to: Address, bytes: Uint8Array): void {
    this.#outbox.push({ type: "send", endpoint, to, bytes });
  }

  #place(index: EndpointIndex): Place {
    return must(this.#places[index], "an endpoint of this node");
  }

  #makeEndpoints(defences: Defences): Endpoint[] {
    const { prng, responder, version, countLocal = false, readOnly = false } = this.#options;
    return this.#options.endpoints.map(
      ({ family, id, externalIp }, index) =>
        new Endpoint({
          index,
          family,
          id,
          externalIp,
          defences,
          countLocal,
          readOnly,
          version,
          prng: prng.split(`endpoint ${index}`),
          key: transactionKey(responder.tokenSecret, index),
          outbox: this.#outbox,
        }),
    );
  }

  #placeOf(endpoint: Endpoint, endpoints: readonly Endpoint[]): Place {
    const checks = new Checks(endpoint);
    const other = endpoints.find(({ family }) => family !== endpoint.family);
    const upkeep = new Upkeep({
      endpoint,
      checks,
      bootstrap: this.#options.bootstrap,
      want: other === undefined ? undefined : { nodes4: true, nodes6: true },
      foreign: (nodes) => other !== undefined && this.#place(other.index).checks.suggestCompact(nodes),
    });
    return { endpoint, checks, upkeep, view: viewFor(endpoint, endpoints) };
  }
}
