import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { canonicalIp, type Family, familyOf } from "@dure/base";
import { NodeError } from "../api.ts";

export interface BindingOptions {
  readonly listen?: string;
  readonly interface?: string;
}

export type InterfaceTable = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** An interface is looked at again after this long, so that each connect sees one that has vanished. */
const tableWait = 1000;

/**
 * From which address traffic of a family leaves: the kill switch. With `listen` or `interface` given, a family without
 * an address is not used at all, and an interface that goes away takes the traffic with it.
 */
export class LocalBinding {
  readonly #options: BindingOptions;
  readonly #interfaces: () => InterfaceTable;
  readonly #clock: () => number;
  #addresses: Readonly<Record<Family, string | undefined>>;
  #lookedAt: number;

  constructor(
    options: BindingOptions,
    interfaces: () => InterfaceTable = networkInterfaces,
    clock: () => number = () => performance.now(),
  ) {
    this.#options = options;
    this.#interfaces = interfaces;
    this.#clock = clock;
    this.#lookedAt = clock();
    this.#addresses = bindingAddresses(options, interfaces());
    if (this.families.length === 0) throw absent(options);
  }

  get families(): readonly Family[] {
    const families: readonly Family[] = [4, 6];
    return families.filter((family) => this.#addresses[family] !== undefined);
  }

  /** True when all addresses of the machine are used: a family that it lacks is then no error. */
  get any(): boolean {
    return this.#options.listen === undefined && this.#options.interface === undefined;
  }

  /** The address to bind; unspecified means all; undefined means that the family is not used. */
  address(family: Family): string | undefined {
    if (this.#options.interface !== undefined && this.#clock() - this.#lookedAt >= tableWait) this.refresh();
    return this.#addresses[family];
  }

  /** The address to connect from: undefined lets the system choose, false forbids. */
  source(family: Family): string | undefined | false {
    const address = this.address(family);
    if (address === undefined) return false;
    return address === "0.0.0.0" || address === "::" ? undefined : address;
  }

  /** Looks at the interface now, not when its time has come. */
  refresh(): void {
    this.#lookedAt = this.#clock();
    this.#addresses = bindingAddresses(this.#options, this.#interfaces());
  }
}

function bindingAddresses(
  options: BindingOptions,
  table: InterfaceTable,
): Readonly<Record<Family, string | undefined>> {
  const listen = options.listen === undefined ? undefined : canonicalIp(options.listen);
  if (options.listen !== undefined && listen === undefined) {
    throw new NodeError("listen", `${options.listen} is not an IP address`, options.listen);
  }
  if (options.interface === undefined) {
    if (listen === undefined) return { 4: "0.0.0.0", 6: "::" };
    return { 4: undefined, 6: undefined, [familyOf(listen)]: listen };
  }
  const usable = interfaceAddresses(options.interface, table);
  const chosen = listen === undefined ? usable : usable.filter((ip) => ip === listen);
  return {
    4: chosen.find((ip) => familyOf(ip) === 4),
    6: chosen.find((ip) => familyOf(ip) === 6),
  };
}

/** The interface's addresses; link-local IPv6 ones need a zone, which an `Address` has not. */
function interfaceAddresses(name: string, table: InterfaceTable): string[] {
  const literal = canonicalIp(name);
  const infos =
    literal === undefined ? (table[name] ?? []) : Object.values(table).flatMap((infos) => infos ?? []);
  const ips = infos
    .filter((info) => info.family === "IPv4" || info.scopeid === 0)
    .map((info) => canonicalIp(info.address))
    .filter((ip) => ip !== undefined);
  return literal === undefined ? ips : ips.filter((ip) => ip === literal);
}

function absent(options: BindingOptions): NodeError {
  const name = options.interface ?? "";
  const message =
    options.listen === undefined
      ? `the interface ${name} is not there or has no address; nothing is sent without it`
      : `the address ${options.listen} is not on the interface ${name}`;
  return new NodeError("listen", message, name);
}
