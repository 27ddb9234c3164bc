import { type Address, canonicalIp, type Family, type Ms, minutes, ms, seconds } from "@dure/base";
import type { NetEvent } from "./ports/index.ts";

const retryFirst = seconds(5);
const retryMost = minutes(5);
/** Nodes to begin with; more are left out. */
export const bootstrapMax = 64;

export interface DhtBootstrapOptions {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Numbers are negative: those of trackers are positive. */
  readonly resolve: (request: number, host: string, family: Family) => void;
  /** No family has an address of the name. Told once a name. */
  readonly unresolved: (host: string) => void;
}

interface Name {
  readonly host: string;
  readonly port: number;
  /** Answers of this round that are due, and whether one had an address. */
  pending: number;
  found: boolean;
  told: boolean;
}

/** The names of bootstrap nodes: looked up over every family of ours, and again with growing waits until the node is ready. */
export class DhtBootstrap {
  /** Those given as literals. The DHT itself keeps asking them. */
  readonly addresses: readonly Address[];
  readonly #options: DhtBootstrapOptions;
  readonly #names: readonly Name[];
  readonly #requests = new Map<number, Name>(); // bounded: a round has one a name and family
  #families: readonly Family[] = [];
  #last = 0;
  #again: { readonly at: Ms; readonly wait: Ms } | undefined;

  constructor(options: DhtBootstrapOptions) {
    this.#options = options;
    const addresses: Address[] = []; // bounded by bootstrapMax
    const names: Name[] = []; // likewise
    for (const { host, port } of options.nodes.slice(0, bootstrapMax)) {
      const ip = canonicalIp(host);
      if (ip === undefined) names.push({ host, port, pending: 0, found: false, told: false });
      else addresses.push({ ip, port });
    }
    this.addresses = addresses;
    this.#names = names;
  }

  start(now: Ms, families: readonly Family[]): void {
    this.#families = families;
    this.begin(now);
  }

  /** Also when the network has changed, or everybody is gone. */
  begin(now: Ms): void {
    this.#round(now, retryFirst);
  }

  /** The node is ready. */
  done(): void {
    this.#again = undefined;
  }

  deadline(): Ms | undefined {
    return this.#again?.at;
  }

  wake(now: Ms): void {
    if (this.#again === undefined || now < this.#again.at) return;
    this.#round(now, ms(Math.min(this.#again.wait * 2, retryMost)));
  }

  /** Addresses to ask. */
  handle(event: Extract<NetEvent, { type: "resolved" | "resolve-failed" }>): Address[] {
    const name = this.#requests.get(event.request);
    if (name === undefined) return [];
    this.#requests.delete(event.request);
    name.pending -= 1;
    if (event.type === "resolved") {
      name.found = true;
      return event.ips.map((ip) => ({ ip, port: name.port }));
    }
    if (name.pending === 0 && !name.found && !name.told) {
      name.told = true;
      this.#options.unresolved(name.host);
    }
    return [];
  }

  #round(now: Ms, wait: Ms): void {
    if (this.#names.length === 0) return;
    this.#again = { at: ms(now + wait), wait };
    this.#requests.clear(); // answers that are still due would say nothing new
    for (const name of this.#names) {
      name.pending = this.#families.length;
      name.found = false;
      for (const family of this.#families) {
        this.#last -= 1;
        this.#requests.set(this.#last, name);
        this.#options.resolve(this.#last, name.host, family);
      }
    }
  }
}
