import { assert, type Ms, ms } from "@dure/base";
import {
  decodeGatewayAnswer,
  encodeGatewayAction,
  type GatewayAction,
  type GatewayAnswer,
  type GatewayService,
  type HttpTarget,
  type MappedProtocol,
  readGatewayDescription,
  upnpErrors,
} from "@dure/protocol";
import type { ClientInput, ClientOutput, GatewayClient } from "./client.ts";
import { GatewaySearch } from "./gateway-search.ts";
import type { MapFailure, Route } from "./messages.ts";
import { removeWait, upnpLease } from "./timing.ts";

export interface UpnpClientOptions {
  readonly route: Route;
  readonly port: number;
  /** Shown to people in the gateway's list of mappings. */
  readonly description: string;
  /** Numbers that no other request has. */
  readonly nextRequest: () => number;
}

/** One question at a time, so that a gateway with one slow processor is not hurried. */
type Step =
  | { readonly type: "describe"; readonly location: HttpTarget }
  | { readonly type: "address" }
  /** Whose is the external port? Version 1 lets some gateways overwrite another's mapping. */
  | { readonly type: "look"; readonly mapping: Mapping }
  | { readonly type: "add"; readonly mapping: Mapping };

type State =
  /** The search goes on, or has ended before our turn came. */
  | { readonly name: "searching"; readonly mayMap: boolean }
  | { readonly name: "asking"; readonly request: number; readonly step: Step }
  | { readonly name: "mapped"; readonly renewAt: Ms }
  | { readonly name: "removing"; readonly giveUpAt: Ms }
  | { readonly name: "ended" };

interface Mapping {
  readonly protocol: MappedProtocol;
  externalPort: number;
  held: boolean;
}

interface Leaving {
  readonly type: "add" | "remove";
  readonly mapping: Mapping;
}

type HttpAnswer = Extract<ClientInput, { readonly type: "http-reply" | "http-failed" }>;

/** Questions about one mapping, external ports tried one after another, before we take it that there is none for us. */
const attemptsMax = 10;
const portFirst = 1024;

/** Maps by UPnP. Only devices that describe themselves at the address they answer from are spoken to. */
export class UpnpClient implements GatewayClient {
  readonly #options: UpnpClientOptions;
  readonly #outbox: ClientOutput[] = []; // bounded: a few entries per handled input
  readonly #search: GatewaySearch;
  readonly #tcp: Mapping;
  readonly #udp: Mapping;
  /** What is under way after `stop`: removals, and what was being added and is removed once it is there. */
  readonly #leaving = new Map<number, Leaving>(); // at most one a mapping
  #services: GatewayService[] = []; // of the description read last, still to try
  #service: GatewayService | undefined;
  #todo: Step[] = []; // at most one of a kind
  #state: State = { name: "searching", mayMap: false };
  #attempts = 0;
  #anyPort = false;
  #lease = upnpLease;
  #externalIp: string | undefined;
  #failure: MapFailure = "not-found";

  constructor(options: UpnpClientOptions) {
    this.#options = options;
    this.#search = new GatewaySearch(options.route.gateway);
    this.#tcp = { protocol: "tcp", externalPort: options.port, held: false };
    this.#udp = { protocol: "udp", externalPort: options.port, held: false };
  }

  handle(now: Ms, input: ClientInput): void {
    switch (input.type) {
      case "search":
        return this.#say(this.#search.begin(now));
      case "map":
        assert(this.#state.name === "searching", "a client begins once");
        this.#state = { name: "searching", mayMap: true };
        return this.#beginIfFound();
      case "search-reply":
        this.#search.hear(input.from, input.bytes);
        return this.#beginIfFound();
      case "http-reply":
      case "http-failed":
        return this.#answered(now, input);
      case "recheck":
        if (this.#state.name === "mapped") this.#state = { name: "mapped", renewAt: now };
        return;
      case "wake":
        return this.#expire(now);
      case "stop":
        return this.#stop(now);
      case "datagram":
      case "unreachable":
        return; // of the other kinds
    }
  }

  poll(): ClientOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    switch (this.#state.name) {
      case "searching":
        return this.#search.deadline();
      case "mapped":
        return this.#state.renewAt;
      case "removing":
        return this.#state.giveUpAt;
      case "asking": // the host bounds each request
      case "ended":
        return undefined;
    }
  }

  #expire(now: Ms): void {
    const due = this.deadline();
    if (due === undefined || now < due) return;
    if (this.#state.name === "searching") {
      this.#say(this.#search.expire(now));
      this.#beginIfFound();
    } else if (this.#state.name === "mapped") this.#begin(now);
    else this.#release();
  }

  // ---- which gateway, which of its services

  #say(searches: readonly Uint8Array[]): void {
    if (searches.length > 0) this.#outbox.push({ type: "search", searches });
  }

  #beginIfFound(): void {
    if (this.#state.name === "searching" && this.#state.mayMap && this.#search.ready) this.#nextCandidate();
  }

  #nextCandidate(): void {
    const location = this.#search.next();
    if (location === undefined) return this.#fail(this.#failure);
    this.#run({ type: "describe", location });
  }

  #nextService(now: Ms): void {
    this.#service = this.#services.shift();
    if (this.#service === undefined) return this.#nextCandidate();
    this.#anyPort = this.#service.anyPort;
    this.#begin(now);
  }

  // ---- mapping: the address, then TCP, then UDP; a renewal is the same once more

  #begin(now: Ms): void {
    this.#attempts = 0;
    this.#todo = [{ type: "address" }, this.#stepFor(this.#tcp), this.#stepFor(this.#udp)];
    this.#proceed(now);
  }

  #stepFor(mapping: Mapping): Step {
    return { type: mapping.held || this.#anyPort ? "add" : "look", mapping };
  }

  #proceed(now: Ms): void {
    const step = this.#todo.shift();
    if (step !== undefined) return this.#run(step);
    if (!this.#tcp.held && !this.#udp.held) {
      this.#failure = "refused";
      return this.#nextService(now);
    }
    this.#state = { name: "mapped", renewAt: ms(now + upnpLease / 2) };
  }

  #run(step: Step): void {
    const request = this.#options.nextRequest();
    this.#state = { name: "asking", request, step };
    if (step.type === "describe") this.#outbox.push({ type: "http", request, target: step.location });
    else this.#post(request, this.#actionOf(step));
  }

  #actionOf(step: Exclude<Step, { readonly type: "describe" }>): GatewayAction {
    if (step.type === "address") return { action: "GetExternalIPAddress" };
    const { protocol, externalPort, held } = step.mapping;
    if (step.type === "look") return { action: "GetSpecificPortMappingEntry", protocol, externalPort };
    const { route, port, description } = this.#options;
    return {
      action: this.#anyPort && !held ? "AddAnyPortMapping" : "AddPortMapping",
      protocol,
      externalPort,
      internalPort: port,
      internalIp: route.local,
      description,
      lease: this.#lease,
    };
  }

  #post(request: number, action: GatewayAction): void {
    const service = this.#service;
    assert(service !== undefined, "a service was found before it is asked");
    const soapAction = `"${service.type}#${action.action}"`;
    const body = encodeGatewayAction(service.type, action);
    this.#outbox.push({ type: "http", request, target: service.control, post: { soapAction, body } });
  }

  // ---- what the gateway says

  #answered(now: Ms, input: HttpAnswer): void {
    if (this.#state.name === "removing") return this.#leavingAnswered(input);
    if (this.#state.name !== "asking" || this.#state.request !== input.request) return;
    const { step } = this.#state;
    if (input.type === "http-failed") return this.#broken(now, step);
    if (step.type === "describe") return this.#described(now, step.location, input);
    const answer = decodeGatewayAnswer(input.body);
    const said: GatewayAnswer = answer.ok ? answer.value : { type: "refused", code: 0 };
    switch (step.type) {
      case "address":
        this.#address(said);
        return this.#proceed(now);
      case "look":
        this.#looked(step.mapping, said);
        return this.#proceed(now);
      case "add":
        if (said.type === "refused") this.#addRefused(step.mapping, said.code);
        else this.#added(step.mapping, said.reservedPort ?? step.mapping.externalPort);
        return this.#proceed(now);
    }
  }

  #described(
    now: Ms,
    location: HttpTarget,
    reply: { readonly status: number; readonly body: Uint8Array },
  ): void {
    const description = reply.status === 200 ? readGatewayDescription(reply.body, location) : undefined;
    if (description?.ok !== true) {
      this.#failure = "unsupported";
      return this.#nextCandidate();
    }
    this.#services = [...description.value];
    this.#nextService(now);
  }

  #address(said: GatewayAnswer): void {
    const externalIp = said.type === "done" ? said.externalIp : undefined;
    if (externalIp === this.#externalIp) return;
    this.#externalIp = externalIp;
    for (const mapping of [this.#tcp, this.#udp]) if (mapping.held) this.#report(mapping);
  }

  #looked(mapping: Mapping, said: GatewayAnswer): void {
    const owner = said.type === "done" ? said.internalClient : undefined;
    // Free, or ours from an earlier run, or a gateway that cannot tell: adding will show.
    if (owner === undefined || owner === this.#options.route.local)
      this.#todo.unshift({ type: "add", mapping });
    else this.#tryNextPort(mapping);
  }

  #added(mapping: Mapping, externalPort: number): void {
    mapping.externalPort = externalPort;
    mapping.held = true;
    this.#attempts = 0;
    if (mapping === this.#tcp && !this.#udp.held) {
      this.#udp.externalPort = externalPort; // peers learn one port for both
    }
    this.#report(mapping);
  }

  #addRefused(mapping: Mapping, code: number): void {
    if (mapping.held) {
      mapping.held = false;
      this.#outbox.push({ type: "unmapped", protocol: mapping.protocol });
      return this.#tryAgain(mapping);
    }
    switch (code) {
      case upnpErrors.onlyPermanentLeases:
        if (this.#lease === 0) return;
        this.#lease = ms(0);
        return this.#tryAgain(mapping);
      case upnpErrors.conflictInMappingEntry:
      case upnpErrors.conflictWithOtherMechanisms:
        return this.#tryNextPort(mapping);
      case upnpErrors.notAuthorized:
        return;
      default:
        if (!this.#anyPort) return;
        this.#anyPort = false; // it calls itself version 2 and knows only what version 1 knew
        return this.#tryAgain(mapping);
    }
  }

  #tryNextPort(mapping: Mapping): void {
    mapping.externalPort = mapping.externalPort >= 0xffff ? portFirst : mapping.externalPort + 1;
    this.#tryAgain(mapping);
  }

  #tryAgain(mapping: Mapping): void {
    this.#attempts += 1;
    if (this.#attempts < attemptsMax) this.#todo.unshift(this.#stepFor(mapping));
  }

  #broken(now: Ms, step: Step): void {
    // It may have done what it did not answer.
    if (step.type === "add") this.#remove(step.mapping);
    this.#failure = "unreachable";
    if (this.#tcp.held || this.#udp.held) return this.#fail("unreachable");
    if (step.type === "describe") return this.#nextCandidate();
    this.#nextService(now);
  }

  #fail(reason: MapFailure): void {
    for (const mapping of [this.#tcp, this.#udp]) this.#drop(mapping);
    this.#state = { name: "ended" };
    this.#outbox.push({ type: "failed", reason });
  }

  // ---- the end

  #stop(now: Ms): void {
    const { name } = this.#state;
    if (name === "removing" || name === "ended") return;
    const asked = this.#state;
    this.#state = { name: "removing", giveUpAt: ms(now + removeWait) };
    if (asked.name === "asking" && asked.step.type === "add" && !asked.step.mapping.held)
      this.#leaving.set(asked.request, { type: "add", mapping: asked.step.mapping });
    for (const mapping of [this.#tcp, this.#udp]) if (mapping.held) this.#remove(mapping);
    if (this.#leaving.size === 0) this.#release();
  }

  /** Whether or not it is there: a gateway without it says so, and that is all. */
  #remove(mapping: Mapping): void {
    const request = this.#options.nextRequest();
    if (this.#state.name === "removing") this.#leaving.set(request, { type: "remove", mapping });
    const { protocol, externalPort } = mapping;
    this.#post(request, { action: "DeletePortMapping", protocol, externalPort });
  }

  #leavingAnswered(input: HttpAnswer): void {
    const left = this.#leaving.get(input.request);
    if (left === undefined) return;
    this.#leaving.delete(input.request);
    const answer =
      left.type === "add" && input.type === "http-reply" ? decodeGatewayAnswer(input.body) : undefined;
    if (answer?.ok === true && answer.value.type === "done") {
      left.mapping.externalPort = answer.value.reservedPort ?? left.mapping.externalPort;
      return this.#remove(left.mapping);
    }
    this.#drop(left.mapping);
    if (this.#leaving.size === 0) this.#release();
  }

  #release(): void {
    for (const mapping of [this.#tcp, this.#udp]) this.#drop(mapping);
    this.#state = { name: "ended" };
    this.#outbox.push({ type: "released" });
  }

  // ---- small things

  #report({ protocol, externalPort }: Mapping): void {
    this.#outbox.push({ type: "mapped", protocol, externalIp: this.#externalIp, externalPort });
  }

  #drop(mapping: Mapping): void {
    if (!mapping.held) return;
    mapping.held = false;
    this.#outbox.push({ type: "unmapped", protocol: mapping.protocol });
  }
}
