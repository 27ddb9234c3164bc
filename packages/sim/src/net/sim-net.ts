import { type Address, assert, type Family, formatAddress } from "@dure/base";
import type { NetEffect, NetEvent, SocketId, TcpCloseReason } from "@dure/carrier";
import { Datagrams } from "./datagrams.ts";
import { addressOn, type Host } from "./host.ts";
import { HttpClient, mayReach, resolve } from "./http.ts";
import type { Network } from "./network.ts";
import { TcpEnd, type TcpHearer } from "./tcp.ts";

export interface SimNetOptions {
  readonly network: Network;
  readonly host: Host;
  readonly port: number;
  /** Incoming and outgoing sockets together; what comes above is refused. */
  readonly socketsMax?: number;
  /** Never called from inside `perform` or `close`. */
  readonly onEvent: (event: NetEvent) => void;
}

/** Where a host hears the group of local discovery (BEP 14). */
const groupPort = 6771;

/** The network port of one process on a simulated host: the twin of `NodeNet`. */
export class SimNet {
  readonly address: Address;
  readonly #network: Network;
  readonly #host: Host;
  readonly #onEvent: (event: NetEvent) => void;
  readonly #sockets = new Map<SocketId, TcpEnd>(); // bounded by `socketsMax`
  readonly #socketsMax: number;
  readonly #datagrams: Datagrams;
  readonly #http: HttpClient;
  #incoming = -1;
  #open = true;

  constructor(options: SimNetOptions) {
    const { network, host, port } = options;
    this.#network = network;
    this.#host = host;
    this.#onEvent = options.onEvent;
    this.#socketsMax = options.socketsMax ?? 1000;
    this.address = addressOn(host, port);
    this.#datagrams = new Datagrams(network, host);
    this.#http = new HttpClient(network, host, (event) => this.#tell(event));
    network.listen(this.address, (end) => this.#accept(end));
    network.datagramHandlers.set(formatAddress(this.address), (from, bytes) =>
      this.#tell({ type: "udp-data", from, bytes }),
    );
  }

  get socketCount(): number {
    return this.#sockets.size;
  }

  /** What the writers have lent to all sockets, and what to the one with most. */
  get pendingBytes(): { readonly all: number; readonly most: number } {
    let all = 0;
    let most = 0;
    for (const end of this.#sockets.values()) {
      all += end.pendingBytes;
      most = Math.max(most, end.pendingBytes);
    }
    return { all, most };
  }

  perform(effect: NetEffect): void {
    assert(this.#open, "the net is open");
    switch (effect.type) {
      case "tcp-connect":
        return this.#connect(effect.socket, effect.remote);
      case "tcp-write":
        return this.#sockets.get(effect.socket)?.write(effect.bytes);
      case "tcp-read":
        return this.#sockets.get(effect.socket)?.read(effect.flowing);
      case "tcp-close":
        this.#sockets.get(effect.socket)?.close();
        this.#sockets.delete(effect.socket);
        return;
      case "udp-send":
        return this.#datagrams.send(this.address, effect.to, effect.bytes);
      case "lsd-listen":
        return this.#joinGroup(effect.on);
      case "lsd-send":
        return this.#tellNeighbours(effect.family, effect.bytes);
      case "resolve":
        return this.#resolve(effect);
      case "http-get":
        return this.#http.get(effect);
      case "http-cancel":
        return this.#http.cancel(effect.request);
    }
  }

  /** Every connection is reset by something in between, as when a line gets another address. */
  resetAll(): void {
    for (const [socket, end] of [...this.#sockets]) {
      end.close();
      this.#sockets.delete(socket);
      this.#network.clock.after(0, () => this.#tell({ type: "tcp-closed", socket, reason: "reset" }));
    }
  }

  /** The process ends: its kernel says goodbye for it, or the machine is gone before it can. */
  close(how: "goodbye" | "silent"): void {
    if (!this.#open) return;
    this.#open = false;
    this.#network.unlisten(this.address);
    this.#network.datagramHandlers.delete(formatAddress(this.address));
    this.#joinGroup(false);
    this.#http.close();
    for (const end of this.#sockets.values()) how === "goodbye" ? end.close() : end.die();
    this.#sockets.clear();
  }

  #connect(socket: SocketId, remote: Address): void {
    if (this.#sockets.size >= this.#socketsMax) {
      this.#network.clock.after(0, () => this.#tell({ type: "tcp-closed", socket, reason: "other" }));
      return;
    }
    const hearer = this.#hearer(socket);
    this.#sockets.set(socket, TcpEnd.connect(this.#network, this.#host, remote, hearer));
  }

  #accept(end: TcpEnd): TcpHearer | undefined {
    if (this.#sockets.size >= this.#socketsMax) return undefined;
    this.#incoming += 2;
    const socket = this.#incoming;
    this.#sockets.set(socket, end);
    const { remote } = end;
    this.#network.clock.after(0, () => this.#tell({ type: "tcp-incoming", socket, remote }));
    return this.#hearer(socket);
  }

  #hearer(socket: SocketId): TcpHearer {
    const known = () => this.#sockets.has(socket);
    return {
      opened: () => known() && this.#tell({ type: "tcp-open", socket }),
      data: (bytes) => known() && this.#tell({ type: "tcp-data", socket, bytes }),
      written: (count) => known() && this.#tell({ type: "tcp-written", socket, count }),
      closed: (reason: TcpCloseReason) => {
        if (this.#sockets.delete(socket)) this.#tell({ type: "tcp-closed", socket, reason });
      },
    };
  }

  #joinGroup(on: boolean): void {
    const key = formatAddress(addressOn(this.#host, groupPort));
    const { datagramHandlers } = this.#network;
    if (!on) datagramHandlers.delete(key);
    else
      datagramHandlers.set(key, (from, bytes) =>
        this.#tell({ type: "lsd-data", from, neighbour: true, bytes }),
      );
  }

  /** Multicast is a copy for each of them; there is no IPv6 here. Who has not joined says nothing either. */
  #tellNeighbours(family: Family, bytes: Uint8Array): void {
    const joined = this.#network.datagramHandlers.has(formatAddress(addressOn(this.#host, groupPort)));
    if (family === 6 || !joined) return;
    for (const neighbour of this.#network.neighbours(this.#host))
      this.#datagrams.send(this.address, addressOn(neighbour, groupPort), bytes);
  }

  #resolve(effect: Extract<NetEffect, { type: "resolve" }>): void {
    const { request, host, family, trust } = effect;
    this.#network.clock.after(20, () => {
      const found = resolve(this.#network, host, family);
      const ips = found.filter((ip) => mayReach(ip, trust, undefined));
      if (ips.length > 0) return this.#tell({ type: "resolved", request, ips });
      const reason = found.length > 0 ? "local-address" : "name-not-found";
      this.#tell({ type: "resolve-failed", request, reason });
    });
  }

  #tell(event: NetEvent): void {
    if (this.#open) this.#onEvent(event);
  }
}
