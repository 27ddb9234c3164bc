import { addNamespace, ip, namespacesRefused, removeNamespace } from "../clients/index.ts";

/** Where one side of a transfer lives. */
export interface Place {
  readonly ip: string;
  readonly ip6: string;
  /** Absent: the caller's own network, on loopback. */
  readonly netns?: string;
}

export interface Network {
  readonly seeder: Place;
  /** The tracker lives here too. */
  readonly leecher: Place;
  /** Nobody else is in it: every port is free. */
  readonly ownPorts: boolean;
}

export interface Networks {
  readonly list: readonly Network[];
  /** Why everything shares loopback; undefined: nothing does. */
  readonly refused: string | undefined;
}

/**
 * `count` pairs of network namespaces, each joined by a veth pair: every port free, and real addresses, as programs that
 * distrust 127.0.0.0/8 want them. Where they cannot be made, everything shares loopback. They leave with this process.
 */
export function openNetworks(count: number, options: { ipv6: boolean }): Networks {
  const refused = namespacesRefused();
  if (refused !== undefined) return { refused, list: Array.from({ length: count }, () => loopback) };
  const made: string[] = []; // two for each pair
  process.once("exit", () => {
    for (const name of made) removeNamespace(name);
  });
  const pair = (index: number): Network => {
    const add = (purpose: string): string => {
      const name = addNamespace(`interop-${index}-${purpose}`);
      made.push(name);
      return name;
    };
    return connect(index, { seed: add("seed"), leech: add("leech"), ...options });
  };
  return { refused: undefined, list: Array.from({ length: count }, (_, index) => pair(index)) };
}

const loopback: Network = {
  seeder: { ip: "127.0.0.1", ip6: "::1" },
  leecher: { ip: "127.0.0.1", ip6: "::1" },
  ownPorts: false,
};

function connect(
  index: number,
  { seed, leech, ipv6 }: { seed: string; leech: string; ipv6: boolean },
): Network {
  const device = "veth0";
  const seeder = { netns: seed, ip: `10.78.${index}.1`, ip6: `fd78:${index}::1` };
  const leecher = { netns: leech, ip: `10.78.${index}.2`, ip6: `fd78:${index}::2` };
  ip("link", "add", device, "netns", seed, "type", "veth", "peer", "name", device, "netns", leech);
  for (const place of [seeder, leecher]) {
    ip("-n", place.netns, "address", "add", `${place.ip}/24`, "dev", device);
    // Without nodad the address is of no use for a second.
    if (ipv6) ip("-n", place.netns, "address", "add", `${place.ip6}/64`, "dev", device, "nodad");
    ip("-n", place.netns, "link", "set", device, "up");
  }
  return { seeder, leecher, ownPorts: true };
}
