import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { canonicalIp, type Family, familyOf, ipScope } from "@dure/base";
import type { NetEvent } from "@dure/carrier";
import { lsdDatagramBytesMax, lsdGroups } from "@dure/protocol";
import type { InterfaceTable, LocalBinding } from "./local-binding.ts";
import { contains, type LocalSubnet, localSubnets } from "./local-subnets.ts";

export interface LsdSocketsOptions {
  readonly binding: LocalBinding;
  /** Which addresses the machine has; default the system. */
  readonly interfaces: (() => InterfaceTable) | undefined;
  readonly emit: (event: NetEvent) => void;
}

const families: readonly Family[] = [4, 6];

/**
 * The multicast groups of local discovery (BEP 14): one socket a family hears them on every local network that traffic
 * may use, and one socket a network speaks to it. Discovery is a help, never a need: whatever a system refuses is left
 * out without a word.
 *
 * Bound to an address or an interface, only its own network is spoken to, and only what comes from there is heard: Linux
 * hands a socket what any process of the machine has joined on any interface.
 */
export class LsdSockets {
  readonly #options: LsdSocketsOptions;
  #on = false;
  #subnets: readonly LocalSubnet[] = [];
  #ears: Socket[] = []; // one a family
  readonly #mouths = new Map<LocalSubnet, Socket>(); // one a subnet

  constructor(options: LsdSocketsOptions) {
    this.#options = options;
  }

  listen(on: boolean): void {
    if (this.#on === on) return;
    this.#on = on;
    this.#close();
    if (on) this.#open();
  }

  /** The machine may have other addresses than before. */
  refresh(): void {
    if (!this.#on || sameSubnets(this.#subnets, this.#current())) return;
    this.#close();
    this.#open();
  }

  send(family: Family, bytes: Uint8Array): void {
    this.refresh(); // an interface that has gone takes its traffic with it
    const { ip, port } = lsdGroups[family];
    for (const [subnet, socket] of this.#mouths) {
      if (subnet.family !== family) continue;
      try {
        socket.send(bytes, port, ip, ignore); // ENETUNREACH and the like come there
      } catch {
        // It is closing.
      }
    }
  }

  #current(): readonly LocalSubnet[] {
    const { binding, interfaces } = this.#options;
    return interfaces === undefined ? localSubnets(binding) : localSubnets(binding, interfaces());
  }

  #open(): void {
    this.#subnets = this.#current();
    for (const family of families) {
      const subnets = this.#subnets.filter((subnet) => subnet.family === family);
      if (subnets.length > 0) this.#openEar(family, subnets);
    }
    for (const subnet of this.#subnets) this.#openMouth(subnet);
  }

  #close(): void {
    const sockets = [...this.#ears, ...this.#mouths.values()];
    this.#ears = [];
    this.#mouths.clear();
    this.#subnets = [];
    for (const socket of sockets) close(socket);
  }

  /** Other programs of the machine listen on the same port: the address is shared. */
  #openEar(family: Family, subnets: readonly LocalSubnet[]): void {
    const group = lsdGroups[family];
    const socket = datagrams(family, { reuseAddr: true });
    this.#ears.push(socket);
    socket.on("message", (bytes, from) => this.#heard(bytes, from));
    socket.once("listening", () => {
      for (const subnet of subnets) attempt(() => socket.addMembership(group.ip, interfaceOf(subnet)));
    });
    // Bound to the group, Linux and macOS deliver nothing that was sent to this machine alone; Windows cannot do it.
    const address = process.platform === "win32" ? anyOf(family) : group.ip;
    socket.bind({ address, port: group.port, exclusive: true });
  }

  #openMouth(subnet: LocalSubnet): void {
    const socket = datagrams(subnet.family, {});
    this.#mouths.set(subnet, socket);
    socket.on("message", ignore); // nobody answers by unicast
    socket.once("listening", () => {
      attempt(() => socket.setMulticastInterface(interfaceOf(subnet)));
      attempt(() => socket.setMulticastTTL(1)); // this network and no further
      attempt(() => socket.setMulticastLoopback(true)); // two peers on one machine
    });
    socket.bind({ address: subnet.ip, port: 0, exclusive: true });
  }

  #heard(bytes: Uint8Array, from: RemoteInfo): void {
    const ip = canonicalIp(from.address.replace(/%.*$/, ""));
    if (!this.#on || ip === undefined || bytes.length > lsdDatagramBytesMax) return;
    if (familyOf(ip) === 6 && ipScope(ip) === "link-local") return; // not to be dialled without its zone
    const neighbour = this.#subnets.some((subnet) => contains(subnet, ip));
    if (!neighbour && !this.#options.binding.any) return;
    this.#options.emit({ type: "lsd-data", from: { ip, port: from.port }, neighbour, bytes });
  }
}

function datagrams(family: Family, options: { readonly reuseAddr?: boolean }): Socket {
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    ipv6Only: family === 6,
    // Every destination is an IP literal: no detour through the system's resolver.
    lookup: (host, _options, callback) => callback(null, host, family),
    ...options,
  });
  socket.on("error", () => close(socket)); // the port or the address cannot be had
  return socket;
}

/** IPv4 names an interface by an address of it, IPv6 by its name. */
function interfaceOf({ family, ip, name }: LocalSubnet): string {
  return family === 4 ? ip : `::%${name}`;
}

function anyOf(family: Family): string {
  return family === 4 ? "0.0.0.0" : "::";
}

function sameSubnets(a: readonly LocalSubnet[], b: readonly LocalSubnet[]): boolean {
  const text = (subnets: readonly LocalSubnet[]) => JSON.stringify(subnets);
  return text(a) === text(b);
}

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // An interface without multicast, or one that has just gone.
  }
}

function close(socket: Socket): void {
  attempt(() => socket.close()); // twice is an error of Node's
}

function ignore(): void {}
