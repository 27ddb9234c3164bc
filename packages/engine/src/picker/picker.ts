import { assert, type Bitfield, type Prng } from "@dure/base";
import { type Contributor, fromDisk, PartialPiece } from "./partial-piece.ts";
import { type Holdings, type Priority, Rarity } from "./rarity.ts";

export interface PickerShape {
  readonly pieceCount: number;
  readonly pieceBytes: number;
  readonly totalBytes: number;
}

export interface PickPeer {
  /** Its number, as a contributor. */
  readonly id: number;
  readonly holdings: Holdings;
  /** It is quick enough to fetch whole pieces alone. */
  readonly alone: boolean;
  /** It took part in a piece that failed: it gets whole pieces of its own, so that its next lie is certain. */
  readonly suspect: boolean;
}

export interface Block {
  readonly piece: number;
  readonly block: number;
}

/** Blocks of 16 KiB, as every client asks for them. */
export const blockBytes = 16_384;
const randomFirstPieces = 4; // BEP 3: something to trade soon, before rarity
/**
 * How many peers may be asked for one block in the end-game. A peer that has sent us nothing may be the second; the
 * rest is kept for those that have, or a few that promise and never send would hold every place.
 */
export const endGameRequesters = { stranger: 2, giver: 3 } as const;
const partialsPerPeer = 2;
const partialsMin = 16;

/**
 * Which block to ask a peer for next.
 *
 * In this order: the pieces it has begun; pieces begun by peers that left; an untouched piece (random for the first
 * four, then rarest first; lowest first when sequential); a piece that others are at; and in the end-game, blocks that
 * others were asked for and have not sent. Every piece is in exactly one of: not wanted, listed in `#rarity`, partial,
 * verifying (a complete partial) or had.
 */
export class Picker {
  readonly have: Bitfield;
  readonly #shape: PickerShape;
  readonly #prng: Prng;
  readonly #rarity: Rarity;
  readonly #partials = new Map<number, PartialPiece>(); // bounded: `#partialsMax`, and the pieces themselves
  #seeds = 0;
  #peers = 0;
  /** In wanted partial pieces: the end-game must not wait for what nobody will ask for. */
  #openBlocks = 0;
  #wantedLeft: number;
  #sequential: { cursor: number; window: number } | undefined;

  constructor(shape: PickerShape, have: Bitfield, prng: Prng) {
    assert(have.length === shape.pieceCount, "the bitfield is the torrent's");
    this.#shape = shape;
    this.#prng = prng;
    this.have = have.copy();
    this.#rarity = new Rarity(shape.pieceCount);
    this.#wantedLeft = 0;
    for (let piece = 0; piece < shape.pieceCount; piece += 1) {
      if (have.has(piece)) continue;
      this.#rarity.list(piece);
      this.#wantedLeft += 1;
    }
  }

  /** Wanted pieces that we do not have yet. */
  get wantedLeft(): number {
    return this.#wantedLeft;
  }

  /** Blocks that could still be asked for without asking twice. */
  get endGame(): boolean {
    return this.#rarity.size === 0 && this.#openBlocks === 0;
  }

  get partials(): IterableIterator<PartialPiece> {
    return this.#partials.values();
  }

  partial(piece: number): PartialPiece | undefined {
    return this.#partials.get(piece);
  }

  wants(piece: number): boolean {
    return this.#rarity.priority(piece) > 0 && !this.have.has(piece);
  }

  pieceLength(piece: number): number {
    const { pieceBytes, pieceCount, totalBytes } = this.#shape;
    return piece === pieceCount - 1 ? totalBytes - piece * pieceBytes : pieceBytes;
  }

  blockCount(piece: number): number {
    return Math.ceil(this.pieceLength(piece) / blockBytes);
  }

  blockLength({ piece, block }: Block): number {
    return Math.min(blockBytes, this.pieceLength(piece) - block * blockBytes);
  }

  // ---- the swarm

  peerJoined(holdings: Holdings): void {
    this.#peers += 1;
    if (holdings.count === this.#shape.pieceCount) this.#seeds += 1;
    else this.#forEachHeld(holdings, (piece) => this.#rarity.change(piece, 1));
  }

  peerLeft(holdings: Holdings): void {
    this.#peers -= 1;
    if (holdings.count === this.#shape.pieceCount) this.#seeds -= 1;
    else this.#forEachHeld(holdings, (piece) => this.#rarity.change(piece, -1));
  }

  /** Call before `holdings` takes the piece in: at the last one the peer becomes a seed. */
  peerGains(holdings: Holdings, piece: number): void {
    if (holdings.count + 1 < this.#shape.pieceCount) return this.#rarity.change(piece, 1);
    this.#forEachHeld(holdings, (held) => this.#rarity.change(held, -1));
    this.#seeds += 1;
  }

  /** BEP 54. Call before `holdings` lets the piece go. */
  peerLoses(holdings: Holdings, piece: number): void {
    if (holdings.count < this.#shape.pieceCount) return this.#rarity.change(piece, -1);
    this.#seeds -= 1;
    this.#forEachHeld(holdings, (held) => held !== piece && this.#rarity.change(held, 1));
  }

  /** Pieces of the peer that we want and do not have. */
  interesting(holdings: Holdings): number {
    if (holdings.count === this.#shape.pieceCount) return this.#wantedLeft;
    let count = 0;
    this.#forEachHeld(holdings, (piece) => {
      if (this.wants(piece)) count += 1;
    });
    return count;
  }

  distributedCopies(): number {
    return this.#seeds + this.#rarity.distributedCopies((piece) => this.have.has(piece));
  }

  // ---- what is wanted

  setPriority(piece: number, priority: Priority): void {
    const before = this.#rarity.priority(piece);
    if (before === priority) return;
    this.#rarity.setPriority(piece, priority);
    if (this.have.has(piece)) return;
    const partial = this.#partials.get(piece);
    if (before === 0) {
      this.#wantedLeft += 1;
      if (partial === undefined) this.#rarity.list(piece);
      else this.#openBlocks += partial.openCount;
    }
    if (priority > 0) return;
    this.#wantedLeft -= 1;
    if (partial !== undefined) this.#openBlocks -= partial.openCount;
  }

  /** In order from `cursor`; blocks within `window` pieces of it are urgent. Undefined: rarest first. */
  setSequential(sequential: { readonly cursor: number; readonly window: number } | undefined): void {
    this.#sequential = sequential === undefined ? undefined : { ...sequential };
  }

  // ---- asking

  /** Up to `count` blocks for the peer, already marked as requested. */
  pick(peer: PickPeer, count: number): Block[] {
    const picked: Block[] = [];
    if (this.#sequential !== undefined) this.#takeUrgent(peer, count, picked, this.#sequential);
    for (const partial of this.#partials.values()) {
      if (picked.length >= count || this.#openBlocks === 0) break;
      const free = partial.owner === peer.id || (partial.owner === undefined && !peer.suspect);
      if (free && partial.openCount > 0 && this.#mayFetch(partial, peer))
        this.#takeOpen(partial, peer, count, picked);
    }
    while (picked.length < count) {
      const piece = this.#nextPiece(peer);
      if (piece === undefined) break;
      const partial = this.#begin(piece, false);
      partial.owner = peer.alone || peer.suspect ? peer.id : undefined;
      partial.sole = peer.suspect ? peer.id : undefined;
      this.#takeOpen(partial, peer, count, picked);
    }
    for (const partial of this.#partials.values()) {
      if (picked.length >= count || this.#openBlocks === 0) break;
      if (partial.openCount > 0 && this.#mayFetch(partial, peer))
        this.#takeOpen(partial, peer, count, picked);
    }
    return picked;
  }

  /**
   * Blocks that others owe us and this peer could send sooner; at most `count`, those with fewest requesters first, and
   * none that `requestersMax` peers were asked for.
   */
  pickAgain(
    peer: PickPeer,
    asked: (block: Block) => boolean,
    count: number,
    requestersMax: number = endGameRequesters.giver,
  ): Block[] {
    const picked: Block[] = [];
    for (let requesters = 1; requesters < requestersMax && picked.length < count; requesters += 1) {
      for (const partial of this.#partials.values()) {
        if (!this.#mayFetch(partial, peer)) continue;
        for (let block = 0; block < partial.blockCount && picked.length < count; block += 1) {
          if (partial.isReceived(block) || partial.requesters(block) !== requesters) continue;
          const candidate = { piece: partial.piece, block };
          if (!asked(candidate)) picked.push(candidate);
        }
      }
    }
    // Only now: a block counted once more on the way would be met again among those with more askers.
    for (const { piece, block } of picked) this.#partials.get(piece)?.request(block);
    return picked;
  }

  /** A request that will not be answered: the peer left, choked, rejected or was too slow. */
  release({ piece, block }: Block): void {
    const partial = this.#partials.get(piece);
    if (partial === undefined) return;
    const before = partial.openCount;
    partial.release(block);
    this.#opened(partial, before);
  }

  /**
   * The peer sends no more: others go on with its pieces. Returns the pieces that must come from one peer alone and
   * have come in part: they start again, and what is stored of them is void. Once: a second time anybody may go on, since
   * a large piece may be more than any peer sends in one turn.
   */
  disown(peer: number): number[] {
    const broken: number[] = [];
    for (const partial of this.#partials.values()) {
      if (partial.owner === peer) partial.owner = undefined;
      if (partial.sole !== peer) continue;
      partial.sole = undefined;
      if (!partial.exclusive || partial.complete || partial.receivedCount === 0) continue;
      if (partial.broken) partial.exclusive = false;
      else broken.push(partial.piece);
    }
    for (const piece of broken) {
      this.restart(piece, true);
      const partial = this.#partials.get(piece);
      if (partial !== undefined) partial.broken = true;
    }
    return broken;
  }

  /** False when the block was there already. */
  receive(block: Block, from: Contributor): boolean {
    const partial = this.#partials.get(block.piece);
    if (partial === undefined) return false;
    const before = partial.openCount;
    const fresh = partial.receive(block.block, from);
    this.#opened(partial, before);
    return fresh;
  }

  /** Blocks of an unfinished piece that an earlier run left on disk. */
  resume(piece: number, blocks: Bitfield): void {
    if (this.have.has(piece) || this.#partials.has(piece)) return;
    this.#begin(piece, false); // also when it is not wanted now: it may be later
    for (const block of blocks) this.receive({ piece, block }, fromDisk);
  }

  /** The piece is verified. */
  complete(piece: number): void {
    if (this.have.has(piece)) return;
    this.#drop(piece);
    this.#rarity.unlist(piece);
    this.have.set(piece);
    if (this.#rarity.priority(piece) > 0) this.#wantedLeft -= 1;
  }

  /** The piece failed or its blocks are lost: fetch all of it again, from one peer if it is `exclusive`. */
  restart(piece: number, exclusive: boolean): void {
    this.#drop(piece);
    if (this.#rarity.priority(piece) === 0 || this.have.has(piece)) return;
    if (exclusive) this.#begin(piece, true);
    else if (!this.#rarity.listed(piece)) this.#rarity.list(piece);
  }

  /** A piece we had is gone from the disk. */
  lose(piece: number): void {
    if (!this.have.clear(piece)) return;
    if (this.#rarity.priority(piece) === 0) return;
    this.#wantedLeft += 1;
    this.#rarity.list(piece);
  }

  #begin(piece: number, exclusive: boolean): PartialPiece {
    this.#rarity.unlist(piece);
    const partial = new PartialPiece(piece, this.blockCount(piece), exclusive);
    this.#partials.set(piece, partial);
    this.#opened(partial, 0);
    return partial;
  }

  #drop(piece: number): void {
    const partial = this.#partials.get(piece);
    if (partial === undefined) return;
    if (this.#rarity.priority(piece) > 0) this.#openBlocks -= partial.openCount;
    this.#partials.delete(piece);
  }

  #opened(partial: PartialPiece, openBefore: number): void {
    if (this.#rarity.priority(partial.piece) > 0) this.#openBlocks += partial.openCount - openBefore;
  }

  #mayFetch(partial: PartialPiece, peer: PickPeer): boolean {
    if (partial.complete) return false;
    if (partial.sole !== undefined && partial.sole !== peer.id) return false;
    return peer.holdings.has(partial.piece) && this.#rarity.priority(partial.piece) > 0;
  }

  #takeOpen(partial: PartialPiece, peer: PickPeer, count: number, picked: Block[]): void {
    if (partial.openCount > 0 && picked.length < count) {
      if (partial.owner === undefined && peer.alone) partial.owner = peer.id;
      if (partial.exclusive) partial.sole ??= peer.id;
    }
    while (picked.length < count) {
      const block = partial.nextOpen();
      if (block === undefined) return;
      partial.request(block);
      this.#openBlocks -= 1;
      picked.push({ piece: partial.piece, block });
    }
  }

  #nextPiece(peer: PickPeer): number | undefined {
    if (this.#rarity.size === 0) return undefined;
    if (this.#sequential !== undefined) {
      const { cursor } = this.#sequential;
      const ahead = this.#rarity.lowest(peer.holdings, cursor, this.#shape.pieceCount);
      return ahead ?? this.#rarity.rarest(peer.holdings, this.#prng);
    }
    // Many half-done pieces help nobody: past this, finish some first.
    const begun = Math.max(partialsMin, this.#peers * partialsPerPeer);
    if (!peer.alone && this.#openBlocks > 0 && this.#partials.size >= begun) return undefined;
    if (this.have.count + this.#partials.size < randomFirstPieces) {
      return this.#rarity.random(peer.holdings, this.#prng);
    }
    return this.#rarity.rarest(peer.holdings, this.#prng);
  }

  /** Within the window the next bytes matter more than who began them. */
  #takeUrgent(
    peer: PickPeer,
    count: number,
    picked: Block[],
    urgent: { cursor: number; window: number },
  ): void {
    const end = Math.min(this.#shape.pieceCount, urgent.cursor + urgent.window);
    for (let piece = urgent.cursor; piece < end && picked.length < count; piece += 1) {
      if (!this.wants(piece) || !peer.holdings.has(piece)) continue;
      const partial = this.#rarity.listed(piece) ? this.#begin(piece, false) : this.#partials.get(piece);
      if (partial !== undefined && this.#mayFetch(partial, peer))
        this.#takeOpen(partial, peer, count, picked);
    }
  }

  #forEachHeld(holdings: Holdings, visit: (piece: number) => void): void {
    if (holdings.count === 0) return;
    for (let piece = 0; piece < this.#shape.pieceCount; piece += 1) if (holdings.has(piece)) visit(piece);
  }
}
