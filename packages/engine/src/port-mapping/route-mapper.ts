import { assert, earliest, type Family, type Machine, type Ms, ms, type Prng } from "@dure/base";
import type { MappedProtocol } from "@dure/protocol";
import type { ClientInput, ClientOutput, ExternalEnd, GatewayClient } from "./client.ts";
import { DatagramClient } from "./datagram-client.ts";
import { natPmpDialect, pcpDialect } from "./dialect.ts";
import type { MapFailure, MappingKind, PortMapperOutput, Route } from "./messages.ts";
import { firstRoundTries, resendsMax, roundWaits, stableAfter } from "./timing.ts";
import { UpnpClient } from "./upnp-client.ts";

export interface RouteMapperOptions {
  readonly route: Route;
  readonly port: number;
  readonly nonce: Uint8Array;
  readonly description: string;
  readonly prng: Prng;
  readonly nextRequest: () => number;
}

/** `search` is the mapper's own to give, the rest is heard from outside. */
export type RouteInput =
  | Exclude<ClientInput, { readonly type: "map" | "search" }>
  | { readonly type: "start" };

type State =
  | { readonly name: "idle" }
  | { readonly name: "trying"; readonly turn: number }
  | { readonly name: "mapped"; readonly turn: number; readonly since: Ms }
  | { readonly name: "resting"; readonly until: Ms }
  | { readonly name: "stopping"; readonly turn: number }
  | { readonly name: "stopped" };

/** Best first. UPnP comes last: it is the slowest, and the one in which gateways differ most. */
const kindsOf: Readonly<Record<Family, readonly MappingKind[]>> = {
  4: ["pcp", "nat-pmp", "upnp"],
  6: ["pcp"],
};

/** Everything that is tried behind one route: one kind of gateway after the other, and all of them again later. */
export class RouteMapper implements Machine<RouteInput, PortMapperOutput> {
  readonly #options: RouteMapperOptions;
  readonly #kinds: readonly MappingKind[];
  readonly #outbox: PortMapperOutput[] = []; // bounded: a few entries per handled input
  readonly #reported = new Map<MappedProtocol, ExternalEnd & { readonly kind: MappingKind }>(); // two
  #clients: readonly GatewayClient[] = []; // of this round, one a kind
  #failures: Partial<Record<MappingKind, MapFailure>> = {};
  #state: State = { name: "idle" };
  #round = 0;

  constructor(options: RouteMapperOptions) {
    this.#options = options;
    this.#kinds = kindsOf[options.route.family];
  }

  get route(): Route {
    return this.#options.route;
  }

  get stopped(): boolean {
    return this.#state.name === "stopped";
  }

  handle(now: Ms, input: RouteInput): void {
    switch (input.type) {
      case "start":
        assert(this.#state.name === "idle", "a route is begun once");
        return this.#beginRound(now);
      case "stop":
        return this.#stop(now);
      case "wake":
        if (this.#state.name === "resting" && now >= this.#state.until) this.#beginRound(now);
        break;
      case "recheck":
        if (this.#state.name === "resting") return this.#beginRound(now);
        break;
    }
    this.#tell(now, input);
  }

  poll(): PortMapperOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    if (this.#state.name === "resting") return this.#state.until;
    if (this.#state.name === "stopped") return undefined;
    return this.#clients.reduce<Ms | undefined>(
      (first, client) => earliest(first, client.deadline()),
      undefined,
    );
  }

  /** The network is another: what was mapped is out of reach, and ends by itself. */
  abandon(): void {
    this.#clients = [];
    this.#state = { name: "stopped" };
    for (const protocol of [...this.#reported.keys()]) this.#unmapped(protocol);
  }

  #beginRound(now: Ms): void {
    this.#clients = this.#kinds.map((kind) => this.#client(kind));
    this.#failures = {};
    this.#state = { name: "trying", turn: 0 };
    const upnp = this.#clients[this.#kinds.indexOf("upnp")];
    upnp?.handle(now, { type: "search" }); // its answers take seconds: meanwhile the others are tried
    this.#try(now);
    this.#drain(now);
  }

  #try(now: Ms): void {
    const triesMax = this.#round === 0 ? firstRoundTries : resendsMax;
    this.#current?.handle(now, { type: "map", triesMax });
  }

  get #current(): GatewayClient | undefined {
    return "turn" in this.#state ? this.#clients[this.#state.turn] : undefined;
  }

  #tell(now: Ms, input: Exclude<RouteInput, { readonly type: "start" }>): void {
    // Datagrams are for whom the turn is; UPnP listens all the time, and time passes for all.
    const one = input.type === "datagram" || input.type === "unreachable" || input.type === "recheck";
    for (const client of one ? [this.#current] : this.#clients) client?.handle(now, input);
    this.#drain(now);
  }

  /** What the clients want, until none wants more. A failure gives the turn to the next, so they are asked again. */
  #drain(now: Ms): void {
    for (let turn = 0; turn < this.#clients.length; turn += 1) {
      for (;;) {
        const output = this.#clients[turn]?.poll();
        if (output === undefined) break;
        this.#heard(now, turn, output);
      }
    }
  }

  #heard(now: Ms, turn: number, output: ClientOutput): void {
    const { family } = this.#options.route;
    switch (output.type) {
      case "send":
        this.#outbox.push({ ...output, family });
        return;
      case "search":
      case "http":
        this.#outbox.push(output);
        return;
      case "mapped":
        return this.#mapped(now, turn, output);
      case "unmapped":
        return this.#unmapped(output.protocol);
      case "failed":
        return this.#failed(now, turn, output.reason);
      case "released":
        this.#state = { name: "stopped" };
        return;
    }
  }

  #mapped(
    now: Ms,
    turn: number,
    { protocol, externalIp, externalPort }: ExternalEnd & { readonly protocol: MappedProtocol },
  ): void {
    if (this.#state.name === "trying") this.#state = { name: "mapped", turn, since: now };
    const before = this.#reported.get(protocol);
    if (before?.externalIp === externalIp && before?.externalPort === externalPort) return;
    const { family } = this.#options.route;
    const kind = this.#kindOf(turn);
    this.#reported.set(protocol, { kind, externalIp, externalPort });
    this.#outbox.push({ type: "port-mapped", family, protocol, kind, externalIp, externalPort });
  }

  #unmapped(protocol: MappedProtocol): void {
    const before = this.#reported.get(protocol);
    if (before === undefined) return;
    this.#reported.delete(protocol);
    this.#outbox.push({
      type: "port-unmapped",
      family: this.#options.route.family,
      protocol,
      kind: before.kind,
    });
  }

  #failed(now: Ms, turn: number, reason: MapFailure): void {
    this.#failures[this.#kindOf(turn)] = reason;
    if (this.#state.name === "stopping") this.#state = { name: "stopped" };
    if (this.#state.name === "mapped") {
      if (now - this.#state.since >= stableAfter) this.#round = 0;
      return this.#rest(now);
    }
    if (this.#state.name !== "trying" || this.#state.turn !== turn) return;
    if (turn + 1 < this.#clients.length) {
      this.#state = { name: "trying", turn: turn + 1 };
      return this.#try(now);
    }
    this.#outbox.push({
      type: "port-not-mapped",
      family: this.#options.route.family,
      failures: this.#failures,
    });
    this.#rest(now);
  }

  #rest(now: Ms): void {
    const wait = roundWaits[Math.min(this.#round, roundWaits.length - 1)];
    assert(wait !== undefined, "there is a wait for each round");
    this.#round += 1;
    this.#clients = [];
    this.#state = { name: "resting", until: ms(now + wait) };
  }

  #stop(now: Ms): void {
    const current = this.#current;
    if (this.#state.name === "stopping" || this.#state.name === "stopped") return;
    if (current === undefined || !("turn" in this.#state)) {
      this.#state = { name: "stopped" };
      return;
    }
    this.#state = { name: "stopping", turn: this.#state.turn };
    current.handle(now, { type: "stop" });
    this.#drain(now);
  }

  #client(kind: MappingKind): GatewayClient {
    const { route, port, nonce, description, prng, nextRequest } = this.#options;
    switch (kind) {
      case "pcp":
        return new DatagramClient({ dialect: pcpDialect(route, port, nonce), port, prng });
      case "nat-pmp":
        return new DatagramClient({ dialect: natPmpDialect(port), port, prng });
      case "upnp":
        return new UpnpClient({ route, port, description, nextRequest });
    }
  }

  #kindOf(turn: number): MappingKind {
    const kind = this.#kinds[turn];
    assert(kind !== undefined, "each client has its kind");
    return kind;
  }
}
