import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allClients, allTrackers, type Client, Processes, type Tracker } from "../clients/index.ts";
import { type Network, type Networks, openNetworks } from "./network.ts";

/** What a run needs: programs and their versions, networks to lend, a scratch folder. */
export interface Lab {
  readonly processes: Processes;
  readonly networks: Networks;
  readonly hasIpv6: boolean;
  readonly folder: string;
  /** Version by program; null: absent. */
  readonly versions: Readonly<Record<string, string | null>>;
  client(name: string): Client;
  tracker(name: string): Tracker;
  /** A network to oneself, for the time of `use`. */
  lend<Result>(use: (network: Network) => Promise<Result>): Promise<Result>;
}

const prefix = "dure-interop-";
const hasIpv6 = existsSync("/proc/net/if_inet6");

export async function openLab(options: { atOnce: number }): Promise<Lab> {
  const processes = new Processes();
  removeStale();
  const folder = join(scratchRoot(), `${prefix}${process.pid}`);
  mkdirSync(folder);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  const networks = openNetworks(options.atOnce, { ipv6: hasIpv6 });
  const clients = new Map(allClients(processes).map((client) => [client.name, client]));
  const trackers = new Map(allTrackers(processes).map((tracker) => [tracker.name, tracker]));
  const versions: Record<string, string | null> = {};
  for (const program of [...clients.values(), ...trackers.values()]) {
    versions[program.name] = (await program.version()) ?? null;
  }
  const free = [...networks.list];
  const waiting: ((network: Network) => void)[] = []; // at most as many as there are cells
  return {
    processes,
    networks,
    hasIpv6,
    folder,
    versions,
    client: (name) => known(clients, name),
    tracker: (name) => known(trackers, name),
    async lend(use) {
      const network = free.pop() ?? (await new Promise<Network>((resolve) => waiting.push(resolve)));
      try {
        return await use(network);
      } finally {
        const next = waiting.shift();
        if (next === undefined) free.push(network);
        else next(network);
      }
    },
  };
}

/** Three ports for a cell: nobody uses them now, and no other cell is given them. */
export async function freePorts(network: Network): Promise<{ seed: number; leech: number; tracker: number }> {
  if (network.ownPorts) return { seed: 7001, leech: 7002, tracker: 6969 };
  const servers = await Promise.all([listen(), listen(), listen()]);
  const [seed, leech, tracker] = servers.map(({ port }) => port);
  await Promise.all(servers.map(({ close }) => close()));
  if (seed === undefined || leech === undefined || tracker === undefined)
    throw new Error("three were asked for");
  return { seed, leech, tracker };
}

async function listen(): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a listening TCP server has a port");
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { port: address.port, close };
}

/** What a run that was killed left behind. */
function removeStale(): void {
  for (const name of readdirSync(scratchRoot())) {
    const pid = new RegExp(`^${prefix}(\\d+)$`).exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    rmSync(join(scratchRoot(), name), { recursive: true, force: true });
  }
}

/** Memory where there is any: two cells at once hold at most some 200 MB. */
function scratchRoot(): string {
  return existsSync("/dev/shm") && statSync("/dev/shm").isDirectory() ? "/dev/shm" : tmpdir();
}

function known<Value>(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined)
    throw new Error(`no program called ${name}; there are ${[...values.keys()].join(", ")}`);
  return value;
}
