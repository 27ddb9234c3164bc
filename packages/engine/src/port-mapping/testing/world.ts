import { type Family, hex, type Ms, ms, Prng, seconds, utf8 } from "@dure/base";
import type { MapFailure, PortMapperInput, PortMapperOutput, Route } from "../messages.ts";
import { PortMapper } from "../port-mapper.ts";
import type { DatagramGateway } from "./datagram-gateway.ts";
import type { IgdGateway } from "./igd-gateway.ts";

export const homeRoute: Route = { family: 4, gateway: "192.168.1.1", local: "192.168.1.5" };
export const globalRoute: Route = { family: 6, gateway: "fe80::1", local: "2001:db8::5" };

export interface Home {
  readonly datagrams?: DatagramGateway;
  readonly igd?: IgdGateway;
  readonly routes?: readonly Route[];
  /** The gateway's system says that nobody listens on its port 5351. */
  readonly unreachable?: boolean;
  /** How long an answer takes, in milliseconds. */
  readonly latency?: number;
  /** The device that answers searches; default the gateway. */
  readonly igdIp?: string;
  /** What it says about where it describes itself. */
  readonly location?: string;
  /** How many of its HTTP requests, from the first, end without an answer. */
  readonly httpFailures?: number;
}

interface Event {
  readonly at: number;
  readonly happen: () => void;
}

const latencyDefault = 5;

/** A machine, its gateway and a clock that jumps from one event to the next. */
export class World {
  readonly mapper: PortMapper;
  readonly home: Home;
  /** What the mapper reported, and the sends and requests it made, with the second they were made at. */
  readonly said: string[] = [];
  readonly sent: { readonly at: number; readonly bytes: string }[] = [];
  readonly requests: { readonly at: number; readonly target: string }[] = [];
  searches = 0;
  now = 0;
  readonly #events: Event[] = []; // bounded by what is under way
  #httpFailuresLeft: number;

  constructor(home: Home, seed = 1) {
    this.home = home;
    this.#httpFailuresLeft = home.httpFailures ?? 0;
    const nonce = Uint8Array.from({ length: 12 }, (_, index) => index);
    this.mapper = new PortMapper({ port: 6881, nonce, description: "Dure", prng: new Prng(seed) });
    this.tell({ type: "routes", routes: home.routes ?? [homeRoute] });
  }

  tell(input: PortMapperInput): void {
    this.mapper.handle(ms(this.now), input);
    for (let output = this.mapper.poll(); output !== undefined; output = this.mapper.poll())
      this.#perform(output);
  }

  /** Goes on until this second. */
  runUntil(second: number): void {
    const end = second * 1000;
    for (let turns = 0; turns < 100_000; turns += 1) {
      const event = this.#events.reduce<Event | undefined>(
        (first, one) => (first === undefined || one.at < first.at ? one : first),
        undefined,
      );
      const deadline: Ms | undefined = this.mapper.deadline();
      const at = Math.min(event?.at ?? Number.POSITIVE_INFINITY, deadline ?? Number.POSITIVE_INFINITY);
      if (at > end) {
        this.now = end;
        return;
      }
      this.now = Math.max(this.now, at);
      if (event !== undefined && event.at <= this.now) {
        this.#events.splice(this.#events.indexOf(event), 1);
        event.happen();
      } else this.tell({ type: "wake" });
    }
    throw new Error("the mapper never rests");
  }

  /** What the gateway tells everybody. */
  announce(bytes: Uint8Array, family: Family = 4): void {
    this.tell({ type: "datagram", family, bytes });
  }

  /** The reports since the last look. */
  heard(): readonly string[] {
    return this.said.splice(0);
  }

  #perform(output: PortMapperOutput): void {
    switch (output.type) {
      case "send":
        return this.#send(output.family, output.bytes);
      case "search":
        this.searches += 1;
        return this.#search();
      case "http":
        return this.#request(output);
      case "port-mapped": {
        const { family, protocol, kind, externalIp, externalPort } = output;
        return this.#say(
          `${kind} maps ${protocol}${family === 6 ? "6" : ""} to ${externalIp ?? "?"} ${externalPort}`,
        );
      }
      case "port-unmapped":
        return this.#say(`${output.kind} no longer maps ${output.protocol}`);
      case "port-not-mapped":
        return this.#say(`not mapped: ${failuresText(output.failures)}`);
      case "stopped":
        return this.#say("stopped");
    }
  }

  #say(text: string): void {
    this.said.push(`${(this.now / 1000).toFixed(1)} ${text}`);
  }

  #send(family: Family, bytes: Uint8Array): void {
    this.sent.push({ at: this.now / 1000, bytes: hex(bytes) });
    const { datagrams, unreachable, routes = [homeRoute] } = this.home;
    if (unreachable === true) return this.#later(() => this.tell({ type: "unreachable", family }));
    const client = routes.find((route) => route.family === family)?.local ?? "";
    const answer = datagrams?.answer(this.now / 1000, client, bytes);
    if (answer !== undefined) this.#later(() => this.tell({ type: "datagram", family, bytes: answer }));
  }

  #search(): void {
    const { igd, igdIp = homeRoute.gateway, location = `http://${igdIp}:5000/rootDesc.xml` } = this.home;
    if (igd === undefined) return;
    const bytes = igd.searchAnswer(location);
    this.#later(() => this.tell({ type: "search-reply", from: igdIp, bytes }));
  }

  #request({ request, target, post }: Extract<PortMapperOutput, { readonly type: "http" }>): void {
    this.requests.push({ at: this.now / 1000, target: `${target.ip}:${target.port}${target.path}` });
    this.#httpFailuresLeft -= 1;
    const fails = this.#httpFailuresLeft >= 0;
    const reply = this.home.igd?.answer({
      method: post === undefined ? "GET" : "POST",
      path: target.path,
      soapAction: post?.soapAction ?? "",
      body: post?.body ?? utf8(""),
    });
    this.#later(() =>
      this.tell(
        reply === undefined || fails
          ? { type: "http-failed", request }
          : { type: "http-reply", request, ...reply },
      ),
    );
  }

  #later(happen: () => void): void {
    this.#events.push({ at: this.now + (this.home.latency ?? latencyDefault), happen });
  }
}

export const hours = (count: number) => seconds(3600 * count) / 1000;

function failuresText(failures: Readonly<Record<string, MapFailure>>): string {
  return Object.entries(failures)
    .map(([kind, failure]) => `${kind} ${failure}`)
    .join(", ");
}
