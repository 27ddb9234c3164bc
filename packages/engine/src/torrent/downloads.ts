import { type Ms, ms } from "@dure/base";
import type { BlockSpan } from "@dure/protocol";
import type { Blame } from "../blame/index.ts";
import { type Block, blockBytes, endGameRequesters, type Picker, type PickPeer } from "../picker/index.ts";
import type { Context } from "./context.ts";
import { blockKey, blockOf, type Peer } from "./peer.ts";

const snubAfter = ms(60_000);
/** A piece fetched by one peer alone should not take longer than this. */
const aloneFor = ms(10_000);
const endGameBlocks = 16;
const rejectsInRowMax = 8;
/** Blocks that were never asked for: by mistake a few, on purpose more. */
const unaskedMax = 8;

/** What we ask of peers and what becomes of it. */
export class Downloads {
  readonly picker: Picker;
  readonly #blame: Blame;
  readonly #context: Context;
  readonly #pieceBytes: number;
  wasted = 0;

  constructor(context: Context, picker: Picker, blame: Blame, pieceBytes: number) {
    this.#context = context;
    this.picker = picker;
    this.#blame = blame;
    this.#pieceBytes = pieceBytes;
  }

  /** Is the block one that this peer was asked for and that has not come from elsewhere? */
  expects(peer: Peer, span: BlockSpan): boolean {
    const block = this.#blockOf(span);
    if (block === undefined || !peer.outstanding.has(blockKey(block))) return false;
    return this.picker.partial(block.piece)?.isReceived(block.block) === false;
  }

  /** Asks the peer for as much as its pipeline takes. */
  fill(now: Ms, peer: Peer): void {
    if (peer.starved || !peer.amInterested || !this.#context.downloading) return;
    if (peer.choking && peer.allowedFast.size === 0) return;
    const room = peer.pipeline.target - peer.outstanding.size;
    if (room <= 0) return;
    const allowed = Math.floor(this.#context.downAllowance(now) / blockBytes);
    if (allowed === 0) return;
    const wanted = Math.min(room, allowed);
    peer.alone =
      this.#pieceBytes <= blockBytes * 4 || peer.pipeline.rate * (aloneFor / 1000) >= this.#pieceBytes;
    peer.suspect = this.#blame.pending > 0 && this.#blame.onParole(this.#context.nameOf(peer.id) ?? "");
    const view = peer.choking ? this.#fastView(peer) : peer;
    for (const block of this.picker.pick(view, wanted)) this.#ask(now, peer, block);
    const askAgain = !peer.snubbed && peer.outstanding.size < Math.min(endGameBlocks, peer.pipeline.target);
    if (this.picker.endGame && askAgain) {
      const asked = (block: Block) => peer.outstanding.has(blockKey(block));
      const most = peer.downloaded > 0 ? endGameRequesters.giver : endGameRequesters.stranger;
      for (const block of this.picker.pickAgain(view, asked, endGameBlocks - peer.outstanding.size, most))
        this.#ask(now, peer, block);
    }
    if (peer.outstanding.size < peer.pipeline.target && allowed >= room) peer.starved = true;
  }

  /** The whole block is in memory. */
  received(now: Ms, peer: Peer, span: BlockSpan): void {
    const block = this.#blockOf(span);
    if (block === undefined) return;
    const key = blockKey(block);
    const askedAt = peer.outstanding.get(key);
    peer.outstanding.delete(key);
    peer.downloaded += span.length;
    peer.down.add(now, span.length);
    peer.lastBlockAt = now;
    peer.snubbed = false;
    peer.rejectsInRow = 0;
    if (askedAt !== undefined) peer.pipeline.received(now, span.length, ms(now - askedAt));
    const partial = this.picker.partial(block.piece);
    const rivals = partial === undefined ? 0 : partial.requesters(block.block);
    if (!this.picker.receive(block, peer.id) || partial === undefined) {
      this.wasted += span.length;
    } else {
      if (rivals > 1) this.#cancelElsewhere(block, peer);
      if (partial.complete) this.#verify(block.piece);
    }
    if (peer.outstanding.size <= peer.pipeline.refillAt) this.fill(now, peer);
  }

  /** The disk's verdict on a piece. */
  verified(piece: number, good: boolean, blocks: Uint8Array | null): void {
    const partial = this.picker.partial(piece);
    if (partial === undefined) return;
    // The first verdict comes without digests: most pieces are right, and digests cost a second hash.
    if (!good && blocks === null) return this.#context.emit({ type: "verify", piece, blocks: true });
    const contributors = Array.from(partial.contributors, (link) => this.#context.nameOf(link));
    const evidence = blocks === null ? undefined : { piece, contributors, blockDigests: blocks };
    if (good) {
      this.picker.complete(piece);
      this.#context.emit({ type: "good", piece });
      if (evidence !== undefined) this.#punish(this.#blame.passed(evidence));
      return;
    }
    this.wasted += this.picker.pieceLength(piece);
    const verdict = evidence === undefined ? { liars: [], sole: false } : this.#blame.failed(evidence);
    this.#context.emit({ type: "bad", piece });
    this.picker.restart(piece, verdict.sole);
    this.#punish(verdict.liars);
    this.wakeStarved();
  }

  /** The block came and found no place. If it is still wanted, it is asked for again. */
  dropped(now: Ms, peer: Peer, span: BlockSpan): void {
    this.wasted += span.length;
    const block = this.#blockOf(span);
    if (block !== undefined && peer.outstanding.delete(blockKey(block))) return this.picker.release(block);
    this.#context.spendDown(now, span.length); // it came all the same
    if (peer.takenBack > 0) peer.takenBack -= 1;
    else peer.unasked += 1;
    if (peer.unasked > unaskedMax) this.#context.close(now, peer.id, "flood");
  }

  choked(peer: Peer): void {
    // With the fast extension each request is answered, if only by a reject (BEP 6); others go on meanwhile.
    if (peer.facts.fast) this.#disown(peer);
    else this.releaseAll(peer);
  }

  rejected(now: Ms, peer: Peer, span: BlockSpan): void {
    const block = this.#blockOf(span);
    if (block === undefined || !peer.outstanding.delete(blockKey(block))) return;
    this.#refund(peer, block);
    if (peer.choking) peer.allowedFast.delete(block.piece);
    else peer.rejectsInRow += 1;
    this.picker.release(block);
    this.wakeStarved();
    // Whoever only refuses is asked again once a second, not once a round trip.
    if (peer.rejectsInRow > rejectsInRowMax) peer.starved = true;
    if (peer.outstanding.size === 0) peer.pipeline.stalled();
    if (!peer.choking && peer.outstanding.size <= peer.pipeline.refillAt) this.fill(now, peer);
  }

  /** Its requests go to others. */
  releaseAll(peer: Peer): void {
    for (const key of peer.outstanding.keys()) {
      this.picker.release(blockOf(key));
      this.#refund(peer, blockOf(key));
    }
    peer.outstanding.clear();
    this.#disown(peer);
    this.wakeStarved();
  }

  /** Once a second: peers that went silent, and peers for whom there is work again. */
  tick(now: Ms): void {
    for (const peer of this.#context.peers.values()) {
      peer.starved = false;
      if (peer.outstanding.size > 0 && now - Math.max(peer.lastBlockAt, this.#oldest(peer)) > snubAfter)
        this.#snub(peer);
      this.fill(now, peer);
    }
  }

  wakeStarved(): void {
    for (const peer of this.#context.peers.values()) peer.starved = false;
  }

  /** Every request is called back: paused, or the disk refuses. */
  cancelAll(): void {
    for (const peer of this.#context.peers.values()) {
      for (const key of peer.outstanding.keys()) this.#cancel(peer, blockOf(key));
      this.releaseAll(peer);
    }
  }

  /** What only this peer was to send begins anew; what it still sends of that is of no use. */
  #disown(peer: Peer): void {
    for (const piece of this.picker.disown(peer.id)) {
      for (const key of [...peer.outstanding.keys()]) {
        if (blockOf(key).piece !== piece) continue;
        peer.outstanding.delete(key);
        this.#refund(peer, blockOf(key));
      }
      this.#context.emit({ type: "bad", piece });
    }
  }

  #punish(liars: readonly string[]): void {
    for (const liar of liars) this.#context.ban(liar, "bad-data");
  }

  #verify(piece: number): void {
    this.#context.emit({ type: "verify", piece, blocks: this.#blame.mustBeSole(piece) });
  }

  #ask(now: Ms, peer: Peer, block: Block): void {
    peer.outstanding.set(blockKey(block), now);
    const length = this.picker.blockLength(block);
    this.#context.spendDown(now, length);
    this.#context.send(now, peer, {
      type: "request",
      piece: block.piece,
      begin: block.block * blockBytes,
      length,
    });
  }

  /** What was asked for and will not come: else peers that only promise would use up the rate. */
  #refund(peer: Peer, block: Block): void {
    peer.takenBack += 1;
    this.#context.spendDown(peer.lastHeardAt, -this.picker.blockLength(block));
  }

  #cancelElsewhere(block: Block, except: Peer): void {
    const key = blockKey(block);
    for (const peer of this.#context.peers.values()) {
      if (peer === except || !peer.outstanding.has(key)) continue;
      this.#cancel(peer, block);
      // With the fast extension a cancel is answered by the block or a reject; either finds nothing outstanding.
      peer.outstanding.delete(key);
      this.#refund(peer, block);
      peer.starved = false;
    }
  }

  #cancel(peer: Peer, block: Block): void {
    const length = this.picker.blockLength(block);
    this.#context.emit({
      type: "send",
      link: peer.id,
      message: { type: "cancel", piece: block.piece, begin: block.block * blockBytes, length },
    });
  }

  #snub(peer: Peer): void {
    peer.snubbed = true;
    peer.pipeline.stalled();
    for (const key of peer.outstanding.keys()) this.#cancel(peer, blockOf(key));
    this.releaseAll(peer);
  }

  #oldest(peer: Peer): Ms {
    const first = peer.outstanding.values().next();
    return first.done ? ms(0) : first.value;
  }

  #fastView(peer: Peer): PickPeer {
    const has = (piece: number) => peer.allowedFast.has(piece) && peer.holdings.has(piece);
    return {
      id: peer.id,
      alone: false,
      suspect: peer.suspect,
      holdings: { has, count: peer.allowedFast.size },
    };
  }

  #blockOf(span: BlockSpan): Block | undefined {
    if (span.piece >= this.picker.have.length || span.begin % blockBytes !== 0) return undefined;
    const block = { piece: span.piece, block: span.begin / blockBytes };
    if (block.block >= this.picker.blockCount(span.piece)) return undefined;
    return span.length === this.picker.blockLength(block) ? block : undefined;
  }
}
