import type { PortMapping } from "@dure/engine";
import type { NodeNet } from "../net/index.ts";
import type { MappedPort, PortReport } from "../port-mapping/index.ts";

/** The node's port as gateways map it. The code that asks them is loaded here, when it is wanted at all. */
export class PortMappings {
  readonly #list = new Map<string, PortMapping>(); // one a family and protocol
  readonly #onMapped: (mapping: PortMapping) => void;
  readonly #port: Promise<MappedPort | undefined>;
  #closed = false;

  /** `onMapped` is told each mapping, also when something about it has changed. */
  constructor(net: NodeNet, onMapped: (mapping: PortMapping) => void) {
    this.#onMapped = onMapped;
    this.#port = this.#open(net);
  }

  get list(): readonly PortMapping[] {
    return [...this.#list.values()];
  }

  networkChanged(): void {
    void this.#port.then((port) => port?.networkChanged());
  }

  slept(): void {
    void this.#port.then((port) => port?.slept());
  }

  /** Takes about a second at most. */
  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#port)?.close();
  }

  async #open(net: NodeNet): Promise<MappedPort | undefined> {
    const { MappedPort } = await import("../port-mapping/index.ts");
    if (this.#closed) return undefined;
    return new MappedPort({
      port: net.port,
      listening: () => net.localAddresses,
      onReport: (report) => this.#hear(report),
    });
  }

  #hear(report: PortReport): void {
    if (report.type === "port-not-mapped") return;
    const key = `${report.family} ${report.protocol}`;
    if (report.type === "port-unmapped") this.#list.delete(key);
    else {
      const { type: _, ...mapping } = report;
      this.#list.set(key, mapping);
      this.#onMapped(mapping);
    }
  }
}
