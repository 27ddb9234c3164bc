import { addNamespace, ip, namespacesRefused, removeNamespace } from "../../interop/clients/index.ts";

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
 * machine passes. The caller runs `remove` at the end and when the process exits.
 */
export class Namespaces {
  readonly pair: NamespacePair;

  constructor() {
    const refused = namespacesRefused();
    if (refused !== undefined)
      throw new Error(`${refused}; the benchmark measures on a wire between two of them`);
    const device = "veth0";
    this.pair = {
      seed: addNamespace("bench-seed"),
      leech: addNamespace("bench-leech"),
      seedIp: "10.77.0.1",
      leechIp: "10.77.0.2",
      device,
    };
    const { seed, leech, seedIp, leechIp } = this.pair;
    try {
      ip("link", "add", device, "netns", seed, "type", "veth", "peer", "name", device, "netns", leech);
      ip("-n", seed, "address", "add", `${seedIp}/24`, "dev", device);
      ip("-n", leech, "address", "add", `${leechIp}/24`, "dev", device);
      for (const name of [seed, leech]) ip("-n", name, "link", "set", device, "up");
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Synchronous, for `exit` handlers; deleting the namespaces takes the veth pair with them. */
  remove(): void {
    removeNamespace(this.pair.seed);
    removeNamespace(this.pair.leech);
  }
}
