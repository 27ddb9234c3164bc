import { type Address, type InfoHash, type Ms, ms, type PeerId } from "@dure/base";
import type { DialFailure } from "@dure/engine";
import { encodeHandshake, type Handshake, type PeerMessage } from "@dure/protocol";
import type { CarriedTorrent } from "./carried-torrent.ts";
import type { Desk } from "./desk.ts";
import type { Encryption } from "./encryption.ts";
import { Link } from "./link.ts";
import type { Pool } from "./pool.ts";
import type { SocketId, TcpCloseReason } from "./ports/index.ts";
import { type Receiver, receive, resumeHeld } from "./receive.ts";

export interface LinkDeskParts {
  readonly desk: Desk;
  readonly pool: Pool;
  readonly encryption: Encryption;
  readonly torrents: ReadonlyMap<InfoHash, CarriedTorrent>;
  /** Of the turn under way. */
  readonly time: () => Ms;
  readonly filtered: (ip: string) => boolean;
  readonly peerId: PeerId;
  /** Whether handshakes say that we are a node of the DHT (BEP 5). */
  readonly dht: () => boolean;
}

const handshakeWait = ms(10_000); // DESIGN.md section 6
const greetingCheck = ms(1000);
const yieldEvery = ms(1000);

/** All connections: how they begin and end, what arrives on them, and when what was gathered for them leaves. */
export class LinkDesk {
  readonly #parts: LinkDeskParts;
  readonly #links = new Map<SocketId, Link>(); // bounded by the limits of connections, and the host's of sockets
  /** Links with messages or blocks to be sent at the end of the turn. */
  readonly #dirty = new Set<Link>();
  /** Links that wait for memory. */
  readonly #hungry = new Set<Link>();
  /** Links that wait for the disk. */
  readonly #paused = new Set<Link>();
  readonly #receiver: Receiver;
  #sockets = 0;
  #greetings: Ms | undefined;
  /** Stalled blocks are not looked for sooner. */
  #yieldAt: Ms = ms(Number.NEGATIVE_INFINITY);

  constructor(parts: LinkDeskParts) {
    this.#parts = parts;
    this.#receiver = {
      pool: parts.pool,
      handshake: (now, link, handshake) => this.#handshake(now, link, handshake),
      violation: (_now, link) => this.#refuse(link),
      full: (_now, link) => {
        this.#hungry.add(link);
        parts.desk.emit({ type: "tcp-read", socket: link.socket, flowing: false });
      },
    };
  }

  get count(): number {
    return this.#links.size;
  }

  deadline(): Ms | undefined {
    return this.#greetings;
  }

  wake(now: Ms): void {
    if (this.#greetings !== undefined && now >= this.#greetings) this.#expireGreetings(now);
  }

  /** Ends the links of which `chosen` is true. */
  dropAll(chosen: (link: Link) => boolean): void {
    for (const link of [...this.#links.values()]) if (chosen(link)) this.#drop(link, "other");
  }

  // ---- for torrents

  send(socket: SocketId, message: PeerMessage): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    link.writer.message(message);
    this.#dirty.add(link);
  }

  serve(socket: SocketId, span: { piece: number; begin: number; length: number }): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    link.serve(span);
    this.#dirty.add(link);
  }

  connect(torrent: CarriedTorrent, address: Address): void {
    const encrypted = this.#parts.encryption.encryptsFirst(
      torrent.engine.book.hints(address)?.prefersEncryption,
    );
    this.#dial(torrent, { address, encrypted, mayTryAgain: this.#parts.encryption.mode === "prefer" });
  }

  #dial(
    torrent: CarriedTorrent,
    how: { readonly address: Address; readonly encrypted: boolean; readonly mayTryAgain: boolean },
  ): void {
    const { address } = how;
    this.#sockets += 2;
    const link = new Link(this.#sockets, address, false, { name: "connecting" });
    link.torrent = torrent;
    link.encrypted = how.encrypted;
    link.mayTryAgain = how.mayTryAgain;
    this.#links.set(link.socket, link);
    this.#parts.desk.emit({ type: "tcp-connect", socket: link.socket, remote: address });
  }

  /** The engine has let the link go. */
  close(socket: SocketId): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    this.#links.delete(socket);
    link.flushMessages(this.#parts.desk); // a last "choke" or "not interested" may still leave
    this.#release(link);
    this.#parts.desk.emit({ type: "tcp-close", socket });
  }

  // ---- what sockets tell

  data(now: Ms, socket: SocketId, bytes: Uint8Array): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    if (link.negotiation === undefined) {
      link.decipher(bytes);
      return this.#payload(now, link, bytes);
    }
    const heard = this.#parts.encryption.hear(this.#parts.desk, link, link.negotiation, bytes);
    if (heard.type === "refused") this.#refuse(link);
    else if (heard.type === "payload") this.#payload(now, link, heard.bytes);
  }

  #payload(now: Ms, link: Link, bytes: Uint8Array): void {
    if (link.held !== undefined) {
      // Reading was stopped, but this chunk was on its way already.
      const joined = new Uint8Array(link.held.length + bytes.length);
      joined.set(link.held);
      joined.set(bytes, link.held.length);
      link.held = joined;
      return;
    }
    receive(now, link, bytes, this.#receiver);
    link.torrent?.chunkDone(now, link);
    if (link.torrent?.storage?.congested === true) this.#pause(link);
  }

  /** The disk is behind: what it has not taken would be lost with the process, and fills memory. */
  #pause(link: Link): void {
    if (this.#paused.has(link)) return;
    this.#paused.add(link);
    this.#parts.desk.emit({ type: "tcp-read", socket: link.socket, flowing: false });
  }

  #unpause(): void {
    for (const link of this.#paused) {
      if (link.torrent?.storage?.relieved === false) continue;
      this.#paused.delete(link);
      if (link.held === undefined)
        this.#parts.desk.emit({ type: "tcp-read", socket: link.socket, flowing: true });
    }
  }

  written(now: Ms, socket: SocketId, count: number): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    const bytes = link.written(count, this.#parts.pool);
    if (bytes > 0) link.torrent?.input(now, { type: "served", link: socket, bytes });
  }

  incoming(now: Ms, socket: SocketId, remote: Address): void {
    if (this.#parts.filtered(remote.ip)) return this.#parts.desk.emit({ type: "tcp-close", socket }); // not a byte is read
    const link = new Link(socket, remote, true, { name: "greeting", since: now });
    this.#parts.encryption.accept(link);
    this.#links.set(socket, link);
    this.#greetings ??= ms(now + greetingCheck);
  }

  open(now: Ms, socket: SocketId): void {
    const link = this.#links.get(socket);
    if (link?.torrent === undefined) return;
    link.state = { name: "greeting", since: now };
    this.#greetings ??= ms(now + greetingCheck);
    const { infoHash } = link.torrent.key;
    if (link.encrypted)
      this.#parts.encryption.begin(this.#parts.desk, link, infoHash, this.#greeting(infoHash));
    else this.#greet(link, infoHash);
  }

  /**
   * Nothing follows our handshake until theirs is in: aria2 1.36 bans a peer that sends more than its 68 bytes before
   * aria2's own handshake has arrived.
   */
  #greet(link: Link, infoHash: InfoHash): void {
    link.writer.raw(this.#greeting(infoHash));
    this.#dirty.add(link);
  }

  #greeting(infoHash: InfoHash): Uint8Array {
    const { peerId } = this.#parts;
    const dht = this.#parts.dht() && !this.#isPrivate(infoHash);
    return encodeHandshake({ infoHash, peerId, extended: true, fast: true, dht });
  }

  #isPrivate(infoHash: InfoHash): boolean {
    return this.#parts.torrents.get(infoHash)?.info?.private === true;
  }

  #handshake(now: Ms, link: Link, handshake: Handshake): boolean {
    const torrent = link.incoming ? this.#parts.torrents.get(handshake.infoHash) : link.torrent;
    const named = link.named ?? handshake.infoHash;
    if (
      torrent === undefined ||
      torrent.stopping ||
      torrent.key.infoHash !== handshake.infoHash ||
      named !== handshake.infoHash
    ) {
      this.#drop(link, "wrong-torrent");
      return false;
    }
    if (link.incoming) this.#greet(link, handshake.infoHash);
    link.torrent = torrent;
    link.state = { name: "open" };
    if (!link.incoming && this.#parts.encryption.mode === "prefer" && !link.mayTryAgain)
      torrent.engine.book.hint(link.remote, { prefersEncryption: link.encrypted });
    const { peerId, fast, extended, dht = false } = handshake;
    const { remote: address, incoming, method: encryption } = link;
    const facts = { address, incoming, peerId, fast, extended, dht, encryption };
    torrent.input(now, { type: "link-open", link: link.socket, facts });
    return link.torrent !== undefined;
  }

  /** We end it. */
  #drop(link: Link, reason: DialFailure): void {
    this.#parts.desk.emit({ type: "tcp-close", socket: link.socket });
    this.#lost(this.#parts.time(), link, reason);
  }

  /** What it says is nothing we take part in; another way of connecting may do better. */
  #refuse(link: Link): void {
    const again = this.#dialsAgain(link);
    if (!again) return this.#drop(link, "handshake");
    this.#parts.desk.emit({ type: "tcp-close", socket: link.socket });
    this.#redial(link);
  }

  /** It hung up before it greeted us: so does a peer that wants encryption on a plain one, and the other way round. */
  #dialsAgain(link: Link): boolean {
    return link.mayTryAgain && link.state.name === "greeting" && link.torrent?.stopping === false;
  }

  /** For the engine it is still the same try. */
  #redial(link: Link): void {
    const { torrent, remote: address, encrypted } = link;
    this.#links.delete(link.socket);
    this.#release(link);
    if (torrent !== undefined) this.#dial(torrent, { address, encrypted: !encrypted, mayTryAgain: false });
  }

  /** It ended by itself. */
  closed(now: Ms, socket: SocketId, reason: TcpCloseReason): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    if (this.#dialsAgain(link)) return this.#redial(link);
    this.#lost(now, link, reason === "end" || reason === "other" ? "other" : reason);
  }

  #lost(now: Ms, link: Link, reason: DialFailure): void {
    this.#links.delete(link.socket);
    const { torrent, state } = link;
    this.#release(link);
    if (torrent === undefined) return;
    if (state.name === "open") torrent.input(now, { type: "link-closed", link: link.socket });
    else if (!link.incoming) torrent.input(now, { type: "connect-failed", address: link.remote, reason });
  }

  #release(link: Link): void {
    link.drop(this.#parts.pool);
    this.#dirty.delete(link);
    this.#hungry.delete(link);
    this.#paused.delete(link);
  }

  #expireGreetings(now: Ms): void {
    this.#greetings = undefined;
    for (const link of [...this.#links.values()]) {
      if (link.state.name !== "greeting") continue;
      if (now - link.state.since >= handshakeWait) this.#drop(link, "timeout");
      else this.#greetings = ms(now + greetingCheck);
    }
  }

  /** The end of a turn: what was gathered leaves, and memory that came back is used. */
  settle(now: Ms): void {
    if (this.#hungry.size > 0 && now >= this.#yieldAt) {
      this.#yieldAt = ms(now + yieldEvery);
      for (const link of this.#links.values()) link.yieldMemory(now);
    }
    for (const link of this.#hungry) {
      if (link.held !== undefined) {
        const resumed = resumeHeld(now, link, this.#receiver);
        link.torrent?.chunkDone(now, link);
        if (!resumed || link.torrent === undefined) continue; // or it was closed over what was held
        if (!this.#paused.has(link))
          this.#parts.desk.emit({ type: "tcp-read", socket: link.socket, flowing: true });
      }
      this.#dirty.add(link);
      this.#hungry.delete(link);
    }
    while (this.#dirty.size > 0) this.#flush();
    if (this.#paused.size > 0) this.#unpause();
  }

  #flush(): void {
    const links = [...this.#dirty];
    this.#dirty.clear();
    for (const link of links) {
      if (!this.#links.has(link.socket)) continue; // closed by what another's end led to
      link.flush(this.#parts.desk, this.#parts.pool);
      if (link.starvedForMemory) this.#hungry.add(link);
      if (link.stuck) this.#drop(link, "other");
    }
  }
}
