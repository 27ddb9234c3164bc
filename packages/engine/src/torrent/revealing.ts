import type { Ms, Prng } from "@dure/base";
import type { BlockSpan } from "@dure/protocol";
import { SuperSeed, type SuperSeedInput } from "../super-seed/index.ts";
import type { Content } from "./content.ts";
import type { Context } from "./context.ts";
import type { Peer } from "./peer.ts";

/** When super-seeding ends each peer is told of each piece, and what waits to be sent is bounded. */
const piecesMax = 200_000;

/** What peers are shown of a seed's pieces while it super-seeds (BEP 16). */
export class Revealing {
  readonly #context: Context;
  readonly #content: Content;
  readonly #machine: SuperSeed;

  /** Undefined where it would make no sense: we lack something, or there are too many pieces. */
  static of(context: Context, content: Content, prng: Prng): Revealing | undefined {
    const { picker, info } = content;
    if (!picker.have.all || info.pieceCount === 0 || info.pieceCount > piecesMax) return undefined;
    return new Revealing(context, content, prng);
  }

  /** Use `of`. */
  constructor(context: Context, content: Content, prng: Prng) {
    this.#context = context;
    this.#content = content;
    const { picker, info } = content;
    const pieceLength = (piece: number) => picker.pieceLength(piece);
    this.#machine = new SuperSeed({ pieceCount: info.pieceCount, pieceLength, prng });
  }

  /** Once it is over it never begins again: everyone knows what we have. */
  get active(): boolean {
    return !this.#machine.over;
  }

  /** May the peer have this piece? */
  shows(peer: Peer, piece: number): boolean {
    return this.#machine.revealed(peer.id, piece);
  }

  joined(now: Ms, peer: Peer): void {
    this.#tell(now, { type: "join", peer: peer.id });
  }

  /** A bitfield, or what stands for one. */
  holds(now: Ms, peer: Peer): void {
    this.#tell(now, { type: "holds", peer: peer.id, holdings: peer.holdings });
  }

  gained(now: Ms, peer: Peer, piece: number): void {
    this.#tell(now, { type: "have", peer: peer.id, piece });
  }

  given(now: Ms, peer: Peer, { piece, length }: BlockSpan): void {
    this.#tell(now, { type: "given", peer: peer.id, piece, bytes: length });
  }

  left(now: Ms, peer: Peer): void {
    this.#tell(now, { type: "leave", peer: peer.id });
  }

  gone(now: Ms): void {
    this.#tell(now, { type: "gone" });
  }

  tick(now: Ms): void {
    const due = this.#machine.deadline();
    if (due !== undefined && due <= now) this.#tell(now, { type: "wake" });
  }

  #tell(now: Ms, input: SuperSeedInput): void {
    if (!this.active) return;
    this.#machine.handle(now, input);
    for (let output = this.#machine.poll(); output !== undefined; output = this.#machine.poll()) {
      if (output.type === "over") this.#showAll(now);
      else {
        const peer = this.#context.peers.get(output.peer);
        if (peer !== undefined) this.#context.send(now, peer, { type: "have", piece: output.piece });
      }
    }
  }

  #showAll(now: Ms): void {
    for (const peer of this.#context.peers.values()) {
      for (const piece of this.#content.picker.have)
        if (!peer.holdings.has(piece)) this.#context.send(now, peer, { type: "have", piece });
    }
  }
}
