import { at, type Ms, must, type Prng, seconds } from "@dure/base";

/** What the choker looks at of a connection. `id` is the owner's number for it. */
export interface ChokerPeer {
  readonly id: number;
  /** It wants something that we have. */
  readonly interested: boolean;
  /** It was asked and sent no block for a minute. */
  readonly snubbed: boolean;
  /** A seed, or a peer that says it wants nothing (BEP 21). */
  readonly uploadOnly: boolean;
  /** Nothing hinders sending to it: it is not stuck, banned or about to close. */
  readonly canTake: boolean;
  /** Payload bytes a second from it to us. */
  readonly downRate: number;
  /** Payload bytes to it since it was last unchoked. */
  readonly uploadedSinceUnchoke: number;
  /** Payload bytes that it gave us, less those it took. */
  readonly balance: number;
  /** It gave us something in its time. */
  readonly gave: boolean;
}

export interface ChokerPlan {
  /** Peers unchoked at once, optimistic ones included. */
  readonly slots: number;
  /** We have all we want. */
  readonly seeding: boolean;
  /** What an optimistic unchoke is worth: a piece, since before it has one a newcomer has nothing to give. */
  readonly creditBytes: number;
}

export const chokerLimits = {
  /** BEP 3: choking is decided anew every ten seconds. */
  roundEvery: seconds(10),
  /** BEP 3: the optimistic unchoke moves on every thirty seconds. */
  optimisticTurn: seconds(30),
  /** BEP 3: how much likelier a new connection is to be the next optimistic unchoke. */
  newcomerWeight: 3,
  /** One optimistic slot in this many: what a peer that never gives can get. */
  slotsPerOptimistic: 8,
  /** With so many who give our line is busy, and what is given to others is taken from them. */
  regularBusy: 2,
  /** Seeding: a slot is held for so long at least … */
  turnMin: seconds(30),
  /** … and until so much was sent, but … */
  turnBytes: 16 * 1024 * 1024,
  /** … never longer than this while others wait: a peer that reads slowly cannot sit on a slot. */
  turnMax: seconds(90),
} as const;

type Slot =
  | { readonly name: "waiting"; readonly since: Ms }
  | { readonly name: "regular"; readonly since: Ms }
  | { readonly name: "optimistic"; readonly since: Ms }
  /** It took its credit and gave nothing: choked for the rest of its optimistic turn, which nobody else gets. */
  | { readonly name: "spent"; readonly since: Ms };

interface Place {
  slot: Slot;
  /** Was unchoked at least once. */
  served: boolean;
}

type Interested = ChokerPeer & { readonly place: Place };

/**
 * Who may ask us for blocks.
 *
 * While we still want something: the peers that give most, and beside them a few optimistic unchokes that go round
 * among all others, so that a free rider gets no more than its turn of those. Seeding: slots go round among all who
 * wait, longest wait first, whatever their speed; a fast peer that comes back or reconnects stands behind everyone
 * (the bandwidth attack of Adamsky 2014 takes the slots of seeds that prefer speed).
 *
 * Times are kept here, so that calling `round` more often than every ten seconds moves nobody's turn forward.
 */
export class Choker {
  readonly #prng: Prng;
  /** One entry for each interested peer of the last round. */
  #places = new Map<number, Place>();

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  /** The peers to be unchoked from now on; everyone else is to be choked. At most `plan.slots`. */
  round(now: Ms, peers: readonly ChokerPeer[], plan: ChokerPlan): ReadonlySet<number> {
    const interested = this.#takeStock(now, peers);
    if (plan.seeding) this.#goRound(now, interested, plan);
    else this.#reciprocate(now, interested, plan);
    return unchoked(interested);
  }

  /** Gives free slots away between rounds and takes none: for a peer that has just become interested. */
  fill(now: Ms, peers: readonly ChokerPeer[], plan: ChokerPlan): ReadonlySet<number> {
    const interested = this.#takeStock(now, peers);
    const waiting = interested.filter(isWaiting);
    const free = Math.max(0, plan.slots - (interested.length - waiting.length));
    if (plan.seeding) serveNext(now, waiting, free, plan);
    else {
      restTakers(now, interested, plan);
      const givers = interested
        .filter((peer) => (isWaiting(peer) || peer.place.slot.name === "spent") && gives(peer))
        .sort(byRateThenId);
      const regularFree = Math.max(0, free - Math.max(0, this.#optimisticFree(interested, plan.slots)));
      for (const peer of givers.slice(0, regularFree)) take(peer.place, "regular", now);
      this.#fillOptimistic(now, interested, Math.min(free, this.#optimisticFree(interested, plan.slots)));
    }
    return unchoked(interested);
  }

  // Wait begins when interest is first seen; who leaves or loses interest begins anew.
  #takeStock(now: Ms, peers: readonly ChokerPeer[]): Interested[] {
    const places = new Map<number, Place>();
    const interested: Interested[] = [];
    for (const peer of peers) {
      if (!peer.interested || peer.uploadOnly || !peer.canTake) continue;
      const place = this.#places.get(peer.id) ?? { slot: { name: "waiting", since: now }, served: false };
      places.set(peer.id, place);
      interested.push({ ...peer, place });
    }
    this.#places = places;
    return interested.sort((a, b) => a.id - b.id); // whatever order the owner keeps them in
  }

  #reciprocate(now: Ms, interested: readonly Interested[], plan: ChokerPlan): void {
    const { slots } = plan;
    const givers = interested.filter(gives).sort(byRateThenId);
    const best = new Set(givers.slice(0, Math.max(0, slots - optimisticCount(slots))));
    for (const peer of interested) {
      const { slot } = peer.place;
      if (best.has(peer)) {
        if (slot.name !== "regular") take(peer.place, "regular", now);
      } else if (slot.name === "regular") release(peer.place, now);
    }
    restTakers(now, interested, plan);
    this.#passOptimisticOn(now, interested, slots);
    this.#fillOptimistic(now, interested, this.#optimisticFree(interested, slots));
  }

  // Turns that are over end only as far as others wait for them.
  #passOptimisticOn(now: Ms, interested: readonly Interested[], slots: number): void {
    const held = interested.filter(holdsTurn).sort(byTurnThenId);
    const waiting = interested.filter(isWaiting);
    const tooMany = Math.max(0, held.length - optimisticCount(slots));
    for (const peer of held.slice(0, tooMany)) release(peer.place, now); // fewer slots than before
    const over = held
      .slice(tooMany)
      .filter(({ place }) => now - place.slot.since >= chokerLimits.optimisticTurn)
      .slice(0, waiting.length);
    for (const _ of over) {
      const next = this.#drawOptimistic(now, waiting);
      waiting.splice(waiting.indexOf(next), 1);
      take(next.place, "optimistic", now);
    }
    for (const peer of over) release(peer.place, now);
  }

  #optimisticFree(interested: readonly Interested[], slots: number): number {
    const held = interested.filter(holdsTurn).length;
    return optimisticCount(slots) - held;
  }

  #fillOptimistic(now: Ms, interested: readonly Interested[], count: number): void {
    for (let given = 0; given < count; given += 1) {
      const waiting = interested.filter(isWaiting);
      if (waiting.length === 0) return;
      take(this.#drawOptimistic(now, waiting).place, "optimistic", now);
    }
  }

  // A lottery alone would let somebody wait for ever: who has waited two turns for each in line goes first.
  #drawOptimistic(now: Ms, waiting: readonly Interested[]): Interested {
    const longest = at([...waiting].sort(byWaitThenId), 0);
    const patience = 2 * waiting.length * chokerLimits.optimisticTurn;
    if (now - longest.place.slot.since >= patience) return longest;
    const weight = (peer: Interested) => (peer.place.served ? 1 : chokerLimits.newcomerWeight);
    let lot = this.#prng.below(waiting.reduce((sum, peer) => sum + weight(peer), 0));
    const drawn = waiting.find((peer) => {
      lot -= weight(peer);
      return lot < 0;
    });
    return must(drawn, "a lot below the sum of the weights falls on somebody");
  }

  #goRound(now: Ms, interested: readonly Interested[], plan: ChokerPlan): void {
    const { slots } = plan;
    for (const { place } of interested) if (place.slot.name === "spent") release(place, now);
    const held = interested.filter(({ place }) => place.slot.name !== "waiting").sort(byTurnThenId);
    const waiting = interested.filter(isWaiting);
    const tooMany = Math.max(0, held.length - slots);
    for (const peer of held.slice(0, tooMany)) release(peer.place, now); // fewer slots than before
    const free = Math.max(0, slots - held.length);
    const over = held
      .slice(tooMany)
      .filter((peer) => turnIsOver(now, peer))
      .slice(0, Math.max(0, waiting.length - free));
    for (const peer of over) release(peer.place, now);
    serveNext(now, waiting, free + over.length, plan);
  }
}

/** First those who gave us as much as they took while we were downloading, then whoever waits longest. */
function serveNext(now: Ms, waiting: readonly Interested[], count: number, plan: ChokerPlan): void {
  const earned = (peer: Interested) => Number(peer.gave && peer.balance + plan.creditBytes >= 0);
  const order = [...waiting].sort((a, b) => earned(b) - earned(a) || byWaitThenId(a, b));
  for (const peer of order.slice(0, count)) take(peer.place, "regular", now);
}

/** Optimistic turns of peers that have taken their credit rest, while the line is busy with those who give. */
function restTakers(now: Ms, interested: readonly Interested[], plan: ChokerPlan): void {
  const regular = interested.filter(({ place }) => place.slot.name === "regular").length;
  const busy = regular >= chokerLimits.regularBusy;
  for (const peer of interested) {
    const { place } = peer;
    const { name, since } = place.slot;
    if (name === "spent" && (!busy || now - since >= chokerLimits.optimisticTurn)) release(place, now);
    else if (name === "optimistic" && busy && !gives(peer) && peer.uploadedSinceUnchoke >= plan.creditBytes)
      place.slot = { name: "spent", since };
  }
}

function optimisticCount(slots: number): number {
  return slots <= 0 ? 0 : Math.max(1, Math.floor(slots / chokerLimits.slotsPerOptimistic));
}

/** Nobody else may have its optimistic turn. */
function holdsTurn({ place }: Interested): boolean {
  return place.slot.name === "optimistic" || place.slot.name === "spent";
}

function isWaiting(peer: Interested): boolean {
  return peer.place.slot.name === "waiting";
}

function gives(peer: Interested): boolean {
  return peer.downRate > 0 && !peer.snubbed;
}

function turnIsOver(now: Ms, peer: Interested): boolean {
  const held = now - peer.place.slot.since;
  if (held < chokerLimits.turnMin) return false;
  return peer.uploadedSinceUnchoke >= chokerLimits.turnBytes || held >= chokerLimits.turnMax;
}

function take(place: Place, name: "regular" | "optimistic", now: Ms): void {
  place.slot = { name, since: now };
  place.served = true;
}

function release(place: Place, now: Ms): void {
  place.slot = { name: "waiting", since: now };
}

function unchoked(interested: readonly Interested[]): ReadonlySet<number> {
  const served = interested.filter((peer) => !isWaiting(peer) && peer.place.slot.name !== "spent");
  return new Set(served.map((peer) => peer.id));
}

// Total orders: every one ends with the id.

function byRateThenId(a: Interested, b: Interested): number {
  return b.downRate - a.downRate || a.id - b.id;
}

/** Whose turn began first. */
function byTurnThenId(a: Interested, b: Interested): number {
  return a.place.slot.since - b.place.slot.since || a.id - b.id;
}

/** Who waits longest; of equals who was never served. */
function byWaitThenId(a: Interested, b: Interested): number {
  return (
    a.place.slot.since - b.place.slot.since || Number(a.place.served) - Number(b.place.served) || a.id - b.id
  );
}
