import { type Address, assert } from "@dure/base";
import type { NetEffect, NetEvent } from "@dure/carrier";
import { HttpClient } from "./http-client.ts";
import { type Listeners, openListeners } from "./listeners.ts";
import { type InterfaceTable, LocalBinding } from "./local-binding.ts";
import { systemLookup } from "./lookup.ts";
import { LsdSockets } from "./lsd-sockets.ts";
import { type LookupFunction, Resolver } from "./resolver.ts";
import { TcpSockets } from "./tcp-sockets.ts";
import { UdpSockets } from "./udp-sockets.ts";
import { mayReach } from "./url-guard.ts";

export interface NodeNetOptions {
  /** 0: any free port. Undefined: the first free of 6881–6889. */
  readonly port?: number;
  /** The only address to listen on and to connect from. */
  readonly listen?: string;
  /** Name or address of the only interface that traffic may use. When it is absent nothing is opened. */
  readonly interface?: string;
  /** Incoming and outgoing TCP sockets together; what comes above is closed. */
  readonly socketsMax: number;
  /** Never called from inside `perform`, `flush` or `close`. */
  readonly onEvent: (event: NetEvent) => void;
  /** Told to HTTP servers. */
  readonly userAgent?: string;
  /** PEM certificates trusted instead of the system's. */
  readonly ca?: string;
  /** Where names are looked up; default the system. */
  readonly lookup?: LookupFunction;
  /** Which addresses the machine has; default the system. */
  readonly interfaces?: () => InterfaceTable;
}

/**
 * The network port over Node's sockets: carries out `NetEffect`, reports `NetEvent` (packages/carrier/src/ports/net.ts).
 * It decides nothing but what may be reached; everything it holds is bounded.
 */
export class NodeNet {
  readonly #onEvent: (event: NetEvent) => void;
  readonly #binding: LocalBinding;
  readonly #resolver: Resolver;
  readonly #tcp: TcpSockets;
  readonly #udp: UdpSockets;
  readonly #http: HttpClient;
  readonly #lsd: LsdSockets;
  #listeners: Listeners;
  #closed = false;

  static async open(options: NodeNetOptions): Promise<NodeNet> {
    const binding = new LocalBinding(options, options.interfaces);
    return new NodeNet(options, binding, await openListeners(binding, options.port));
  }

  /** Use `open`. */
  constructor(options: NodeNetOptions, binding: LocalBinding, listeners: Listeners) {
    this.#onEvent = options.onEvent;
    this.#binding = binding;
    this.#listeners = listeners;
    const emit = (event: NetEvent) => this.#emit(event);
    this.#resolver = new Resolver(options.lookup ?? systemLookup);
    this.#tcp = new TcpSockets({ binding, socketsMax: options.socketsMax, emit });
    this.#udp = new UdpSockets(emit);
    this.#lsd = new LsdSockets({ binding, interfaces: options.interfaces, emit });
    this.#http = new HttpClient({
      binding,
      resolver: this.#resolver,
      userAgent: options.userAgent ?? "Dure",
      ca: options.ca,
      emit,
    });
    this.#serve();
  }

  /** The one port of TCP and UDP, of both families. */
  get port(): number {
    return this.#listeners.port;
  }

  /** What is listened on; an unspecified IP stands for all addresses of its family. */
  get localAddresses(): readonly Address[] {
    return this.#listeners.addresses;
  }

  perform(effect: NetEffect): void {
    assert(!this.#closed, "the net is open");
    switch (effect.type) {
      case "tcp-connect":
        return this.#tcp.connect(effect.socket, effect.remote);
      case "tcp-write":
        return this.#tcp.write(effect.socket, effect.bytes);
      case "tcp-read":
        return this.#tcp.read(effect.socket, effect.flowing);
      case "tcp-close":
        return this.#tcp.close(effect.socket);
      case "udp-send":
        return this.#udp.send(effect.to, effect.bytes);
      case "lsd-listen":
        return this.#lsd.listen(effect.on);
      case "lsd-send":
        return this.#lsd.send(effect.family, effect.bytes);
      case "resolve":
        void this.#resolve(effect);
        return;
      case "http-get":
        return this.#http.get(effect);
      case "http-cancel":
        return this.#http.cancel(effect.request);
    }
  }

  /**
   * Sends what was written since the last flush, one system call a socket. Optional: otherwise it happens in a
   * microtask, once the caller has returned to the event loop.
   */
  flush(): void {
    this.#tcp.flush();
  }

  /**
   * For `address-changed`. The groups of local discovery are joined on the interfaces that there are now. When the bound interface has other addresses than before, all connections end, and the port
   * is listened on again. Throws a `NodeError` when that fails: nothing is open to the network then, and `rebind` may
   * be called again.
   */
  async rebind(): Promise<void> {
    this.#binding.refresh();
    this.#lsd.refresh();
    const wanted = this.#binding.families.map((family) => this.#binding.address(family));
    const bound = this.#listeners.addresses.map((address) => address.ip);
    if (this.#closed || this.#binding.any || wanted.join() === bound.join()) return;
    const port = this.#listeners.port;
    const old = this.#listeners;
    this.#listeners = { ...nothingOpen, port };
    this.#tcp.endAll("unreachable");
    await old.close();
    const listeners = await openListeners(this.#binding, port);
    if (this.#closed) return listeners.close();
    this.#listeners = listeners;
    this.#serve();
  }

  /** Nothing is told afterwards. Resolves once the ports are free. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#tcp.closeAll();
    this.#http.closeAll();
    this.#lsd.listen(false);
    await this.#listeners.close();
  }

  #serve(): void {
    for (const server of this.#listeners.servers) this.#tcp.serve(server);
    this.#udp.use(this.#listeners.datagrams);
  }

  #emit(event: NetEvent): void {
    if (!this.#closed) this.#onEvent(event);
  }

  async #resolve(effect: Extract<NetEffect, { type: "resolve" }>): Promise<void> {
    const { request, host, family, trust } = effect;
    const found = await this.#resolver.resolve(host, family);
    if (!found.ok) return this.#emit({ type: "resolve-failed", request, reason: found.reason });
    // A UDP tracker that the user named may be anywhere (CONTRACT.md, "Local URLs").
    const ips = found.value.filter((ip) => mayReach(ip, trust));
    if (ips.length === 0) return this.#emit({ type: "resolve-failed", request, reason: "local-address" });
    this.#emit({ type: "resolved", request, ips });
  }
}

const nothingOpen: Listeners = {
  port: 0,
  addresses: [],
  servers: [],
  datagrams: new Map(),
  close: () => Promise.resolve(),
};
