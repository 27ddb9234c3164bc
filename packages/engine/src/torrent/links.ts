import {
  type Address,
  BoundedMap,
  BoundedSet,
  formatAddress,
  ipScope,
  type Ms,
  ms,
  type PeerId,
  parseAddress,
} from "@dure/base";
import { clientName, type PexContact } from "@dure/protocol";
import type { DialFailure, PeerBook } from "../peers/index.ts";
import type { Limits } from "../session/index.ts";
import type { Context } from "./context.ts";
import type { CloseReason, LinkFacts, LinkId } from "./messages.ts";
import { Peer } from "./peer.ts";

const idleMax = ms(150_000); // DESIGN.md section 6
/** After the network changed, who is silent for so long is dialled anew: within a minute in all. */
const doubtMax = ms(30_000);
const keepAliveEvery = ms(90_000); // BEP 3: "generally once every two minutes"
/** BEP 40 needs our own address; one liar must not choose it. */
const witnessesWanted = 3;
/** A connection that neither side wants is given up after this when others wait for its place. */
const uselessAfter = ms(120_000);

/** Whom the torrent is connected to, and whom to try next. */
export class Links {
  readonly #context: Context;
  readonly #book: PeerBook;
  readonly #limits: Limits;
  readonly #node: Limits;
  readonly #peerId: PeerId;
  readonly #port: number;
  /** Who stood behind a link, also after it closed: for blame that comes late. */
  readonly #addresses = new BoundedMap<LinkId, Address>({ max: 4096, full: "drop-oldest" });
  /** How peers see us, and who says so. */
  readonly #seenAs = new BoundedMap<string, BoundedSet<string>>({ max: 16, full: "drop-oldest" });
  /** When the network changed under connections that have to show that they live. */
  #doubtedAt: Ms | undefined;
  /** Zero until the metadata is known. */
  pieceCount = 0;

  constructor(
    context: Context,
    book: PeerBook,
    limits: Limits,
    node: Limits,
    own: { readonly peerId: PeerId; readonly port: number },
  ) {
    this.#context = context;
    this.#peerId = own.peerId;
    this.#port = own.port;
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

  /** A peer that connected to us says where it listens: it can be dialled should the connection end. */
  listensAt(now: Ms, peer: Peer, address: Address): void {
    peer.listens = address;
    this.#book.add(now, address, "incoming");
    this.#book.connected(now, address);
  }

  /** Its own word (BEP 11, `e`): how it is dialled from now on. */
  prefersEncryption(peer: Peer, prefersEncryption: boolean): void {
    peer.prefersEncryption = prefersEncryption;
    if (prefersEncryption) this.#book.hint(peer.listens ?? peer.facts.address, { prefersEncryption });
  }

  /** Hearsay of a peer (BEP 11). */
  learn(now: Ms, contacts: readonly PexContact[]): void {
    for (const { address, flags } of contacts) {
      const { seed, utp, prefersEncryption, holepunch } = flags;
      this.#book.add(now, address, "pex", { seed, utp, prefersEncryption, holepunch });
    }
  }

  /** BEP 27: only the tracker names peers, so links to those that gossip named end. */
  becomePrivate(now: Ms): void {
    const unwanted = new Set(this.#book.forgetHearsay().map(formatAddress));
    for (const peer of [...this.#context.peers.values()]) {
      const dialled = !peer.facts.incoming && unwanted.has(formatAddress(peer.facts.address));
      if (dialled) this.#context.close(now, peer.id, "private");
    }
  }

  /** A peer says how it sees us. Believed when several, each from its own address, agree. */
  seenAs(peer: Peer, ip: string): void {
    if (ipScope(ip) !== "global") return;
    const witnesses =
      this.#seenAs.get(ip) ?? new BoundedSet<string>({ max: witnessesWanted, full: "refuse" });
    this.#seenAs.set(ip, witnesses);
    witnesses.add(peer.facts.address.ip);
    if (witnesses.size === witnessesWanted) this.#book.setOwn({ ip, port: this.#port });
  }

  /** A `connect` that reached no handshake. */
  failed(now: Ms, address: Address, reason: DialFailure): void {
    this.#halfOpenDone();
    this.#book.failed(now, address, reason);
  }

  /** A new peer, or undefined when it was closed at once. */
  open(now: Ms, link: LinkId, facts: LinkFacts): Peer | undefined {
    if (!facts.incoming) this.#halfOpenDone();
    const refusal = this.#refusal(now, facts);
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
    if (peer.seed) this.#book.observeSeed(peer.listens ?? peer.facts.address, true);
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
      this.#context.close(now, peer.id, "both-seeds");
    }
  }

  /** The user's list is another one. */
  refilter(now: Ms): void {
    for (const peer of [...this.#context.peers.values()]) {
      if (this.#book.isFiltered(peer.facts.address)) this.#context.close(now, peer.id, "filtered");
    }
    this.#book.refilter();
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

  /** Sleep or another address: connections may be dead without a word, and whoever failed may be reachable now. */
  networkChanged(now: Ms): void {
    this.#doubtedAt = now;
    this.#book.resume(now);
    this.connectMore(now);
  }

  tick(now: Ms, complete: boolean): void {
    const doubted =
      this.#doubtedAt !== undefined && now - this.#doubtedAt > doubtMax ? this.#doubtedAt : undefined;
    if (doubted !== undefined) this.#doubtedAt = undefined;
    for (const peer of [...this.#context.peers.values()]) {
      peer.chatter = 0;
      if (doubted !== undefined && peer.lastHeardAt < doubted) this.#context.close(now, peer.id, "idle");
      else if (now - peer.lastHeardAt > idleMax) this.#context.close(now, peer.id, "idle");
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

  #refusal(now: Ms, facts: LinkFacts): CloseReason | undefined {
    if (this.#book.isBanned(facts.address)) return "banned";
    if (this.#book.isFiltered(facts.address)) return "filtered";
    if (facts.peerId === this.#peerId) return "self";
    const twin = this.#twin(facts);
    if (twin !== undefined) {
      if (!this.#replaces(facts, twin)) return "duplicate";
      this.#context.close(now, twin.id, "duplicate");
    }
    return this.#limits.mayAccept && this.#node.mayAccept ? undefined : "too-many";
  }

  #twin(facts: LinkFacts): Peer | undefined {
    const address = formatAddress(facts.address);
    for (const peer of this.#context.peers.values()) {
      if (peer.facts.peerId === facts.peerId || formatAddress(peer.facts.address) === address) return peer;
    }
    return undefined;
  }

  /**
   * Two peers that dial each other at once must not each close the other's connection: the one that the peer with the
   * greater id began stays, on both sides.
   */
  #replaces(facts: LinkFacts, twin: Peer): boolean {
    if (facts.peerId !== twin.facts.peerId || facts.incoming === twin.facts.incoming) return false;
    return facts.incoming === facts.peerId > this.#peerId;
  }

  #halfOpenDone(): void {
    this.#limits.halfOpen -= 1;
    this.#node.halfOpen -= 1;
  }
}
