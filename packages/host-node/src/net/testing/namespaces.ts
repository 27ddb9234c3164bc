import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

/** Why machines cannot be made of network namespaces here, or undefined when they can. */
export function namespacesRefused(): string | undefined {
  if (process.platform !== "linux") return "network namespaces need Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  return spawnSync("ip", ["netns", "list"]).status === 0 ? undefined : "network namespaces need iproute2";
}

/** Network namespaces joined by virtual cables, each a machine of its own. They leave with the test. */
export class Machines implements Disposable {
  readonly #prefix = `dure-net-${process.pid}`;
  readonly #names: string[] = []; // as many as the test adds
  readonly #children = new Set<ChildProcess>();

  add(name: string): string {
    const full = `${this.#prefix}-${name}`;
    ip("netns", "add", full);
    this.#names.push(full);
    ip("-n", full, "link", "set", "lo", "up");
    return full;
  }

  /** A cable between two machines; each end's device and addresses with their prefix lengths. */
  join(...ends: readonly [End, End]): void {
    const [a, b] = ends;
    const both = ["type", "veth", "peer", "name", b.device, "netns", b.machine];
    ip("link", "add", a.device, "netns", a.machine, ...both);
    for (const { machine, device, addresses } of ends) {
      for (const address of addresses) addAddress(machine, device, address);
      ip("-n", machine, "link", "set", device, "up");
    }
  }

  /** A program of ours on a machine; it is to end with its standard input. */
  start(machine: string, script: string, args: readonly string[]): Running {
    const command = [`--net=/run/netns/${machine}`, process.execPath, script, ...args];
    const child = spawn("nsenter", command, { stdio: ["pipe", "pipe", "inherit"] });
    this.#children.add(child);
    return new Running(child);
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const name of this.#names) spawnSync("ip", ["netns", "delete", name]);
  }
}

export interface End {
  readonly machine: string;
  readonly device: string;
  readonly addresses: readonly string[];
}

/** Every line that it prints is a JSON value. */
export class Running {
  readonly said: unknown[] = []; // bounded by the test's length

  constructor(child: ChildProcess) {
    if (child.stdout === null) throw new Error("it was started with pipes");
    createInterface({ input: child.stdout }).on("line", (line) => this.said.push(JSON.parse(line)));
  }
}

export function addAddress(machine: string, device: string, address: string): void {
  // Without nodad an IPv6 address is of no use for a second.
  const family = address.includes(":") ? ["nodad"] : [];
  ip("-n", machine, "address", "add", address, "dev", device, ...family);
}

export function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
}
