import { assert, Bitfield, earliest, type Machine, type Ms, ms, type Prng, Queue } from "@dure/base";
import type { SuperSeedEnd, SuperSeedInput, SuperSeedOutput, ToldHoldings } from "./messages.ts";

/** A peer that has said nothing of its pieces by then has none (BEP 3: the bitfield may be left out). */
const silentFor = ms(1000);
/** A piece that does not get on for so long, to the peer or from it, holds up neither the peer nor the piece. */
const patience = ms(20_000);

export interface SuperSeedOptions {
  readonly pieceCount: number;
  /** Bytes of each piece; the last may be shorter. */
  pieceLength(piece: number): number;
  readonly prng: Prng;
}

interface Offer {
  readonly piece: number;
  /** When it last got on. */
  movedAt: Ms;
}

interface Taker {
  readonly peer: number;
  readonly joinedAt: Ms;
  readonly told: Bitfield;
  /** What it has told, and what was handed on to it whole. */
  readonly held: Bitfield;
  readonly revealed: Bitfield;
  /** Bytes of revealed pieces that it has had, until they are whole. Bounded by `revealed`. */
  readonly given: Map<number, number>;
  spoken: boolean;
  offer: Offer | undefined;
}

/**
 * Super-seeding (BEP 16): a seed that shows each peer one piece at a time, and the next one when another peer has told
 * that it has got it. So what the seed uploads before the swarm has a copy of its own is hardly more than that copy.
 *
 * Invariants: a piece is on offer to one peer, as long as it gets on; what is held by somebody is offered to nobody.
 */
export class SuperSeed implements Machine<SuperSeedInput, SuperSeedOutput> {
  readonly #options: SuperSeedOptions;
  readonly #outbox = new Queue<SuperSeedOutput>(); // bounded: at most one entry for each peer and input
  readonly #takers = new Map<number, Taker>(); // bounded by the links of the torrent
  /** How many peers hold each piece, and how many have told of it. */
  readonly #holders: Tally;
  readonly #tellers: Tally;
  /** Since when everything is held by somebody. */
  #heldSince: Ms | undefined;
  /** Offers that still may get on, by piece. */
  readonly #offers = new Map<number, Taker>(); // at most one a peer
  /** All pieces in an order of our own; those before `#from` are held. */
  readonly #order: readonly number[];
  #from = 0;
  #over = false;

  constructor(options: SuperSeedOptions) {
    const { pieceCount, prng } = options;
    assert(pieceCount > 0, "there is a piece to show");
    this.#options = options;
    this.#holders = new Tally(pieceCount);
    this.#tellers = new Tally(pieceCount);
    this.#order = prng.shuffle(Array.from({ length: pieceCount }, (_, piece) => piece));
  }

  get over(): boolean {
    return this.#over;
  }

  /** May the peer be served this piece? */
  revealed(peer: number, piece: number): boolean {
    return this.#over || this.#takers.get(peer)?.revealed.has(piece) === true;
  }

  handle(now: Ms, input: SuperSeedInput): void {
    if (this.#over) return;
    switch (input.type) {
      case "join":
        this.#join(now, input.peer);
        break;
      case "holds":
        this.#holds(input.peer, input.holdings);
        break;
      case "have": {
        const taker = this.#takers.get(input.peer);
        if (taker !== undefined) this.#told(taker, input.piece);
        break;
      }
      case "given":
        this.#given(now, input);
        break;
      case "leave":
        this.#leave(input.peer);
        break;
      case "gone":
        return this.#end("no-seed");
      case "wake":
        break;
    }
    this.#endIfHeld(now);
    this.#offerMore(now);
  }

  poll(): SuperSeedOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    if (this.#over) return undefined;
    let at = this.#heldSince === undefined ? undefined : ms(this.#heldSince + patience);
    for (const { offer, spoken, joinedAt } of this.#takers.values()) {
      if (!spoken) at = earliest(at, ms(joinedAt + silentFor));
      else if (offer !== undefined) at = earliest(at, ms(offer.movedAt + patience));
    }
    return at;
  }

  #join(now: Ms, peer: number): void {
    assert(!this.#takers.has(peer), "a peer joins once");
    const { pieceCount } = this.#options;
    const field = () => new Bitfield(pieceCount);
    const fields = { told: field(), held: field(), revealed: field() };
    const given = new Map<number, number>();
    this.#takers.set(peer, { peer, joinedAt: now, ...fields, given, spoken: false, offer: undefined });
  }

  #holds(peer: number, holdings: ToldHoldings): void {
    const taker = this.#takers.get(peer);
    if (taker === undefined) return;
    taker.spoken = true;
    if (holdings.all) return this.#end("another-seed");
    for (let piece = 0; piece < this.#options.pieceCount; piece += 1)
      if (holdings.has(piece)) this.#told(taker, piece);
  }

  #told(taker: Taker, piece: number): void {
    taker.spoken = true;
    if (taker.told.set(piece)) this.#tellers.add(piece);
    this.#gain(taker, piece);
    if (this.#tellers.zeros === 0) this.#end("copied");
  }

  #gain(taker: Taker, piece: number): void {
    if (!taker.held.set(piece)) return;
    this.#holders.add(piece);
    taker.given.delete(piece);
    this.#offers.delete(piece);
    if (taker.held.all) this.#end("another-seed");
  }

  /** Peers need not tell us of a piece that they know us to have: what was given whole is had. */
  #given(
    now: Ms,
    { peer, piece, bytes }: { readonly peer: number; readonly piece: number; readonly bytes: number },
  ): void {
    const taker = this.#takers.get(peer);
    if (taker === undefined || taker.held.has(piece) || !taker.revealed.has(piece)) return;
    if (taker.offer?.piece === piece) taker.offer.movedAt = now;
    const sum = (taker.given.get(piece) ?? 0) + bytes;
    taker.given.set(piece, sum);
    if (sum >= this.#options.pieceLength(piece)) this.#gain(taker, piece);
  }

  #leave(peer: number): void {
    const taker = this.#takers.get(peer);
    if (taker === undefined) return;
    this.#takers.delete(peer);
    if (taker.offer !== undefined && this.#offers.get(taker.offer.piece) === taker)
      this.#offers.delete(taker.offer.piece);
    for (const piece of taker.held) this.#holders.remove(piece);
    for (const piece of taker.told) this.#tellers.remove(piece);
    this.#from = 0;
  }

  /** What was handed on is mostly still under way: a swarm is left to itself when it tells of everything, or in a while. */
  #endIfHeld(now: Ms): void {
    if (this.#holders.zeros > 0) this.#heldSince = undefined;
    else this.#heldSince ??= now;
    if (this.#heldSince !== undefined && now - this.#heldSince >= patience) this.#end("copied");
  }

  #offerMore(now: Ms): void {
    if (this.#over) return;
    for (const [piece, { offer }] of this.#offers) if (isStuck(now, offer)) this.#offers.delete(piece);
    for (const taker of this.#takers.values()) {
      if (!taker.spoken && now - taker.joinedAt >= silentFor) taker.spoken = true;
      if (!taker.spoken || !this.#isDue(now, taker)) continue;
      taker.offer = undefined;
      this.#offer(now, taker);
    }
  }

  /** Its last piece has got on to another, or cannot, or takes too long. */
  #isDue(now: Ms, { offer, held }: Taker): boolean {
    if (offer === undefined || isStuck(now, offer)) return true;
    const holders = this.#holders.of(offer.piece);
    if (!held.has(offer.piece)) return holders > 0; // others have it to give
    return holders > 1 || this.#takers.size === 1;
  }

  #offer(now: Ms, taker: Taker): void {
    const piece = this.#next(taker);
    if (piece === undefined) return; // all is on its way: it may become due again when something changes
    taker.offer = { piece, movedAt: now };
    taker.revealed.set(piece);
    this.#offers.set(piece, taker);
    this.#outbox.push({ type: "reveal", peer: taker.peer, piece });
  }

  /** The first piece in our order that nobody has and nobody is being given. */
  #next(taker: Taker): number | undefined {
    if (this.#offers.size >= this.#holders.zeros) return undefined; // what is on offer is held by nobody
    while (this.#from < this.#order.length && this.#holders.of(this.#order[this.#from] ?? 0) > 0)
      this.#from += 1;
    for (let at = this.#from; at < this.#order.length; at += 1) {
      const piece = this.#order[at] ?? 0; // the order is as long as the torrent
      if (this.#holders.of(piece) > 0 || this.#offers.has(piece)) continue;
      if (!taker.revealed.has(piece)) return piece;
    }
    return undefined;
  }

  #end(why: SuperSeedEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#outbox.push({ type: "over", why });
  }
}

/** How many peers there are for each piece, and for how many pieces there is none. */
class Tally {
  zeros: number;
  readonly #counts: Uint16Array;

  constructor(pieceCount: number) {
    this.zeros = pieceCount;
    this.#counts = new Uint16Array(pieceCount);
  }

  of(piece: number): number {
    return this.#counts[piece] ?? 0;
  }

  add(piece: number): void {
    if (this.of(piece) === 0) this.zeros -= 1;
    this.#counts[piece] = this.of(piece) + 1;
  }

  remove(piece: number): void {
    this.#counts[piece] = this.of(piece) - 1;
    if (this.of(piece) === 0) this.zeros += 1;
  }
}

function isStuck(now: Ms, offer: Offer | undefined): boolean {
  return offer === undefined || now - offer.movedAt >= patience;
}
