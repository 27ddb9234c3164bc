import { assert, earliest, type Family, type Machine, type Ms, type Prng } from "@dure/base";
import type { PortMapperInput, PortMapperOutput, Route } from "./messages.ts";
import { type RouteInput, RouteMapper } from "./route-mapper.ts";

export interface PortMapperOptions {
  /** Where we listen, for TCP and UDP. */
  readonly port: number;
  /** 12 random bytes, a secret between us and the gateway (RFC 6887, 18.1). */
  readonly nonce: Uint8Array;
  /** Shown to people in a UPnP gateway's list of mappings. */
  readonly description: string;
  readonly prng: Prng;
}

/** Keeps the port we listen on mapped at the default gateway of each family. */
export class PortMapper implements Machine<PortMapperInput, PortMapperOutput> {
  readonly #options: PortMapperOptions;
  readonly #routes = new Map<Family, RouteMapper>(); // two
  readonly #outbox: PortMapperOutput[] = []; // bounded: a few entries per handled input
  #requestsCount = 0;
  #stopping = false;
  #stopped = false;

  constructor(options: PortMapperOptions) {
    assert(options.nonce.length === 12, "a nonce has 12 bytes");
    this.#options = options;
  }

  handle(now: Ms, input: PortMapperInput): void {
    switch (input.type) {
      case "routes":
        if (!this.#stopping) for (const family of [4, 6] as const) this.#route(now, family, input.routes);
        return;
      case "stop":
        this.#stopping = true;
        this.#tell(now, [...this.#routes.values()], input);
        return this.#endIfStopped();
      case "datagram":
      case "unreachable": {
        const mapper = this.#routes.get(input.family);
        this.#tell(now, mapper === undefined ? [] : [mapper], input);
        return this.#endIfStopped();
      }
      default:
        this.#tell(now, [...this.#routes.values()], input);
        return this.#endIfStopped();
    }
  }

  poll(): PortMapperOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    return [...this.#routes.values()].reduce<Ms | undefined>(
      (first, mapper) => earliest(first, mapper.deadline()),
      undefined,
    );
  }

  #route(now: Ms, family: Family, routes: readonly Route[]): void {
    const route = routes.find((one) => one.family === family);
    const before = this.#routes.get(family);
    if (before !== undefined && route !== undefined && sameRoute(before.route, route)) return;
    if (before !== undefined) {
      before.abandon();
      this.#collect(before);
      this.#routes.delete(family);
    }
    if (route === undefined) return;
    const { port, nonce, description, prng } = this.#options;
    const nextRequest = () => {
      this.#requestsCount += 1;
      return this.#requestsCount;
    };
    const mapper = new RouteMapper({ route, port, nonce, description, prng, nextRequest });
    this.#routes.set(family, mapper);
    this.#tell(now, [mapper], { type: "start" });
  }

  #tell(now: Ms, mappers: readonly RouteMapper[], input: RouteInput): void {
    for (const mapper of mappers) {
      mapper.handle(now, input);
      this.#collect(mapper);
    }
  }

  #collect(mapper: RouteMapper): void {
    for (let output = mapper.poll(); output !== undefined; output = mapper.poll()) this.#outbox.push(output);
  }

  #endIfStopped(): void {
    if (!this.#stopping || this.#stopped) return;
    if ([...this.#routes.values()].some((mapper) => !mapper.stopped)) return;
    this.#stopped = true;
    this.#outbox.push({ type: "stopped" });
  }
}

function sameRoute(a: Route, b: Route): boolean {
  return a.gateway === b.gateway && a.local === b.local;
}
