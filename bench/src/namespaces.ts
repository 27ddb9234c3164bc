import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

const prefix = "dure-bench-";

export interface NamespacePair {
  readonly seed: string;
  readonly leech: string;
  readonly seedIp: string;
  readonly leechIp: string;
  /** The interface's name, alike in both. */
  readonly device: string;
}

/**
 * Two network namespaces joined by a veth pair: a wire of their own, with counters, that no other traffic of the
 * machine passes. Removed by `remove`, which the caller also runs when the process exits.
 */
export class Namespaces {
  readonly pair: NamespacePair = {
    seed: `${prefix}${process.pid}-seed`,
    leech: `${prefix}${process.pid}-leech`,
    seedIp: "10.77.0.1",
    leechIp: "10.77.0.2",
    device: "veth0",
  };

  constructor() {
    if (process.getuid?.() !== 0)
      throw new Error("network namespaces need root: run the benchmark with sudo");
    removeStale();
    const { seed, leech, seedIp, leechIp, device } = this.pair;
    try {
      ip("netns", "add", seed);
      ip("netns", "add", leech);
      ip("link", "add", device, "netns", seed, "type", "veth", "peer", "name", device, "netns", leech);
      for (const [name, address] of [
        [seed, seedIp],
        [leech, leechIp],
      ] as const) {
        ip("-n", name, "address", "add", `${address}/24`, "dev", device);
        ip("-n", name, "link", "set", device, "up");
        ip("-n", name, "link", "set", "lo", "up");
      }
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Synchronous, for `exit` handlers; deleting the namespaces takes the veth pair with them. */
  remove(): void {
    for (const name of [this.pair.seed, this.pair.leech]) spawnSync("ip", ["netns", "delete", name]);
  }
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
