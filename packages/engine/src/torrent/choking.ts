import { type Ms, ms, type Prng } from "@dure/base";
import { AutomaticSlots, Choker, type ChokerPeer, type ChokerPlan, chokerLimits } from "../choker/index.ts";
import type { Limits } from "../session/index.ts";
import type { Content } from "./content.ts";
import type { Context } from "./context.ts";
import type { Peer } from "./peer.ts";

/** Ten-second rounds for one torrent, and free slots given at once to whoever has just become interested. */
export class Choking {
  readonly #choker: Choker;
  readonly #slots = new AutomaticSlots();
  readonly #limits: Limits;
  readonly #node: Limits;
  #nextRound: Ms | undefined;

  constructor(prng: Prng, limits: Limits, node: Limits) {
    this.#choker = new Choker(prng);
    this.#limits = limits;
    this.#node = node;
  }

  /** Call about once a second, and when a peer becomes interested. */
  tick(now: Ms, context: Context, ready: Content, complete: boolean): void {
    const peers = [...context.peers.values()];
    const view = peers.map((peer) => chokerPeer(now, peer));
    const plan: ChokerPlan = {
      slots: this.#slotsNow(peers),
      seeding: complete,
      creditBytes: Math.max(65_536, ready.info.pieceBytes),
    };
    const due = this.#nextRound === undefined || now >= this.#nextRound;
    if (due) {
      this.#nextRound = ms(now + chokerLimits.roundEvery);
      this.#adjust(now, peers);
    }
    const unchoked = due ? this.#choker.round(now, view, plan) : this.#choker.fill(now, view, plan);
    for (const peer of peers) {
      if (unchoked.has(peer.id)) ready.uploads.unchoke(now, peer);
      else ready.uploads.choke(now, peer);
    }
    this.#node.takeSlots(this, unchoked.size);
  }

  /** The torrent serves nobody any more. */
  stop(): void {
    this.#node.slotsFor(this, 0);
  }

  /** The torrent's own number, and its share of the node's. */
  #slotsNow(peers: readonly Peer[]): number {
    const own = this.#limits.settings.uploadSlots ?? this.#slots.slots;
    const wanted = peers.filter((peer) => peer.interested && !peer.uploadOnly).length;
    return Math.min(own, this.#node.slotsFor(this, wanted) ?? own);
  }

  #adjust(now: Ms, peers: readonly Peer[]): void {
    const upRate = peers.reduce((sum, peer) => sum + peer.up.rate(now), 0);
    const waiting = peers.filter((peer) => peer.interested && peer.amChoking).length;
    const limit = this.#limits.settings.upRateMax ?? this.#node.settings.upRateMax;
    this.#slots.round({ limit, upRate, waiting });
  }
}

function chokerPeer(now: Ms, peer: Peer): ChokerPeer {
  return {
    id: peer.id,
    interested: peer.interested,
    snubbed: peer.snubbed,
    uploadOnly: peer.uploadOnly || peer.seed,
    canTake: true,
    downRate: peer.down.rate(now),
    uploadedSinceUnchoke: peer.uploadedSinceUnchoke,
    balance: peer.downloaded - peer.uploaded,
    gave: peer.downloaded > 0,
  };
}
