import { type Address, BoundedMap, formatAddress, type Ms, ms, type PeerId, parseAddress } from "@dure/base";
import { clientName } from "@dure/protocol";
import type { DialFailure, PeerBook } from "../peers/index.ts";
import type { Limits } from "../session/node-limits.ts";
import type { Context } from "./context.ts";
import type { CloseReason, LinkFacts, LinkId } from "./messages.ts";
import { Peer } from "./peer.ts";

const idleMax = ms(150_000); // DESIGN.md section 6
const keepAliveEvery = ms(90_000); // BEP 3: "generally once every two minutes"
/** A connection that neither side wants is given up after this when others wait for its place. */
const uselessAfter = ms(120_000);

/** Whom the torrent is connected to, and whom to try next. */
export class Links {
  readonly #context: Context;
  readonly #book: PeerBook;
  readonly #limits: Limits;
  readonly #node: Limits;
  readonly #peerId: PeerId;
  /** Who stood behind a link, also after it closed: for blame that comes late. */
  readonly #addresses = new BoundedMap<LinkId, Address>({ max: 4096, full: "drop-oldest" });
  /** Zero until the metadata is known. */
  pieceCount = 0;

  constructor(context: Context, book: PeerBook, limits: Limits, node: Limits, peerId: PeerId) {
    this.#context = context;
    this.#peerId = peerId;
    this.#book = book;
    this.#limits = limits;
    this.#node = node;
  }

  connectMore(now: Ms): void {
    while (this.#limits.mayConnect && this.#node.mayConnect) {
      const address = this.#book.next(now);
      if (address === undefined) return;
      this.#book.connecting(now, address);
      this.#limits.halfOpen += 1;
      this.#node.halfOpen += 1;
      this.#context.emit({ type: "connect", address });
    }
  }

  failed(now: Ms, address: Address, reason: DialFailure): void {
    this.#halfOpenDone();
    this.#book.failed(now, address, reason);
  }

  /** A new peer, or undefined when it was closed at once. */
  open(now: Ms, link: LinkId, facts: LinkFacts, peers: ReadonlyMap<LinkId, Peer>): Peer | undefined {
    if (!facts.incoming) this.#halfOpenDone();
    const refusal = this.#refusal(facts, peers);
    if (refusal !== undefined) {
      if (refusal === "self") this.#book.addOwn(facts.address);
      else if (!facts.incoming) this.#book.closed(now, facts.address, { useful: refusal === "duplicate" });
      this.#context.emit({ type: "close", link, reason: refusal });
      return undefined;
    }
    this.#limits.connections += 1;
    this.#node.connections += 1;
    this.#addresses.set(link, facts.address);
    if (!facts.incoming) this.#book.connected(now, facts.address);
    const peer = new Peer(now, link, facts, this.pieceCount);
    peer.client = clientName(facts.peerId);
    return peer;
  }

  closed(now: Ms, peer: Peer): void {
    this.#limits.connections -= 1;
    this.#node.connections -= 1;
    const useful = peer.downloaded + peer.uploaded > 0 || now - peer.connectedAt > uselessAfter;
    this.#book.closed(now, peer.listens ?? peer.facts.address, { useful });
  }

  closeAll(now: Ms, reason: CloseReason): void {
    for (const link of [...this.#context.peers.keys()]) this.#context.close(now, link, reason);
  }

  /** Seeds have nothing for one another. */
  dropSeeds(now: Ms): void {
    for (const peer of [...this.#context.peers.values()]) {
      if (!peer.seed && !peer.uploadOnly) continue;
      this.#book.observeSeed(peer.facts.address, true);
      this.#context.close(now, peer.id, "both-seeds");
    }
  }

  nameOf(link: LinkId): string | null {
    const address = this.#addresses.get(link);
    return address === undefined ? null : formatAddress(address);
  }

  ban(name: string, reason: string): void {
    const address = parseAddress(name);
    if (address === undefined) return;
    this.#book.ban(address, reason);
    this.#context.emit({ type: "banned", address, reason });
    for (const peer of [...this.#context.peers.values()]) {
      if (formatAddress(peer.facts.address) === name)
        this.#context.close(peer.lastHeardAt, peer.id, "banned");
    }
  }

  tick(now: Ms, complete: boolean): void {
    for (const peer of [...this.#context.peers.values()]) {
      if (now - peer.lastHeardAt > idleMax) this.#context.close(now, peer.id, "idle");
      else if (complete && peer.seed) this.#context.close(now, peer.id, "both-seeds");
      else if (this.#useless(now, peer)) this.#context.close(now, peer.id, "useless");
      else if (now - peer.lastSentAt > keepAliveEvery) this.#context.send(now, peer, { type: "keep-alive" });
    }
    this.connectMore(now);
  }

  #useless(now: Ms, peer: Peer): boolean {
    if (this.#limits.mayConnect && this.#node.mayConnect) return false;
    if (peer.amInterested || peer.interested) return false;
    return now - peer.connectedAt > uselessAfter && this.#book.next(now) !== undefined;
  }

  #refusal(facts: LinkFacts, peers: ReadonlyMap<LinkId, Peer>): CloseReason | undefined {
    if (this.#book.isBanned(facts.address)) return "banned";
    if (!this.#limits.mayAccept || !this.#node.mayAccept) return "too-many";
    if (facts.peerId === this.#peerId) return "self";
    const address = formatAddress(facts.address);
    for (const peer of peers.values()) {
      if (peer.facts.peerId === facts.peerId || formatAddress(peer.facts.address) === address)
        return "duplicate";
    }
    return undefined;
  }

  #halfOpenDone(): void {
    this.#limits.halfOpen -= 1;
    this.#node.halfOpen -= 1;
  }
}
