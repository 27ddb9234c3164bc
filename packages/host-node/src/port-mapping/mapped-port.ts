import { randomBytes, randomInt } from "node:crypto";
import type { Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { type Address, type Family, type Ms, ms, Prng } from "@dure/base";
import { PortMapper, type PortMapperInput, type PortMapperOutput } from "@dure/engine";
import { listenForAnnouncements } from "./announcement-socket.ts";
import { askGateway } from "./gateway-http.ts";
import { GatewaySocket } from "./gateway-socket.ts";
import { type DeviceRoute, mappableRoutes, systemRoutes } from "./routes.ts";
import { SearchSocket } from "./search-socket.ts";
import { onLink } from "./subnet.ts";

export type PortReport = Extract<
  PortMapperOutput,
  { readonly type: "port-mapped" | "port-unmapped" | "port-not-mapped" }
>;

export interface MappedPortOptions {
  /** Where the node listens, for TCP and UDP. */
  readonly port: number;
  /** What it listens on now; an unspecified IP stands for all addresses of its family. */
  readonly listening: () => readonly Address[];
  readonly onReport: (report: PortReport) => void;
  /** Default the system's. */
  readonly routes?: () => readonly DeviceRoute[];
  /** Default 5351, 5350 and SSDP's group; tests have gateways elsewhere. */
  readonly gatewayPort?: number;
  readonly announcementPort?: number;
  readonly searchAt?: Address;
}

/** On exit the machine gives up after a second by itself; this is for the case that it does not. */
const closeWait = 1200;

/** Keeps the node's port mapped at its gateway: the sockets, the clock and the chance of a `PortMapper`. */
export class MappedPort {
  readonly #options: MappedPortOptions;
  readonly #mapper: PortMapper;
  readonly #abort = new AbortController();
  readonly #sockets = new Map<Family, GatewaySocket>(); // two
  #routes: readonly DeviceRoute[] = [];
  #announcements: Socket | undefined;
  #search: SearchSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #onStopped: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #turning = false;

  constructor(options: MappedPortOptions) {
    this.#options = options;
    this.#mapper = new PortMapper({
      port: options.port,
      nonce: randomBytes(12),
      description: `Dure ${options.port}`,
      prng: new Prng(randomInt(2 ** 47)),
    });
    this.networkChanged();
  }

  /** Looks at the routes anew. */
  networkChanged(): void {
    if (this.#closing !== undefined) return;
    const { routes = () => mappableRoutes(this.#options.listening(), systemRoutes()) } = this.#options;
    const before = this.#routes;
    this.#routes = routes();
    if (sameRoutes(before, this.#routes)) return;
    this.#closeSockets();
    this.#tell({ type: "routes", routes: this.#routes });
  }

  /** The machine slept, or its clock was set: the gateway may have forgotten us. */
  slept(): void {
    this.networkChanged();
    this.#tell({ type: "recheck" });
  }

  /** Removes the mappings, and waits for that about a second at most. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    let late: NodeJS.Timeout | undefined;
    const given = new Promise<void>((resolve) => {
      late = setTimeout(resolve, closeWait);
    });
    this.#tell({ type: "stop" });
    await Promise.race([stopped, given]);
    clearTimeout(late);
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#closeSockets();
  }

  // ---- turns of the machine

  #tell(input: PortMapperInput): void {
    if (this.#abort.signal.aborted) return;
    this.#mapper.handle(now(), input);
    // What is performed may tell again: the outer turn then goes on with what that gave.
    if (this.#turning) return;
    this.#turning = true;
    for (let output = this.#mapper.poll(); output !== undefined; output = this.#mapper.poll())
      this.#perform(output);
    this.#turning = false;
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const deadline = this.#mapper.deadline();
    if (deadline === undefined) return;
    this.#timer = setTimeout(() => this.#tell({ type: "wake" }), Math.max(0, deadline - now()));
  }

  #perform(output: PortMapperOutput): void {
    switch (output.type) {
      case "send":
        return this.#gateway(output.family)?.send(output.bytes);
      case "search":
        return this.#searcher()?.send(output.searches);
      case "http":
        void this.#ask(output);
        return;
      case "port-mapped":
      case "port-unmapped":
      case "port-not-mapped":
        // The gateway may be another one by now, though our addresses are the same.
        if (output.type !== "port-mapped") queueMicrotask(() => this.networkChanged());
        return this.#options.onReport(output);
      case "stopped":
        return this.#onStopped?.();
    }
  }

  async #ask(ask: Extract<PortMapperOutput, { readonly type: "http" }>): Promise<void> {
    const { request, target } = ask;
    const route = this.#routeOf(4);
    try {
      // The machine asks only who answered from our network; believed here too, where it matters.
      if (route === undefined || !this.#isNear(target.ip, route)) throw new Error("not of the local network");
      const reply = await askGateway(ask, route.local, this.#abort.signal);
      this.#tell({ type: "http-reply", request, ...reply });
    } catch {
      this.#tell({ type: "http-failed", request }); // it matters only that there is no answer
    }
  }

  // ---- sockets, opened when there is something to send

  #gateway(family: Family): GatewaySocket | undefined {
    const route = this.#routeOf(family);
    const open = this.#sockets.get(family);
    if (open !== undefined || route === undefined) return open;
    const { gatewayPort, announcementPort } = this.#options;
    const onDatagram = (bytes: Uint8Array) => this.#tell({ type: "datagram", family, bytes });
    const onUnreachable = () => this.#tell({ type: "unreachable", family });
    const socket = new GatewaySocket({ route, port: gatewayPort, onDatagram, onUnreachable });
    this.#sockets.set(family, socket);
    if (family === 4) {
      const { local, gateway } = route;
      this.#announcements = listenForAnnouncements({ local, gateway, port: announcementPort, onDatagram });
    }
    return socket;
  }

  #searcher(): SearchSocket | undefined {
    const route = this.#routeOf(4);
    if (this.#search !== undefined || route === undefined) return this.#search;
    this.#search = new SearchSocket({
      local: route.local,
      to: this.#options.searchAt,
      isNear: (ip) => this.#isNear(ip, route),
      onReply: (from, bytes) => this.#tell({ type: "search-reply", from, bytes }),
    });
    return this.#search;
  }

  #closeSockets(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
    this.#announcements?.close();
    this.#announcements = undefined;
    this.#search?.close();
    this.#search = undefined;
  }

  #routeOf(family: Family): DeviceRoute | undefined {
    return this.#routes.find((route) => route.family === family);
  }

  #isNear(ip: string, route: DeviceRoute): boolean {
    return onLink(ip, route.local, networkInterfaces());
  }
}

function now(): Ms {
  return ms(performance.now());
}

function sameRoutes(a: readonly DeviceRoute[], b: readonly DeviceRoute[]): boolean {
  const text = (routes: readonly DeviceRoute[]) =>
    routes.map(({ gateway, local, device }) => `${gateway} ${local} ${device}`).join();
  return text(a) === text(b);
}
