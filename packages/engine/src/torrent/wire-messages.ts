import { type Ms, ms, unreachable } from "@dure/base";
import type { PeerMessage } from "@dure/protocol";
import { allowedFastSet } from "./allowed-fast.ts";
import type { Content } from "./content.ts";
import type { Context } from "./context.ts";
import type { Extensions } from "./extensions.ts";
import type { TorrentOptions } from "./options.ts";
import { type Peer, PeerHoldings } from "./peer.ts";
import type { Revealing } from "./revealing.ts";

const allowedFastMax = 64;
/** A second's talk may cost so much. An honest peer stays below a tenth of it. */
const chatterMax = 300;
/** What makes us look at every piece again, or take every request back and make it anew. */
const recountCost = 10;
/**
 * A peer that wants nothing of us and is no seed may be a super-seed (BEP 16), which shows its next piece when the last
 * is through: that we have lost interest is told it after this, lest it choke us for each piece. Of others it would
 * hold up slots.
 */
const boredWait = ms(2000);
/** Before the metadata a peer may tell us of this many pieces; more make no difference to a magnet's start. */
const earlyHavesMax = 4096;

/** What peers say (BEP 3 and 6), and what we say of our pieces. */
export class WireMessages {
  readonly #context: Context;
  readonly #extensions: Extensions;
  /** Undefined where this peer takes no part in the DHT. */
  readonly #dhtPort: number | undefined;
  ready: Content | undefined;
  /** While we super-seed. */
  revealing: Revealing | undefined;

  constructor(context: Context, extensions: Extensions, options: Pick<TorrentOptions, "dht" | "port">) {
    this.#context = context;
    this.#extensions = extensions;
    this.#dhtPort = options.dht === true ? options.port : undefined;
  }

  /** Our pieces, right after the handshakes. */
  greet(now: Ms, peer: Peer): void {
    const have = this.#hidden ? undefined : this.ready?.picker.have;
    if (have?.all && peer.facts.fast) this.#context.send(now, peer, { type: "have-all" });
    else if (have !== undefined && !have.none) {
      this.#context.send(now, peer, { type: "bitfield", bytes: have.toBytes() });
    } else if (peer.facts.fast) this.#context.send(now, peer, { type: "have-none" });
    this.#extensions.greet(now, peer);
    this.#allowFast(now, peer);
    if (peer.facts.dht === true && this.#dhtPort !== undefined && this.ready?.info.private !== true)
      this.#context.send(now, peer, { type: "port", port: this.#dhtPort });
  }

  heard(now: Ms, peer: Peer, message: PeerMessage): void {
    peer.chatter += costOf(message);
    if (peer.chatter > chatterMax) return this.#context.close(now, peer.id, "flood");
    if (this.#isFastOnly(message) && !peer.facts.fast) return this.#bad(now, peer);
    if (this.ready === undefined && this.#keepEarly(now, peer, message)) return;
    switch (message.type) {
      case "port":
        return this.#dhtNode(peer, message.port);
      case "keep-alive":
      case "suggest":
      case "unknown":
        return;
      case "choke":
        peer.choking = true;
        return this.ready?.downloads.choked(peer);
      case "unchoke":
        peer.choking = false;
        peer.starved = false;
        return this.ready?.downloads.fill(now, peer);
      case "interested":
        peer.interested = true;
        return;
      case "not-interested":
        peer.interested = false;
        return;
      case "have":
        return this.#have(now, peer, message.piece);
      case "bitfield":
        return this.#holds(now, peer, () => peer.holdings.setBytes(message.bytes));
      case "have-all":
        return this.#holds(now, peer, () => {
          peer.holdings.setAll();
          return true;
        });
      case "have-none":
        return this.revealing?.holds(now, peer);
      case "request":
        return this.ready?.uploads.requested(now, peer, message);
      case "cancel":
        return this.ready?.uploads.cancelled(now, peer, message);
      case "reject":
        return this.ready?.downloads.rejected(now, peer, message);
      case "allowed-fast":
        if (peer.allowedFast.size < allowedFastMax) peer.allowedFast.add(message.piece);
        return this.ready?.downloads.fill(now, peer);
      case "hash-request": // BEP 52: each is answered; who cannot prove anything rejects
        return this.#context.send(now, peer, { ...message, type: "hash-reject" });
      case "hashes":
      case "hash-reject":
        return; // nothing was asked
      case "extended":
        if (!this.#extensions.heard(now, peer, message.id, message.payload)) this.#bad(now, peer);
        return;
      default:
        return unreachable(message);
    }
  }

  /**
   * Tells everyone but the seeds that we have the piece. Those who showed it to us too: one that super-seeds waits for
   * that word before it shows us another (BEP 16). `wanted`: until now we wanted it.
   */
  gained(now: Ms, piece: number, wanted: boolean): void {
    for (const peer of [...this.#context.peers.values()]) {
      if (!peer.seed) this.#context.send(now, peer, { type: "have", piece });
      if (wanted && peer.holdings.has(piece)) {
        peer.interesting -= 1;
        if (peer.interesting === 0) this.#setInterest(now, peer);
      }
    }
  }

  tick(now: Ms): void {
    for (const peer of this.#context.peers.values()) {
      if (peer.boredSince === undefined || now - peer.boredSince < boredWait) continue;
      peer.boredSince = undefined;
      peer.amInterested = false;
      this.#context.send(now, peer, { type: "not-interested" });
    }
  }

  /** Counts anew what the peer has for us: our wishes changed. */
  reconsider(now: Ms, peer: Peer): void {
    peer.interesting = this.ready?.picker.interesting(peer.holdings) ?? 0;
    peer.starved = false;
    this.#setInterest(now, peer);
  }

  /** The metadata is here: what the peer said of its pieces before makes sense now. */
  replayEarly(now: Ms, peer: Peer): void {
    const { early } = peer;
    peer.early = undefined;
    peer.holdings = new PeerHoldings(this.ready?.info.pieceCount ?? 0);
    this.ready?.picker.peerJoined(peer.holdings);
    const have = this.ready?.picker.have;
    // We said "none" before; what an earlier run left is told piece by piece.
    for (const piece of have ?? []) this.#context.send(now, peer, { type: "have", piece });
    if (early === undefined) return;
    if (early.all) this.heard(now, peer, { type: "have-all" });
    else if (early.bitfield !== undefined) this.heard(now, peer, { type: "bitfield", bytes: early.bitfield });
    for (const piece of early.haves) {
      if (!this.#context.peers.has(peer.id)) return; // it spoke of pieces that do not exist
      this.heard(now, peer, { type: "have", piece });
    }
  }

  get #hidden(): boolean {
    return this.revealing?.active === true;
  }

  #have(now: Ms, peer: Peer, piece: number): void {
    const picker = this.ready?.picker;
    if (picker === undefined) return;
    if (piece >= picker.have.length) return this.#bad(now, peer);
    if (peer.holdings.has(piece)) {
      peer.chatter += 1;
      return;
    }
    picker.peerGains(peer.holdings, piece);
    peer.holdings.gain(piece);
    this.revealing?.gained(now, peer, piece);
    if (peer.seed) peer.chatter += recountCost;
    this.#seedCheck(now, peer);
    if (!picker.wants(piece)) return;
    peer.interesting += 1;
    peer.starved = false;
    if (peer.interesting === 1) this.#setInterest(now, peer);
    this.ready?.downloads.fill(now, peer);
  }

  #holds(now: Ms, peer: Peer, take: () => boolean): void {
    const picker = this.ready?.picker;
    if (picker === undefined) return;
    picker.peerLeft(peer.holdings);
    const good = take();
    picker.peerJoined(peer.holdings);
    if (!good) return this.#bad(now, peer);
    this.revealing?.holds(now, peer);
    this.#seedCheck(now, peer);
    this.reconsider(now, peer);
  }

  #seedCheck(now: Ms, peer: Peer): void {
    if (peer.seed && this.ready?.picker.wantedLeft === 0) this.#context.close(now, peer.id, "both-seeds");
  }

  #setInterest(now: Ms, peer: Peer): void {
    const interest = peer.interesting > 0;
    if (interest || peer.interested || peer.seed) peer.boredSince = undefined;
    if (peer.amInterested === interest) return;
    if (!interest && !peer.interested && !peer.seed) {
      peer.boredSince ??= now; // `tick` tells it
      return;
    }
    peer.amInterested = interest;
    this.#context.send(now, peer, { type: interest ? "interested" : "not-interested" });
  }

  #allowFast(now: Ms, peer: Peer): void {
    const ready = this.ready;
    if (ready === undefined || !peer.facts.fast || ready.picker.have.none || this.#hidden) return;
    for (const piece of allowedFastSet(peer.facts.address.ip, ready.info.infoHash, ready.info.pieceCount)) {
      if (!ready.picker.have.has(piece)) continue;
      peer.allowedToIt.add(piece);
      this.#context.send(now, peer, { type: "allowed-fast", piece });
    }
  }

  #dhtNode(peer: Peer, port: number): void {
    if (this.#dhtPort === undefined || peer.saidDhtPort || this.ready?.info.private === true) return;
    peer.saidDhtPort = true;
    if (port > 0) this.#context.emit({ type: "dht-node", address: { ip: peer.facts.address.ip, port } });
  }

  #isFastOnly(message: PeerMessage): boolean {
    switch (message.type) {
      case "have-all":
      case "have-none":
      case "suggest":
      case "reject":
      case "allowed-fast":
        return true;
      default:
        return false;
    }
  }

  /** True when the message waits for the metadata. */
  #keepEarly(now: Ms, peer: Peer, message: PeerMessage): boolean {
    if (message.type !== "have" && message.type !== "bitfield" && message.type !== "have-all") return false;
    peer.early ??= { all: false, bitfield: undefined, haves: [] };
    if (message.type === "have-all") peer.early.all = true;
    else if (message.type === "bitfield") peer.early.bitfield = message.bytes.slice();
    else if (peer.early.haves.length < earlyHavesMax) peer.early.haves.push(message.piece);
    else peer.chatter += 1;
    // Say so at once: some clients send metadata only to peers that are interested.
    if (!peer.amInterested) {
      peer.amInterested = true;
      this.#context.send(now, peer, { type: "interested" });
    }
    return true;
  }

  #bad(now: Ms, peer: Peer): void {
    this.#context.close(now, peer.id, "bad-message");
  }
}

/** Messages that move a transfer on are bounded by what they ask for; the rest is talk. */
function costOf(message: PeerMessage): number {
  switch (message.type) {
    case "choke":
    case "unchoke":
    case "bitfield":
    case "have-all":
      return recountCost;
    case "have": // counted where it is known whether it says anything new
    case "request": // bounded by the queue, and by what may be refused
      return 0;
    case "extended":
      return message.id === 0 ? recountCost : 0.2;
    case "cancel":
    case "reject":
      return 0.2; // hundreds may come at once when a download pauses
    default:
      return 1;
  }
}
