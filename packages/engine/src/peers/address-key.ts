import { formatIp, ipScope, parseIp } from "@dure/base";

/** What one subscriber has: an IPv4 address, or an IPv6 /64. */
export function subscriberOf(ip: string): string {
  const bytes = parseIp(ip);
  if (bytes === undefined || bytes.length === 4) return ip;
  return `${formatIp(bytes.map((byte, index) => (index < 8 ? byte : 0)))}/64`;
}

/** Many peers behind one such address are normal: limits per address do not count it (CONTRACT.md). */
export function isLocal(ip: string): boolean {
  const scope = ipScope(ip);
  return scope === "loopback" || scope === "private" || scope === "link-local";
}

/** Can a peer be there at all? */
export function isDialable(ip: string): boolean {
  const scope = ipScope(ip);
  return scope !== "unspecified" && scope !== "multicast" && ip !== "255.255.255.255";
}
