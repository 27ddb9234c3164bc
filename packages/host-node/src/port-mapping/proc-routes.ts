import { formatIp, fromHex, must } from "@dure/base";

/** A way out of the local network. */
export interface DefaultRoute {
  readonly device: string;
  readonly gateway: string;
  /** The lowest is used. */
  readonly metric: number;
}

/** RTF_UP and RTF_GATEWAY of <linux/route.h>. */
const upAndGateway = 0x3;
/** A machine with more routes than this is a router; what comes after is not looked at. */
const linesMax = 10_000;

/**
 * The default routes of Linux's /proc/net/route, best first. Columns: device, destination, gateway, flags, references,
 * use, metric, mask. Addresses are the machine's own words in hex: on most machines the bytes are reversed.
 */
export function parseProcRoute(text: string, littleEndian: boolean): readonly DefaultRoute[] {
  const routes = rows(text).flatMap(
    ([device = "", destination, gateway = "", flags = "", , , metric, mask]) => {
      const bytes = /^[0-9A-Fa-f]{8}$/.test(gateway) ? must(fromHex(gateway), "hex") : undefined;
      if (bytes === undefined || destination !== "00000000" || mask !== "00000000" || !leads(flags))
        return [];
      const ip = formatIp(littleEndian ? bytes.reverse() : bytes);
      return [{ device, gateway: ip, metric: Number(metric) }];
    },
  );
  return byMetric(routes);
}

/**
 * The default routes of Linux's /proc/net/ipv6_route, best first. Columns: destination, its prefix length in hex, source,
 * its prefix length, next hop, metric, references, use, flags, device.
 */
export function parseProcIpv6Route(text: string): readonly DefaultRoute[] {
  const routes = rows(text).flatMap(
    ([destination = "", prefix, , , gateway = "", metric = "", , , flags = "", device = ""]) => {
      const bytes = /^[0-9a-fA-F]{32}$/.test(gateway) ? must(fromHex(gateway), "hex") : undefined;
      if (bytes === undefined || !/^0{32}$/.test(destination) || prefix !== "00" || !leads(flags)) return [];
      return [{ device, gateway: formatIp(bytes), metric: Number.parseInt(metric, 16) }];
    },
  );
  return byMetric(routes);
}

function rows(text: string): string[][] {
  return text.split("\n", linesMax).map((line) => line.trim().split(/\s+/));
}

function leads(flags: string): boolean {
  return /^[0-9A-Fa-f]{1,8}$/.test(flags) && (Number.parseInt(flags, 16) & upAndGateway) === upAndGateway;
}

function byMetric(routes: DefaultRoute[]): readonly DefaultRoute[] {
  return routes
    .filter(({ metric }) => Number.isFinite(metric))
    .sort((a, b) => a.metric - b.metric || (a.device < b.device ? -1 : a.device > b.device ? 1 : 0));
}
