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
import { type LimitSettings, Limits } from "@dure/engine";
import type { PeerMessage } from "@dure/protocol";
import { type CarriedStart, CarriedTorrent } from "./carried-torrent.ts";
import { Desk } from "./desk.ts";
import { DhtDesk } from "./dht-desk.ts";
import type { DhtDeskOptions } from "./dht-options.ts";
import { Encryption, type EncryptionOptions } from "./encryption.ts";
import { Exposure } from "./exposure.ts";
import { LinkDesk } from "./link-desk.ts";
import { LocalDiscovery } from "./local-discovery.ts";
import { type CopyBytes, Pool } from "./pool.ts";
import type { HostEffect, HostEvent, SocketId, StateResult } from "./ports/index.ts";
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
  readonly #links: LinkDesk;
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
    this.#links = new LinkDesk({
      desk: this.desk,
      pool: this.pool,
      encryption: this.encryption,
      torrents: this.#torrents,
      time: () => this.#now,
      filtered: this.filtered,
      peerId: options.peerId,
      dht: () => this.dht?.advertised === true,
    });
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
    return this.#links.count;
  }

  handle(now: Ms, event: HostEvent): void {
    this.#now = now;
    switch (event.type) {
      case "tcp-data":
        this.#links.data(now, event.socket, event.bytes);
        break;
      case "tcp-written":
        this.#links.written(now, event.socket, event.count);
        break;
      case "disk":
        for (const result of event.results) this.desk.diskAnswered(result);
        break;
      case "state":
        for (const result of event.results) this.#stateResult(result);
        break;
      case "tcp-incoming":
        this.#links.incoming(now, event.socket, event.remote);
        break;
      case "tcp-open":
        this.#links.open(now, event.socket);
        break;
      case "tcp-closed":
        this.#links.closed(now, event.socket, event.reason);
        break;
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
    this.#links.settle(now);
  }

  poll(): HostEffect | Report | DhtReport | undefined {
    return this.desk.poll();
  }

  deadline(): Ms | undefined {
    let at = earliest(this.#links.deadline(), this.#trackers.deadline());
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
    this.#links.settle(now);
    return torrent;
  }

  /** Runs `act` as a turn of its own, so that what it leads to is sent. */
  turn<T>(now: Ms, act: () => T): T {
    this.#now = now;
    const result = act();
    this.#links.settle(now);
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
    this.#links.dropAll((link) => link.torrent === torrent);
    torrent.drain(this.#now);
  }

  /** What `filtered` says has changed: whom it names now is let go, and forgotten. */
  filterChanged(now: Ms): void {
    this.#now = now;
    this.#links.dropAll((link) => this.filtered(link.remote.ip));
    for (const torrent of this.#torrents.values()) torrent.input(now, { type: "filter-changed" });
    this.#links.settle(now);
  }

  // ---- for torrents

  send(socket: SocketId, message: PeerMessage): void {
    this.#links.send(socket, message);
  }

  serve(socket: SocketId, span: { piece: number; begin: number; length: number }): void {
    this.#links.serve(socket, span);
  }

  connect(torrent: CarriedTorrent, address: Address): void {
    this.#links.connect(torrent, address);
  }

  /** The engine has let the link go. */
  closeLink(socket: SocketId): void {
    this.#links.close(socket);
  }

  report(infoHash: InfoHash, report: TorrentReport): void {
    this.desk.emit({ type: "report", infoHash, report });
  }

  // ---- turns

  #stateResult(result: StateResult): void {
    if (result.type !== "damaged") return this.desk.stateAnswered(result);
    for (const infoHash of this.#torrents.keys())
      this.report(infoHash, { type: "state-fault", detail: result.detail });
  }

  #wake(now: Ms): void {
    this.#links.wake(now);
    const trackersDue = this.#trackers.deadline();
    if (trackersDue !== undefined && trackersDue <= now) this.#trackers.wake(now);
    this.#localDiscovery?.wake(now);
    this.dht?.wake(now);
    for (const torrent of this.#torrents.values()) {
      const due = torrent.deadline();
      if (due !== undefined && due <= now) torrent.wake(now);
    }
  }
}
