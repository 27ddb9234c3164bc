import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

const prefix = "dure-interop-";

/** Where the two sides of a transfer live. */
export interface Place {
  readonly ip: string;
  readonly ip6: string;
  /** Absent: the caller's own network, on loopback. */
  readonly netns?: string;
}

export interface Network {
  readonly kind: "namespaces" | "loopback";
  readonly seeder: Place;
  /** The tracker lives here too. */
  readonly leecher: Place;
}

export type Networks =
  | { readonly kind: "namespaces"; readonly list: readonly Network[] }
  /** `why`: what kept us from making namespaces. */
  | { readonly kind: "loopback"; readonly list: readonly Network[]; readonly why: string };

/**
 * `count` pairs of network namespaces, each joined by a veth pair: real addresses, as clients that distrust 127.0.0.0/8
 * want them, and every port free. Where they cannot be made, everything shares loopback. They leave with this process.
 */
export function openNetworks(count: number): Networks {
  removeStale();
  const made: string[] = [];
  const remove = (): void => {
    // Deleting the namespaces takes the veth pairs with them.
    for (const name of made) spawnSync("ip", ["netns", "delete", name]);
  };
  process.once("exit", remove);
  try {
    const list = Array.from({ length: count }, (_, index) => namespacePair(index, (name) => made.push(name)));
    return { kind: "namespaces", list };
  } catch (error) {
    remove();
    made.length = 0;
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "loopback", why, list: Array.from({ length: count }, () => loopback) };
  }
}

const loopback: Network = {
  kind: "loopback",
  seeder: { ip: "127.0.0.1", ip6: "::1" },
  leecher: { ip: "127.0.0.1", ip6: "::1" },
};

function namespacePair(index: number, made: (name: string) => void): Network {
  const device = "veth0";
  const place = (side: "seed" | "leech", host: number) => ({
    netns: `${prefix}${process.pid}-${index}-${side}`,
    ip: `10.78.${index}.${host}`,
    ip6: `fd78::${index}:${host}`,
  });
  const seeder = place("seed", 1);
  const leecher = place("leech", 2);
  for (const { netns } of [seeder, leecher]) {
    ip("netns", "add", netns);
    made(netns);
  }
  ip(
    ..."link add".split(" "),
    device,
    "netns",
    seeder.netns,
    "type",
    "veth",
    "peer",
    "name",
    device,
    "netns",
    leecher.netns,
  );
  for (const { netns, ip: v4, ip6: v6 } of [seeder, leecher]) {
    ip("-n", netns, "address", "add", `${v4}/24`, "dev", device);
    // Without nodad the address is no use for a second.
    ip("-n", netns, "address", "add", `${v6}/64`, "dev", device, "nodad");
    ip("-n", netns, "link", "set", device, "up");
    ip("-n", netns, "link", "set", "lo", "up");
  }
  return { kind: "namespaces", seeder, leecher };
}

/** What a run that was killed left behind. */
function removeStale(): void {
  if (!existsSync("/run/netns")) return;
  for (const name of readdirSync("/run/netns")) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) spawnSync("ip", ["netns", "delete", name]);
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
}
