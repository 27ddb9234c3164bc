import { type Address, assert, type Family, type Ms, type Prng, type Queue } from "@dure/base";
import {
  type DhtKey,
  encodeKrpc,
  isNodeIdValid,
  type KrpcError,
  type KrpcResponse,
  nodeIdFor,
  type QueryBody,
  Slab,
} from "../krpc/index.ts";
import type { Purpose } from "./asker.ts";
import { CompactNode, reachOf } from "./compact-node.ts";
import type { Defences } from "./defences.ts";
import { equalKeys } from "./distance.ts";
import { ExternalVotes } from "./external-votes.ts";
import type { DhtOutput } from "./messages.ts";
import { RoundTrips } from "./round-trips.ts";
import { RoutingTable } from "./routing-table.ts";
import { SizeEstimate } from "./size-estimate.ts";
import { type Transaction, Transactions, transactionBytes } from "./transactions.ts";

/** Silent nodes that are remembered until somebody answers, and for how long. The oldest goes. */
const silentMax = 8;
const silentFor = 10_000;

export interface EndpointOptions {
  readonly index: number;
  readonly family: Family;
  readonly id: DhtKey | undefined;
  readonly externalIp: string | undefined;
  readonly defences: Defences;
  readonly countLocal: boolean;
  readonly readOnly: boolean;
  readonly version: Uint8Array | undefined;
  readonly prng: Prng;
  /** 16 secret bytes for transaction ids. */
  readonly key: Uint8Array;
  /** Where all endpoints leave what should be done. Drained after each input. */
  readonly outbox: Queue<DhtOutput>;
}

/** Queries share memory: some thirty fit. */
const slabBytes = 4 * 1024;

/** Waits for a place among the queries in flight, or for the node to have joined the network. */
export interface Stalled {
  advance(now: Ms): void;
}

/** One local address: its id, its table, its queries in flight. It knows how to ask; others know what. */
export class Endpoint {
  readonly index: number;
  readonly family: Family;
  readonly table: RoutingTable;
  readonly size = new SizeEstimate(() => this.table.size);
  readonly defences: Defences;
  readonly countLocal: boolean;
  readonly prng: Prng;
  /** Set by the upkeep: the node looks for its place, so what is known now is little. */
  joining = false;
  /** A lookup asked nodes and not one answered: what we know of the network may be of the past. */
  lost = false;
  readonly #options: EndpointOptions;
  readonly #outbox: Queue<DhtOutput>;
  readonly #roundTrips = new RoundTrips();
  readonly #transactions: Transactions<Purpose>;
  readonly #votes: ExternalVotes;
  readonly #slab = new Slab(slabBytes);
  readonly #stalled = new Set<Stalled>(); // bounded by the lookups that run
  #externalIp: string | undefined;
  #voting: boolean;
  #heardAt = Number.NEGATIVE_INFINITY;
  #silent: { readonly node: CompactNode; readonly at: Ms }[] = []; // since the last answer; bounded by silentMax
  #queriesSent = 0;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.index = options.index;
    this.family = options.family;
    this.defences = options.defences;
    this.countLocal = options.countLocal;
    this.prng = options.prng;
    this.#outbox = options.outbox;
    this.#externalIp = options.externalIp;
    this.#voting = options.externalIp === undefined;
    this.#votes = new ExternalVotes(options.family);
    this.#transactions = new Transactions({ key: options.key, roundTrips: this.#roundTrips });
    this.table = new RoutingTable({
      ownId: this.#firstId(),
      subnetLimits: options.defences.subnetLimits,
      countLocal: options.countLocal,
      secureIds: options.defences.secureIds,
      isSecure: this.isSecure,
    });
  }

  get externalIp(): string | undefined {
    return this.#externalIp;
  }

  get queriesSent(): number {
    return this.#queriesSent;
  }

  /** BEP 42; a property, so that it can be handed on. */
  readonly isSecure = (node: CompactNode): boolean =>
    this.#options.defences.secureIds === "off" || isNodeIdValid(node.id, node.address.ip);

  awaits(from: Address): boolean {
    return this.#transactions.awaits(from);
  }

  /** False when too many queries are in flight: the asker is called again when one is over. */
  ask(now: Ms, purpose: Purpose, body: QueryBody): boolean {
    const transaction = this.#transactions.open(now, purpose.to, purpose);
    if (transaction === undefined) return false;
    if (purpose.node !== undefined) this.table.asked(now, purpose.node);
    this.#queriesSent += 1;
    const bytes = encodeKrpc(
      {
        kind: "query",
        transaction: transactionBytes(transaction.id),
        version: this.#options.version,
        id: this.table.ownId,
        readOnly: this.#options.readOnly,
        body,
      },
      this.#slab,
    );
    this.#outbox.push({ type: "send", endpoint: this.index, to: purpose.to, bytes });
    return true;
  }

  stall(waiting: Stalled): void {
    this.#stalled.add(waiting);
  }

  unstall(waiting: Stalled): void {
    this.#stalled.delete(waiting);
  }

  resume(now: Ms): void {
    if (this.#stalled.size === 0) return;
    const waiting = [...this.#stalled];
    this.#stalled.clear();
    for (const one of waiting) one.advance(now);
  }

  /** True when our id had to move. */
  hear(now: Ms, from: Address, message: KrpcResponse | KrpcError): boolean {
    const transaction = this.#transactions.close(now, from, message.transaction);
    if (transaction === undefined) return false; // too late, or a forgery
    this.#blameSilent(now);
    const { purpose } = transaction;
    if (message.kind === "error") this.#hearError(now, purpose, message);
    else this.#hearResponse(now, purpose, message);
    this.resume(now);
    return message.seenAs !== undefined && this.#vote(from, message.seenAs);
  }

  /** The host knows it: nobody else is asked. True when our id had to move. */
  setExternalIp(ip: string): boolean {
    this.#voting = false;
    return this.#adopt(ip);
  }

  expire(now: Ms): void {
    for (;;) {
      const overdue = this.#transactions.overdue(now);
      if (overdue === undefined) break;
      if (overdue.type === "slow") overdue.transaction.purpose.asker.slow(now, overdue.transaction.purpose);
      else this.#lose(now, overdue.transaction);
    }
    this.resume(now);
  }

  deadline(): Ms | undefined {
    return this.#transactions.deadline();
  }

  /** Another network: what was asked is not answered any more, and nobody is to blame. */
  networkChanged(now: Ms): void {
    this.#roundTrips.forget();
    this.#votes.forget();
    this.#silent = [];
    this.size.forget();
    this.table.doubtAll();
    for (const { purpose } of this.#transactions.clear()) purpose.asker.silent(now, purpose);
  }

  #hearResponse(now: Ms, purpose: Purpose, response: KrpcResponse): void {
    // Somebody else lives there now, or this one changes its id with the asker (BEP 45: both are reasons to evict).
    if (purpose.node !== undefined && !equalKeys(purpose.node.compact, response.id)) {
      this.table.evict(purpose.node);
      return purpose.asker.silent(now, purpose);
    }
    const node = purpose.node ?? CompactNode.of(response.id, purpose.to);
    this.table.answered(now, node);
    purpose.asker.answered(now, purpose, response, node);
  }

  // An error is an answer too: the node lives.
  #hearError(now: Ms, purpose: Purpose, error: KrpcError): void {
    if (purpose.node !== undefined) this.table.answered(now, purpose.node);
    purpose.asker.refused(now, purpose, error);
  }

  // Who is silent while others answer has failed. If nobody answers at all, it is our own line that is down.
  #lose(now: Ms, { purpose, sentAt }: Transaction<Purpose>): void {
    const { node } = purpose;
    if (node !== undefined && this.#heardAt > sentAt) this.table.failed(node);
    else if (node !== undefined) this.#silent = [...this.#silent.slice(1 - silentMax), { node, at: now }];
    purpose.asker.silent(now, purpose);
  }

  // Where little is asked, the answer that shows our line to be up comes only with the next question.
  #blameSilent(now: Ms): void {
    this.#heardAt = now;
    for (const { node, at } of this.#silent) if (now - at <= silentFor) this.table.failed(node);
    this.#silent = [];
  }

  #vote(voter: Address, seenAs: Address): boolean {
    if (!this.#voting) return false;
    const ip = this.#votes.add(voter, seenAs);
    return ip !== undefined && this.#adopt(ip);
  }

  #adopt(ip: string): boolean {
    if (ip === this.#externalIp) return false;
    this.#externalIp = ip;
    if (isNodeIdValid(this.table.ownId, ip)) return false;
    this.table.moveTo(nodeIdFor(ip, this.prng.bytes(20)));
    return true;
  }

  #firstId(): DhtKey {
    const { id, externalIp, prng } = this.#options;
    assert(id === undefined || id.length === 20, "an id has 20 bytes");
    if (id !== undefined && (externalIp === undefined || isNodeIdValid(id, externalIp))) return id;
    return externalIp === undefined ? prng.bytes(20) : nodeIdFor(externalIp, prng.bytes(20));
  }
}

/** Whether nodes at this address can be asked over an endpoint of this family. */
export function isAskable(address: Address, family: Family): boolean {
  return address.ip.includes(":") === (family === 6) && reachOf(address) !== "impossible";
}
