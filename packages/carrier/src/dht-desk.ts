import {
  type Address,
  assert,
  earliest,
  type Family,
  familyOf,
  type InfoHash,
  type Ms,
  minutes,
  ms,
  Queue,
  seconds,
} from "@dure/base";
import type { AnnounceAs, Dht, DhtInput, DhtOutput, DhtRequestId, DhtStatus } from "@dure/protocol";
import type { CarriedTorrent } from "./carried-torrent.ts";
import type { Desk } from "./desk.ts";
import { DhtBootstrap } from "./dht-bootstrap.ts";
import { type DhtDeskOptions, type DhtPlace, type DhtStart, dhtOf } from "./dht-options.ts";
import { type DhtAnswer, type DhtQuestion, DhtQuestions } from "./dht-questions.ts";
import { contactsOf, tablesOf } from "./dht-tables.ts";
import { DhtTopics } from "./dht-topics.ts";
import type { HostEvent, StateResult } from "./ports/index.ts";
import type { DhtReport } from "./reports.ts";

const saveEvery = minutes(10);
/** The first table is worth keeping, should the process not live to the second; so is a new id. */
const saveSoon = minutes(1);
/** PORT messages heeded in ten seconds: each costs a datagram to an address that a stranger named. */
const portsEvery = seconds(10);
const portsMax = 20;
/** So many nodes that have answered: a question finds its way from there, and from the rest of the saved table. */
const goodEnough = 2;
/** What is kept, datagrams mostly, while the tables of last time are read; more are dropped, as by a full socket. */
const keptMax = 64;

type State =
  | { readonly name: "idle" }
  /** The tables of last time are on their way. */
  | { readonly name: "loading"; readonly kept: DhtInput[] }
  | {
      readonly name: "running";
      readonly dht: Dht;
      readonly places: readonly DhtPlace[];
      readonly saveAt: Ms;
    }
  | { readonly name: "stopped" };

export interface DhtDeskParts {
  readonly desk: Desk;
  readonly options: DhtDeskOptions;
  readonly torrents: ReadonlyMap<InfoHash, CarriedTorrent>;
  /** Of the turn under way. */
  time(): Ms;
  /** IPs that are neither heard nor asked. */
  readonly filtered: (ip: string) => boolean;
}

/**
 * The DHT of a node: what it says and hears, what the node's owner asks of it, and where torrents find their peers.
 *
 *   idle ── start ──▶ loading ── tables of last time ──▶ running ── stop ──▶ stopped
 */
export class DhtDesk {
  readonly #parts: DhtDeskParts;
  readonly #desk: Desk;
  readonly #options: DhtDeskOptions;
  readonly #topics: DhtTopics;
  readonly #questions: DhtQuestions;
  readonly #bootstrap: DhtBootstrap;
  /** What was said while outputs were being carried out. Bounded: a few for each output. */
  readonly #inbox = new Queue<DhtInput>();
  #state: State = { name: "idle" };
  #start: DhtStart | undefined;
  #settling = false;
  #ports = { from: ms(Number.NEGATIVE_INFINITY), count: 0 };
  /** Ports that a gateway maps to ours, where that is known. */
  readonly #externalPorts = new Map<Family, number>(); // one a family
  #saveFailed = false;

  constructor(parts: DhtDeskParts) {
    const { desk, options } = parts;
    this.#parts = parts;
    this.#desk = desk;
    this.#options = options;
    this.#topics = new DhtTopics({
      prng: options.prng.split("topics"),
      torrents: parts.torrents,
      time: parts.time,
      ask: (now, question, hear) => this.ask(now, question, hear),
      cancel: (now, request) => this.cancel(now, request),
    });
    this.#questions = new DhtQuestions((seed) => this.#announceAs(seed));
    this.#bootstrap = new DhtBootstrap({
      nodes: options.bootstrap,
      resolve: (request, host, family) =>
        // The app named it, so it may be anywhere.
        this.#desk.emit({ type: "resolve", request, host, family, trust: "any" }),
      unresolved: (host) =>
        this.#tell({
          type: "warning",
          code: "dht-bootstrap",
          message: `${host}: no address of this bootstrap node is found; it is looked for again`,
        }),
    });
  }

  /** Peers are told that we take part (BEP 5). Not when we answer nobody (BEP 43). */
  get advertised(): boolean {
    const { name } = this.#state;
    return this.#options.readOnly !== true && (name === "loading" || name === "running");
  }

  /** Once, when the host's sockets are open. */
  start(start: DhtStart): void {
    assert(this.#state.name === "idle", "the DHT starts once");
    this.#start = start;
    this.#state = { name: "loading", kept: [] };
    this.#desk.state({ type: "load-dht" }, (result) => this.#loaded(start, result));
  }

  deadline(): Ms | undefined {
    if (this.#state.name !== "running") return undefined;
    const { dht, saveAt } = this.#state;
    const asked = earliest(this.#questions.deadline(), this.#bootstrap.deadline());
    return earliest(earliest(dht.deadline(), this.#topics.deadline()), earliest(saveAt, asked));
  }

  wake(now: Ms): void {
    if (this.#state.name !== "running") return;
    const due = this.#state.dht.deadline();
    if (due !== undefined && due <= now) this.#say({ type: "wake" });
    if (this.#questions.deadline() !== undefined) this.#askEarly(now, false);
    this.#topics.wake(now);
    if (this.#state.saveAt <= now) {
      this.#state = { ...this.#state, saveAt: ms(now + saveEvery) };
      this.save();
      if (this.#alone(now) && this.#bootstrap.deadline() === undefined) this.#bootstrap.begin(now);
    }
    this.#bootstrap.wake(now);
    this.#settle(now);
  }

  // ---- what the host brings

  heard(now: Ms, from: Address, bytes: Uint8Array): void {
    const endpoint = this.#endpointOf(familyOf(from.ip));
    if (endpoint < 0 || this.#parts.filtered(from.ip)) return;
    const loading = this.#state.name === "loading"; // the host uses the memory again meanwhile
    this.#hear({ type: "datagram", endpoint, from, bytes: loading ? bytes.slice() : bytes });
    this.#settle(now);
    if (!this.#questions.ready) this.#checkAnswers(now);
  }

  handle(now: Ms, event: Extract<HostEvent, { type: "signature" | "resolved" | "resolve-failed" }>): void {
    if (event.type === "signature") this.#say(event);
    else {
      const addresses = this.#bootstrap.handle(event);
      if (addresses.length > 0) this.#say({ type: "add-nodes", addresses });
    }
    this.#settle(now);
  }

  networkChanged(now: Ms): void {
    if (this.#state.name !== "running") return;
    this.#say({ type: "network-changed" });
    this.#bootstrap.begin(now);
    this.#settle(now);
  }

  /** How the world sees us, as a gateway says: its address, and the port it maps to ours. */
  externalAddress(
    now: Ms,
    external: { readonly family: Family; readonly ip?: string; readonly port?: number },
  ): void {
    const { family, ip, port } = external;
    if (port !== undefined) this.#externalPorts.set(family, port);
    const endpoint = this.#endpointOf(family);
    if (ip === undefined || endpoint < 0) return;
    this.#hear({ type: "external-address", endpoint, ip });
    this.#settle(now);
  }

  // ---- what torrents bring

  /** The torrent has come, or may have changed whether and how it takes part. */
  look(now: Ms, torrent: CarriedTorrent): void {
    this.#topics.look(now, torrent);
    this.#settle(now);
  }

  removed(now: Ms, infoHash: InfoHash): void {
    this.#topics.left(now, infoHash);
    this.#settle(now);
  }

  /** A peer has told its port (BEP 5). */
  portHeard(now: Ms, address: Address): void {
    if (now - this.#ports.from >= portsEvery) this.#ports = { from: now, count: 0 };
    this.#ports.count += 1;
    if (this.#ports.count <= portsMax) this.addNodes(now, [address]);
  }

  // ---- what the node's owner asks

  /** `hear` gets all that comes of it, `done` last. Before the node is ready the question waits, a few seconds at most. */
  ask(now: Ms, question: DhtQuestion, hear: (answer: DhtAnswer) => void): DhtRequestId {
    assert(this.#state.name !== "stopped", "nothing is asked of a DHT that has ended");
    const { request, command } = this.#questions.open(now, question, hear);
    if (command !== undefined) this.#say(command);
    this.#settle(now);
    return request;
  }

  cancel(now: Ms, request: DhtRequestId): void {
    if (this.#questions.cancel(request)) this.#say({ type: "cancel", request });
    this.#settle(now);
  }

  addNodes(now: Ms, addresses: readonly Address[]): void {
    this.#say({ type: "add-nodes", addresses });
    this.#settle(now);
  }

  /** Undefined until the tables of last time are there, a moment after the start, and after the end. */
  status(now: Ms): DhtStatus | undefined {
    return this.#state.name === "running" ? this.#state.dht.status(now) : undefined;
  }

  /** Has the tables written. Empty ones are not worth those of last time. */
  save(): void {
    if (this.#state.name !== "running") return;
    const tables = tablesOf(this.#state.places, this.#state.dht.snapshot());
    if (tables.length === 0) return;
    this.#desk.state({ type: "save-dht", tables }, (result) => {
      if (result.type === "failed" && !this.#saveFailed)
        this.#tell({
          type: "warning",
          code: "dht-state",
          message: `the table of the DHT cannot be saved: ${result.detail}`,
        });
      this.#saveFailed = result.type === "failed";
    });
  }

  /** Saves, and ends every question. Nothing is said or heard afterwards. */
  stop(now: Ms): void {
    this.save();
    for (const request of this.#questions.all()) this.cancel(now, request);
    this.#state = { name: "stopped" };
  }

  // ---- inside

  #loaded(start: DhtStart, result: StateResult): void {
    if (this.#state.name !== "loading") return; // stopped meanwhile
    const now = this.#parts.time();
    const { kept } = this.#state;
    if (result.type === "failed" || (result.type === "dht" && result.damaged))
      this.#tell({
        type: "warning",
        code: "dht-state",
        message: "the saved table of the DHT could not be read, and is built anew",
      });
    const tables = result.type === "dht" ? result.tables : [];
    const places = start.endpoints;
    const dht = dhtOf(this.#options, {
      places,
      bootstrap: this.#bootstrap.addresses,
      contacts: contactsOf(tables),
      idOf: (family) => tables.find((table) => table.family === family)?.id ?? undefined,
    });
    this.#state = { name: "running", dht, places, saveAt: ms(now + saveEvery) };
    for (const input of [{ type: "start" } as const, ...kept]) this.#inbox.push(input);
    this.#bootstrap.start(
      now,
      start.endpoints.map(({ family }) => family),
    );
    this.#settle(now);
  }

  /** Behind a gateway that tells nothing the port is the one that others see (BEP 5, `implied_port`). */
  #announceAs(seed: boolean): AnnounceAs {
    const [external] = this.#externalPorts.values();
    if (external !== undefined) return { port: external, seed };
    const { port } = this.#start ?? {};
    return { port: undefined, ...(port === undefined ? {} : { fallbackPort: port }), seed };
  }

  /** The join ends only when those who are gone were waited for; a question need not. */
  #checkAnswers(now: Ms): void {
    const good = this.status(now)?.endpoints.some(({ goodNodes }) => goodNodes >= goodEnough);
    if (good !== true) return;
    this.#askEarly(now, true);
    this.#topics.ready(now);
    this.#settle(now);
  }

  #endpointOf(family: Family): number {
    return this.#start?.endpoints.findIndex((place) => place.family === family) ?? -1;
  }

  #alone(now: Ms): boolean {
    return this.status(now)?.endpoints.every(({ nodes }) => nodes === 0) ?? false;
  }

  #say(input: DhtInput): void {
    if (this.#state.name === "running") this.#inbox.push(input);
  }

  /** As `#say`, and kept for when the tables are there. */
  #hear(input: DhtInput): void {
    if (this.#state.name === "loading" && this.#state.kept.length < keptMax) this.#state.kept.push(input);
    this.#say(input);
  }

  /** Until nothing more follows: what is heard of the DHT may lead the topics to ask, and the other way round. */
  #settle(now: Ms): void {
    if (this.#settling || this.#state.name !== "running") return;
    this.#settling = true;
    const { dht } = this.#state;
    for (;;) {
      const output = dht.poll();
      if (output !== undefined) {
        this.#carryOut(now, output);
        continue;
      }
      if (this.#topics.carryOut(now)) continue;
      const input = this.#inbox.shift();
      if (input === undefined) break;
      dht.handle(now, input);
    }
    this.#settling = false;
  }

  #carryOut(now: Ms, output: DhtOutput): void {
    switch (output.type) {
      case "send":
        if (this.#parts.filtered(output.to.ip)) return; // to the DHT it is one more node that does not answer
        return this.#desk.emit({ type: "udp-send", to: output.to, bytes: output.bytes });
      case "verify-signature":
        return this.#desk.emit(output);
      case "id":
        return this.#saveBy(ms(now + saveSoon));
      case "ready":
        this.#saveBy(ms(now + saveSoon));
        this.#bootstrap.done();
        this.#askEarly(now, true);
        this.#topics.ready(now);
        return this.#tell({ type: "ready" });
      default:
        return this.#questions.answered(output);
    }
  }

  #askEarly(now: Ms, ready: boolean): void {
    for (const command of this.#questions.takeEarly(now, ready)) this.#say(command);
  }

  #saveBy(at: Ms): void {
    if (this.#state.name === "running" && at < this.#state.saveAt)
      this.#state = { ...this.#state, saveAt: at };
  }

  #tell(report: DhtReport["report"]): void {
    this.#desk.emit({ type: "dht-report", report });
  }
}
