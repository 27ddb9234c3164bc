import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

const prefix = "dure-";

/** Why namespaces cannot be had here, or undefined when they can. */
export function namespacesRefused(): string | undefined {
  if (process.platform !== "linux") return "network namespaces need Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  return spawnSync("ip", ["netns", "list"]).status === 0 ? undefined : "network namespaces need iproute2";
}

/** Named for this process, so that what a killed one left behind is known and removed. */
export function addNamespace(purpose: string): string {
  const name = `${prefix}${process.pid}-${purpose}`;
  removeStale();
  ip("netns", "add", name);
  ip("-n", name, "link", "set", "lo", "up");
  return name;
}

/** Synchronous, for `exit` handlers. Interfaces in it go too; processes in it keep it, nameless, until they end. */
export function removeNamespace(name: string): void {
  spawnSync("ip", ["netns", "delete", name]);
}

export function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
}

/**
 * One namespace in which every program of a test runs. Its addresses are local but not in 127.0.0.0/8, where
 * Transmission takes no peers, and its ports are all free.
 */
export class Room {
  readonly netns: string;
  readonly ip4 = "10.77.1.1";
  readonly ip6 = "fd77::1";

  constructor() {
    this.netns = addNamespace("room");
    try {
      ip("-n", this.netns, "address", "add", `${this.ip4}/32`, "dev", "lo");
      ip("-n", this.netns, "address", "add", `${this.ip6}/128`, "dev", "lo", "nodad");
      // Programs that ask the kernel for their own address, as aria2 does before it uses IPv6, need a route.
      ip("-n", this.netns, "route", "add", "default", "dev", "lo", "src", this.ip4);
      ip("-n", this.netns, "-6", "route", "add", "default", "dev", "lo", "src", this.ip6);
    } catch (error) {
      this.remove();
      throw error;
    }
    process.once("exit", () => this.remove());
  }

  remove(): void {
    removeNamespace(this.netns);
  }
}

function removeStale(): void {
  if (!existsSync("/run/netns")) return;
  for (const name of readdirSync("/run/netns")) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNamespace(name);
  }
}
