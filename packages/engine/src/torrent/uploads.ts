import { type Ms, ms } from "@dure/base";
import { type BlockSpan, peerWireLimits } from "@dure/protocol";
import type { Picker } from "../picker/index.ts";
import type { Context } from "./context.ts";
import type { Peer } from "./peer.ts";
import type { Revealing } from "./revealing.ts";

/** What a peer may have queued with us; said in our extension handshake as `reqq` (DESIGN.md section 6). */
export const uploadQueueMax = 500;
/** Bytes of one peer between disk and socket: four batches of fifteen blocks. */
const servingMax = 60 * peerWireLimits.blockBytes;
/** A peer that asks this often for what it cannot have is not mistaken but hostile. */
const badRequestsMax = 300;
/** As many requests as we queue may cross our choke; later than this they are made in spite of it. */
const crossingWait = ms(5000);
/** BEP 6: allowed-fast pieces are a start, not a way to download. */
const fastServedBlocksFactor = 3;

/** What peers ask of us. */
export class Uploads {
  readonly #context: Context;
  readonly #picker: Picker;
  /** While we super-seed. */
  revealing: Revealing | undefined;

  constructor(context: Context, picker: Picker) {
    this.#context = context;
    this.#picker = picker;
  }

  requested(now: Ms, peer: Peer, span: BlockSpan): void {
    if (!this.#possible(span) || !this.#picker.have.has(span.piece))
      return this.#refuse(now, peer, span, true);
    if (this.revealing?.shows(peer, span.piece) === false) return this.#refuse(now, peer, span, true);
    if (peer.amChoking && !this.#allowedFast(peer, span))
      return this.#refuse(now, peer, span, !this.#crossed(now, peer));
    if (peer.uploads.size >= uploadQueueMax) return this.#refuse(now, peer, span, true);
    peer.uploads.push({ piece: span.piece, begin: span.begin, length: span.length });
    // Not served at once: more requests of the same chunk follow, and are read together.
  }

  cancelled(now: Ms, peer: Peer, span: BlockSpan): void {
    const before = peer.uploads.size;
    peer.uploads.filter((queued) => !sameSpan(queued, span));
    // BEP 6: a cancelled request is answered by the block or by a reject, once.
    if (peer.uploads.size < before && peer.facts.fast)
      this.#context.send(now, peer, { type: "reject", ...plain(span) });
  }

  /** Hands on as much as the windows and the rates allow. */
  pump(now: Ms, peer: Peer): void {
    while (peer.servingBytes < servingMax) {
      const span = peer.uploads.peek();
      if (span === undefined || this.#context.upAllowance(now) < span.length) return;
      peer.uploads.shift();
      peer.servingBytes += span.length;
      this.#context.spendUp(now, span.length);
      this.#context.emit({ type: "serve", link: peer.id, span });
      this.revealing?.given(now, peer, span);
    }
  }

  served(now: Ms, peer: Peer, bytes: number): void {
    peer.servingBytes -= bytes;
    peer.uploaded += bytes;
    peer.uploadedSinceUnchoke += bytes;
    peer.up.add(now, bytes);
    this.pump(now, peer);
  }

  /** The disk could not give the block. */
  failed(now: Ms, peer: Peer, span: BlockSpan): void {
    peer.servingBytes -= span.length;
    this.#reject(now, peer, span);
  }

  choke(now: Ms, peer: Peer): void {
    if (peer.amChoking) return;
    peer.amChoking = true;
    peer.chokedAt = now;
    peer.crossed = 0;
    this.#context.send(now, peer, { type: "choke" });
    const kept: BlockSpan[] = [];
    for (let span = peer.uploads.shift(); span !== undefined; span = peer.uploads.shift()) {
      if (peer.facts.fast && peer.allowedToIt.has(span.piece)) kept.push(span);
      else this.#reject(now, peer, span);
    }
    for (const span of kept) peer.uploads.push(span);
  }

  unchoke(now: Ms, peer: Peer): void {
    if (!peer.amChoking) return;
    peer.amChoking = false;
    peer.unchokedAt = now;
    peer.uploadedSinceUnchoke = 0;
    this.#context.send(now, peer, { type: "unchoke" });
  }

  #possible(span: BlockSpan): boolean {
    if (span.piece >= this.#picker.have.length) return false;
    if (span.length === 0 || span.length > peerWireLimits.blockBytes) return false;
    return span.begin + span.length <= this.#picker.pieceLength(span.piece);
  }

  #allowedFast(peer: Peer, span: BlockSpan): boolean {
    if (!peer.facts.fast || !peer.allowedToIt.has(span.piece)) return false;
    peer.allowedServed += 1;
    const blocks = this.#picker.blockCount(span.piece) * peer.allowedToIt.size;
    return peer.allowedServed <= blocks * fastServedBlocksFactor;
  }

  #crossed(now: Ms, peer: Peer): boolean {
    peer.crossed += 1;
    return peer.crossed <= uploadQueueMax && now - peer.chokedAt <= crossingWait;
  }

  /** A request that crossed our choke is nobody's fault; one that can never be met is. */
  #refuse(now: Ms, peer: Peer, span: BlockSpan, fault: boolean): void {
    if (fault) peer.badRequests += 1;
    if (peer.badRequests > badRequestsMax) return this.#context.close(now, peer.id, "bad-request");
    this.#reject(now, peer, span);
  }

  #reject(now: Ms, peer: Peer, span: BlockSpan): void {
    if (peer.facts.fast) this.#context.send(now, peer, { type: "reject", ...plain(span) });
  }
}

function plain(span: BlockSpan): BlockSpan {
  return { piece: span.piece, begin: span.begin, length: span.length };
}

function sameSpan(a: BlockSpan, b: BlockSpan): boolean {
  return a.piece === b.piece && a.begin === b.begin && a.length === b.length;
}
