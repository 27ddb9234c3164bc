import type { AddOptions, NodeOptions, TorrentState } from "@dure/host-node";
import { Interrupt } from "../interrupt.ts";
import { run } from "../run.ts";
import type { FakeDht } from "./fake-dht.ts";
import { FakeNode, type FakeTorrent } from "./fake-node.ts";
import { MemoryScreen } from "./memory-screen.ts";

export interface CliRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly screen: MemoryScreen;
  /** The node that the command opened, if it did. */
  readonly node: FakeNode | undefined;
}

export interface CliWorld {
  readonly env?: Readonly<Record<string, string>>;
  readonly live?: boolean;
  readonly columns?: number;
  /** What the added torrent is at first. */
  readonly state?: TorrentState;
  /** What happens once it was added. */
  readonly onAdd?: (torrent: FakeTorrent, interrupt: Interrupt, added: AddOptions) => void;
  /** The DHT of the node, before it is asked anything. */
  readonly dht?: (dht: FakeDht, interrupt: Interrupt) => void;
  readonly openNode?: (options: NodeOptions) => Promise<FakeNode>;
}

/** Runs a command line in this process, against a fake peer and a screen in memory. */
export async function runCli(args: readonly string[], world: CliWorld = {}): Promise<CliRun> {
  const screen = new MemoryScreen(world);
  const interrupt = new Interrupt();
  let node: FakeNode | undefined;
  const status = await run(args, {
    screen,
    interrupt,
    env: world.env ?? { LANG: "C.UTF-8", HOME: "/home/someone" },
    openNode: async (options) => {
      if (world.openNode !== undefined) return await world.openNode(options);
      const state = world.state ?? { name: "downloading" };
      node = new FakeNode(options, state, (torrent, added) => world.onAdd?.(torrent, interrupt, added));
      if (node.dht !== undefined) world.dht?.(node.dht, interrupt);
      return node;
    },
    openTracker: async () => {
      throw new Error("no tracker in this test");
    },
  });
  return { status, stdout: screen.stdout, stderr: screen.stderr, screen, node };
}
