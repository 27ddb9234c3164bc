import { Bitfield, equalBytes, type Ms } from "@dure/base";
import { metadataPieces } from "@dure/protocol";
import { metadataLimits } from "./limits.ts";

/**
 * The metadata at one size, filling up: the only buffer of a fetch. It remembers whose bytes lie where, so that
 * after a failure one peer can send everything anew, and what it overwrites tells who had lied.
 */
export class Attempt {
  readonly size: number;
  readonly pieces: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the attempt, or of its present sole peer. */
  startedAt: Ms;
  readonly #givers: (number | undefined)[];
  readonly #differed = new Set<number>(); // bounded by the givers
  #fresh: Bitfield;
  #sole: number | undefined;

  constructor(now: Ms, size: number) {
    this.size = size;
    this.pieces = metadataPieces(size);
    this.bytes = new Uint8Array(size);
    this.startedAt = now;
    this.#givers = new Array<number | undefined>(this.pieces).fill(undefined);
    this.#fresh = new Bitfield(this.pieces);
  }

  /** The one peer that may send now; undefined when all may, or when the next one is not chosen yet. */
  get sole(): number | undefined {
    return this.#sole;
  }

  get complete(): boolean {
    return this.#fresh.all;
  }

  has(piece: number): boolean {
    return this.#fresh.has(piece);
  }

  pieceLength(piece: number): number {
    const from = piece * metadataLimits.pieceBytes;
    return Math.min(metadataLimits.pieceBytes, this.size - from);
  }

  receive(piece: number, peer: number, bytes: Uint8Array): void {
    if (!this.#fresh.set(piece)) return;
    const from = piece * metadataLimits.pieceBytes;
    const before = this.bytes.subarray(from, from + bytes.length);
    const giver = this.#givers[piece];
    if (giver !== undefined && giver !== peer && !equalBytes(before, bytes)) this.#differed.add(giver);
    before.set(bytes);
    this.#givers[piece] = peer;
  }

  /** Everything is to come again, from this peer alone. What is there stays until it is overwritten. */
  beginSole(now: Ms, peer: number): void {
    this.#restart(now);
    this.#sole = peer;
  }

  /** Everything is to come again, from anyone, or from the next sole peer. */
  begin(now: Ms): void {
    this.#restart(now);
    this.#sole = undefined;
  }

  /** Whose bytes these are is settled. */
  forgetGivers(): void {
    this.#givers.fill(undefined);
  }

  /** Who sent what lies in the buffer. */
  givers(): ReadonlySet<number> {
    return new Set(this.#givers.filter((giver) => giver !== undefined));
  }

  /** After the present bytes proved right: who had sent others in their place. */
  differed(): ReadonlySet<number> {
    return this.#differed;
  }

  #restart(now: Ms): void {
    this.startedAt = now;
    this.#fresh = new Bitfield(this.pieces);
    this.#differed.clear(); // those differed from a peer that may itself have lied
  }
}
