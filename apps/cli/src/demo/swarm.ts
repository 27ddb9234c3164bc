import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { must } from "@dure/base";
import type { DureNode, TorrentHandle } from "@dure/host-node";
import type { Context } from "../context.ts";
import { closeInTime } from "../transfer/transfer.ts";

export interface SwarmPeer {
  readonly role: "seed" | "first" | "second";
  readonly dir: string;
  readonly node: DureNode;
  readonly handle: TorrentHandle;
}

export interface SwarmPlan {
  /** A folder of our own for profiles and downloads. */
  readonly root: string;
  /** Holds the sample. */
  readonly seedDir: string;
  readonly torrent: Uint8Array;
  readonly seedUpRateMax: number;
}

const order: readonly SwarmPeer["role"][] = ["seed", "first", "second"];

/** Three peers in this process, each with a profile, a folder and a port of its own. */
export class Swarm {
  readonly #context: Context;
  readonly #plan: SwarmPlan;
  readonly #peers: SwarmPeer[] = []; // three

  constructor(context: Context, plan: SwarmPlan) {
    this.#context = context;
    this.#plan = plan;
  }

  async start(): Promise<void> {
    await this.#join("seed", this.#plan.seedDir);
    await Promise.all([this.#join("first"), this.#join("second")]);
  }

  /** The seed first. */
  get peers(): readonly SwarmPeer[] {
    return this.#peers.toSorted((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
  }

  peer(role: SwarmPeer["role"]): SwarmPeer {
    return must(
      this.#peers.find((peer) => peer.role === role),
      "the swarm has started",
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => closeInTime(peer.node)));
  }

  async #join(role: SwarmPeer["role"], dirGiven?: string): Promise<void> {
    const { root, torrent, seedUpRateMax } = this.#plan;
    const dir = dirGiven ?? join(root, role);
    await mkdir(dir, { recursive: true });
    const seeding = role === "seed";
    const node = await this.#context.openNode({
      profile: join(root, "profiles", role),
      port: 0,
      listen: "127.0.0.1",
      lsd: false, // the tracker is what brings them together
      ...(seeding ? { upRateMax: seedUpRateMax } : {}),
    });
    try {
      const handle = await node.add({ source: torrent, dir, assumeComplete: seeding });
      handle.done.catch(() => {}); // heard by whoever waits for it
      this.#peers.push({ role, dir, node, handle });
    } catch (error) {
      await closeInTime(node);
      throw error;
    }
  }
}
