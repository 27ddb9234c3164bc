import { readFileSync } from "node:fs";
import { endianness, networkInterfaces } from "node:os";
import { type Address, canonicalIp, formatIp, ipScope, must, parseIp } from "@dure/base";
import type { Route } from "@dure/engine";
import { type DefaultRoute, parseProcIpv6Route, parseProcRoute } from "./proc-routes.ts";
import { addressesOf, type InterfaceTable, sameSubnet } from "./subnet.ts";

/** A route, and the device it leaves by: a link-local gateway means nothing without. */
export interface DeviceRoute extends Route {
  readonly device: string;
}

/** What the system says, for tests to say something else. */
export interface SystemRoutes {
  readonly platform: string;
  readonly interfaces: InterfaceTable;
  /** Undefined: there is no such file. */
  readonly read: (file: string) => string | undefined;
  readonly littleEndian: boolean;
}

export function systemRoutes(): SystemRoutes {
  return {
    platform: process.platform,
    interfaces: networkInterfaces(),
    read: (file) => {
      try {
        return readFileSync(file, "utf8");
      } catch {
        return undefined; // no IPv6, or a sandbox without /proc: then there is nothing to map
      }
    },
    littleEndian: endianness() === "LE",
  };
}

/**
 * The routes whose gateway may map a port of ours, at most one a family: over IPv4 from an address that the outside does
 * not reach, over IPv6 from one that it would reach if the gateway let it. `listening` is what the node listens on: with a
 * single address only the route that leaves from it counts, and loopback has none.
 */
export function mappableRoutes(listening: readonly Address[], system: SystemRoutes): readonly DeviceRoute[] {
  return [route4(listening, system), route6(listening, system)].filter((route) => route !== undefined);
}

function route4(listening: readonly Address[], system: SystemRoutes): DeviceRoute | undefined {
  const { interfaces } = system;
  for (const { device, gateway } of defaultRoutes4(system)) {
    const infos = addressesOf(device, 4, interfaces).filter(({ address }) =>
      listens(listening, "0.0.0.0", address),
    );
    // An interface may have several addresses: the gateway's network is the one that it maps.
    const info = infos.find(({ address, netmask }) => sameSubnet(gateway, address, netmask)) ?? infos[0];
    if (info === undefined) continue;
    const hidden = ["private", "link-local"].includes(ipScope(info.address));
    return hidden ? { family: 4, gateway, local: info.address, device } : undefined;
  }
  return undefined;
}

function route6(listening: readonly Address[], system: SystemRoutes): DeviceRoute | undefined {
  if (system.platform !== "linux") return undefined;
  for (const { device, gateway } of parseProcIpv6Route(system.read("/proc/net/ipv6_route") ?? "")) {
    const local = addressesOf(device, 6, system.interfaces)
      .map(({ address }) => canonicalIp(address))
      .find((ip) => ip !== undefined && ipScope(ip) === "global" && listens(listening, "::", ip));
    if (local !== undefined) return { family: 6, gateway, local, device };
  }
  return undefined;
}

function listens(listening: readonly Address[], all: string, ip: string): boolean {
  return listening.some((address) => address.ip === all || address.ip === ip);
}

function defaultRoutes4(system: SystemRoutes): readonly DefaultRoute[] {
  if (system.platform === "linux")
    return parseProcRoute(system.read("/proc/net/route") ?? "", system.littleEndian);
  return guessedRoutes(system.interfaces);
}

/**
 * Elsewhere Node does not tell the gateway, and each system has a command of its own for it. Home gateways are at the first
 * address of their network: that one is guessed. UPnP needs no guess, as its gateway answers a search.
 */
function guessedRoutes(interfaces: InterfaceTable): readonly DefaultRoute[] {
  return Object.entries(interfaces).flatMap(([device, infos]) =>
    (infos ?? []).flatMap(({ address, netmask, family, internal }) => {
      if (family !== "IPv4" || internal || ipScope(address) !== "private") return [];
      const gateway = firstOf(address, netmask);
      return gateway === address ? [] : [{ device, gateway, metric: 0 }]; // there we are the gateway ourselves
    }),
  );
}

function firstOf(address: string, netmask: string): string {
  const mask = must(parseIp(netmask), "the system's mask is an address");
  const bytes = must(parseIp(address), "the system's address is one").map(
    (byte, index) => byte & (mask[index] ?? 0),
  );
  bytes[3] = (bytes[3] ?? 0) | 1;
  return formatIp(bytes);
}
