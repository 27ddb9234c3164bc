import type { Ms } from "@dure/base";
import type { AnnouncerOutput } from "../announcer/index.ts";
import { LoneSeed } from "../super-seed/index.ts";
import type { Content } from "./content.ts";
import type { Context } from "./context.ts";
import type { TorrentOptions } from "./options.ts";

/** Tells the one seed of a swarm that super-seeding would serve it better (BEP 16). */
export class Suggesting {
  readonly #context: Context;
  readonly #startedWhole: boolean;
  readonly #loneSeed = new LoneSeed();
  /** The most that a tracker has told of, ourselves among them. */
  #seedersTold = 0;

  constructor(context: Context, { start, superSeed }: Pick<TorrentOptions, "start" | "superSeed">) {
    this.#context = context;
    this.#startedWhole = start?.have.all === true && superSeed !== true;
  }

  heard(output: AnnouncerOutput): void {
    if (output.type === "status" && output.state === "working")
      this.#seedersTold = Math.max(this.#seedersTold, output.seeders ?? 0);
  }

  tick(now: Ms, { picker }: Content): void {
    if (!this.#startedWhole || !this.#loneSeed.due(now)) return;
    const facts = {
      initialSeed: picker.have.all,
      peersCount: this.#context.peers.size,
      copies: picker.distributedCopies(),
      otherSeeds: Math.max(0, this.#seedersTold - 1),
    };
    if (this.#loneSeed.look(now, facts)) this.#context.emit({ type: "super-seed-suggested" });
  }
}
