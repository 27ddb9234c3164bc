import {
  type Address,
  assert,
  earliest,
  type InfoHash,
  type Machine,
  type Ms,
  ms,
  type PeerId,
  type Prng,
} from "@dure/base";
import { type DialFailure, type LimitSettings, Limits } from "@dure/engine";
import { encodeHandshake, type Handshake, type PeerMessage } from "@dure/protocol";
import { type CarriedStart, CarriedTorrent } from "./carried-torrent.ts";
import { Desk } from "./desk.ts";
import { DhtDesk } from "./dht-desk.ts";
import type { DhtDeskOptions } from "./dht-options.ts";
import { Encryption, type EncryptionOptions } from "./encryption.ts";
import { Exposure } from "./exposure.ts";
import { Link } from "./link.ts";
import { LocalDiscovery } from "./local-discovery.ts";
import { type CopyBytes, Pool } from "./pool.ts";
import type { HostEffect, HostEvent, SocketId, StateResult, TcpCloseReason } from "./ports/index.ts";
import { type Receiver, receive, resumeHeld } from "./receive.ts";
import type { DhtReport, Report, TorrentReport } from "./reports.ts";
import { TrackerDesk } from "./tracker-desk.ts";

export interface CarrierOptions {
  readonly peerId: PeerId;
  /** Whole slabs of 256 KiB; shared with the disk. */
  readonly memory: Uint8Array;
  /** The host's quickest way to copy into `memory`; by default `TypedArray.set`. */
  readonly copy?: CopyBytes;
  readonly limits: LimitSettings;
  readonly allowLocalUrls: boolean;
  readonly prng: Prng;
  /** Local discovery (BEP 14); default true. */
  readonly lsd?: boolean;
  /**
   * IPs that nothing is had to do with: not dialled, not accepted, not heard in the DHT or by local discovery, local
   * ones too. Trackers and web servers are the user's own choice, and are not asked about. What it says may change: then
   * call `filterChanged`.
   */
  readonly filtered?: (ip: string) => boolean;
  /** The DHT; left out: none. It begins with `dht.start`. */
  readonly dht?: DhtDeskOptions;
  /** Left out: `off`. */
  readonly encryption?: EncryptionOptions;
}

const handshakeWait = ms(10_000); // DESIGN.md section 6
const greetingCheck = ms(1000);
const yieldEvery = ms(1000);
/** Every KRPC message is a dictionary (BEP 5); a UDP tracker's answer begins with a small number (BEP 15). */
const dictionaryByte = 0x64; // "d"

/**
 * A whole peer but for the I/O: host events go in, host effects and reports come out. It moves bytes on the engine's
 * orders, and is the same on real sockets and in the simulator.
 */
export class Carrier implements Machine<HostEvent, HostEffect | Report | DhtReport> {
  readonly desk = new Desk();
  readonly pool: Pool;
  readonly exposure = new Exposure();
  readonly limits: Limits;
  /** Undefined where it is switched off. */
  readonly dht: DhtDesk | undefined;
  readonly encryption: Encryption;
  readonly #options: CarrierOptions;
  readonly #trackers: TrackerDesk;
  /** Undefined where it is switched off. */
  readonly #localDiscovery: LocalDiscovery | undefined;
  readonly #torrents = new Map<InfoHash, CarriedTorrent>(); // bounded by what the user adds
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
  #now: Ms = ms(0);

  constructor(options: CarrierOptions) {
    this.#options = options;
    this.pool = new Pool(options.memory, options.copy);
    this.limits = new Limits(options.limits);
    this.encryption = new Encryption(options.encryption);
    this.#trackers = new TrackerDesk(this.desk, options.prng.split("trackers"), options.allowLocalUrls);
    if (options.lsd !== false)
      this.#localDiscovery = new LocalDiscovery(this.desk, options.prng.split("lsd"), this.#torrents);
    this.dht =
      options.dht === undefined
        ? undefined
        : new DhtDesk({
            desk: this.desk,
            options: options.dht,
            torrents: this.#torrents,
            time: () => this.#now,
            filtered: this.filtered,
          });
    this.#receiver = {
      pool: this.pool,
      handshake: (now, link, handshake) => this.#handshake(now, link, handshake),
      violation: (_now, link) => this.#refuse(link),
      full: (_now, link) => {
        this.#hungry.add(link);
        this.desk.emit({ type: "tcp-read", socket: link.socket, flowing: false });
      },
    };
  }

  readonly filtered = (ip: string): boolean => this.#options.filtered?.(ip) === true;

  /** The time of the turn under way. */
  get time(): Ms {
    return this.#now;
  }

  get torrents(): ReadonlyMap<InfoHash, CarriedTorrent> {
    return this.#torrents;
  }

  get linkCount(): number {
    return this.#links.size;
  }

  handle(now: Ms, event: HostEvent): void {
    this.#now = now;
    switch (event.type) {
      case "tcp-data":
        this.#data(now, event.socket, event.bytes);
        break;
      case "tcp-written":
        this.#written(now, event.socket, event.count);
        break;
      case "disk":
        for (const result of event.results) this.desk.diskAnswered(result);
        break;
      case "state":
        for (const result of event.results) this.#stateResult(result);
        break;
      case "tcp-incoming":
        this.#incoming(now, event.socket, event.remote);
        break;
      case "tcp-open":
        this.#open(now, event.socket);
        break;
      case "tcp-closed": {
        const link = this.#links.get(event.socket);
        if (link !== undefined) this.#ended(now, link, event.reason);
        break;
      }
      case "time-jumped":
      case "address-changed":
        this.#trackers.networkChanged();
        this.#localDiscovery?.networkChanged(now);
        this.dht?.networkChanged(now);
        for (const torrent of this.#torrents.values()) torrent.input(now, { type: "network-changed" });
        break;
      case "lsd-data":
        if (!this.filtered(event.from.ip)) this.#localDiscovery?.heard(now, event);
        break;
      case "udp-data":
        if (this.dht !== undefined && event.bytes[0] === dictionaryByte)
          this.dht.heard(now, event.from, event.bytes);
        else this.#trackers.handle(now, event);
        break;
      case "resolved":
      case "resolve-failed":
        if (event.request < 0) this.dht?.handle(now, event);
        else this.#trackers.handle(now, event);
        break;
      case "signature":
        this.dht?.handle(now, event);
        break;
      case "wake":
        this.#wake(now);
        break;
      default:
        this.#trackers.handle(now, event);
    }
    this.#settle(now);
  }

  poll(): HostEffect | Report | DhtReport | undefined {
    return this.desk.poll();
  }

  deadline(): Ms | undefined {
    let at = earliest(this.#greetings, this.#trackers.deadline());
    at = earliest(at, earliest(this.#localDiscovery?.deadline(), this.dht?.deadline()));
    for (const torrent of this.#torrents.values()) at = earliest(at, torrent.deadline());
    return at;
  }

  // ---- commands of the host's owner; drain `poll` after each

  add(now: Ms, start: CarriedStart): CarriedTorrent {
    this.#now = now;
    assert(!this.#torrents.has(start.key.infoHash), "a torrent is added once");
    const torrent = new CarriedTorrent(this, this.#trackers, start);
    this.#torrents.set(start.key.infoHash, torrent);
    this.encryption.added(start.key.infoHash);
    torrent.start(now);
    this.#localDiscovery?.added(now, torrent);
    this.dht?.look(now, torrent);
    this.#settle(now);
    return torrent;
  }

  /** Runs `act` as a turn of its own, so that what it leads to is sent. */
  turn<T>(now: Ms, act: () => T): T {
    this.#now = now;
    const result = act();
    this.#settle(now);
    return result;
  }

  /** After it has stopped. */
  remove(infoHash: InfoHash): void {
    const torrent = this.#torrents.get(infoHash);
    if (torrent === undefined) return;
    this.#torrents.delete(infoHash);
    this.encryption.removed(infoHash);
    this.#localDiscovery?.removed(this.#now, infoHash);
    this.dht?.removed(this.#now, infoHash);
    this.#trackers.forget(torrent);
    torrent.storage?.close();
    for (const link of [...this.#links.values()]) if (link.torrent === torrent) this.#drop(link, "other");
    torrent.drain(this.#now);
  }

  /** What `filtered` says has changed: whom it names now is let go, and forgotten. */
  filterChanged(now: Ms): void {
    this.#now = now;
    for (const link of [...this.#links.values()])
      if (this.filtered(link.remote.ip)) this.#drop(link, "other");
    for (const torrent of this.#torrents.values()) torrent.input(now, { type: "filter-changed" });
    this.#settle(now);
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
    const encrypted = this.encryption.encryptsFirst(torrent.engine.book.hints(address)?.prefersEncryption);
    this.#dial(torrent, { address, encrypted, mayTryAgain: this.encryption.mode === "prefer" });
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
    this.desk.emit({ type: "tcp-connect", socket: link.socket, remote: address });
  }

  /** The engine has let the link go. */
  closeLink(socket: SocketId): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    this.#links.delete(socket);
    link.flushMessages(this.desk); // a last "choke" or "not interested" may still leave
    this.#release(link);
    this.desk.emit({ type: "tcp-close", socket });
  }

  report(infoHash: InfoHash, report: TorrentReport): void {
    this.desk.emit({ type: "report", infoHash, report });
  }

  // ---- turns

  #data(now: Ms, socket: SocketId, bytes: Uint8Array): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    if (link.negotiation === undefined) {
      link.decipher(bytes);
      return this.#payload(now, link, bytes);
    }
    const heard = this.encryption.hear(this.desk, link, link.negotiation, bytes);
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
    this.desk.emit({ type: "tcp-read", socket: link.socket, flowing: false });
  }

  #unpause(): void {
    for (const link of this.#paused) {
      if (link.torrent?.storage?.relieved === false) continue;
      this.#paused.delete(link);
      if (link.held === undefined) this.desk.emit({ type: "tcp-read", socket: link.socket, flowing: true });
    }
  }

  #written(now: Ms, socket: SocketId, count: number): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    const bytes = link.written(count, this.pool);
    if (bytes > 0) link.torrent?.input(now, { type: "served", link: socket, bytes });
  }

  #stateResult(result: StateResult): void {
    if (result.type !== "damaged") return this.desk.stateAnswered(result);
    for (const infoHash of this.#torrents.keys())
      this.report(infoHash, { type: "state-fault", detail: result.detail });
  }

  #incoming(now: Ms, socket: SocketId, remote: Address): void {
    if (this.filtered(remote.ip)) return this.desk.emit({ type: "tcp-close", socket }); // not a byte is read
    const link = new Link(socket, remote, true, { name: "greeting", since: now });
    this.encryption.accept(link);
    this.#links.set(socket, link);
    this.#greetings ??= ms(now + greetingCheck);
  }

  #open(now: Ms, socket: SocketId): void {
    const link = this.#links.get(socket);
    if (link?.torrent === undefined) return;
    link.state = { name: "greeting", since: now };
    this.#greetings ??= ms(now + greetingCheck);
    const { infoHash } = link.torrent.key;
    if (link.encrypted) this.encryption.begin(this.desk, link, infoHash, this.#greeting(infoHash));
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
    const { peerId } = this.#options;
    const dht = this.dht?.advertised === true && !this.#isPrivate(infoHash);
    return encodeHandshake({ infoHash, peerId, extended: true, fast: true, dht });
  }

  #isPrivate(infoHash: InfoHash): boolean {
    return this.#torrents.get(infoHash)?.info?.private === true;
  }

  #handshake(now: Ms, link: Link, handshake: Handshake): boolean {
    const torrent = link.incoming ? this.#torrents.get(handshake.infoHash) : link.torrent;
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
    if (!link.incoming && this.encryption.mode === "prefer" && !link.mayTryAgain)
      torrent.engine.book.hint(link.remote, { prefersEncryption: link.encrypted });
    const { peerId, fast, extended, dht = false } = handshake;
    const { remote: address, incoming, method: encryption } = link;
    const facts = { address, incoming, peerId, fast, extended, dht, encryption };
    torrent.input(now, { type: "link-open", link: link.socket, facts });
    return link.torrent !== undefined;
  }

  /** We end it. */
  #drop(link: Link, reason: DialFailure): void {
    this.desk.emit({ type: "tcp-close", socket: link.socket });
    this.#lost(this.#now, link, reason);
  }

  /** What it says is nothing we take part in; another way of connecting may do better. */
  #refuse(link: Link): void {
    const again = this.#dialsAgain(link);
    if (!again) return this.#drop(link, "handshake");
    this.desk.emit({ type: "tcp-close", socket: link.socket });
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
  #ended(now: Ms, link: Link, reason: TcpCloseReason): void {
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
    link.drop(this.pool);
    this.#dirty.delete(link);
    this.#hungry.delete(link);
    this.#paused.delete(link);
  }

  #wake(now: Ms): void {
    if (this.#greetings !== undefined && now >= this.#greetings) this.#expireGreetings(now);
    const trackersDue = this.#trackers.deadline();
    if (trackersDue !== undefined && trackersDue <= now) this.#trackers.wake(now);
    this.#localDiscovery?.wake(now);
    this.dht?.wake(now);
    for (const torrent of this.#torrents.values()) {
      const due = torrent.deadline();
      if (due !== undefined && due <= now) torrent.wake(now);
    }
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
  #settle(now: Ms): void {
    if (this.#hungry.size > 0 && now >= this.#yieldAt) {
      this.#yieldAt = ms(now + yieldEvery);
      for (const link of this.#links.values()) link.yieldMemory(now);
    }
    for (const link of this.#hungry) {
      if (link.held !== undefined) {
        const resumed = resumeHeld(now, link, this.#receiver);
        link.torrent?.chunkDone(now, link);
        if (!resumed || link.torrent === undefined) continue; // or it was closed over what was held
        if (!this.#paused.has(link)) this.desk.emit({ type: "tcp-read", socket: link.socket, flowing: true });
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
      link.flush(this.desk, this.pool);
      if (link.starvedForMemory) this.#hungry.add(link);
      if (link.stuck) this.#drop(link, "other");
    }
  }
}
