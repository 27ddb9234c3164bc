import { type Bitfield, earliest, formatAddress, type Ms, parseAddress, type UnixMs } from "@dure/base";
import { type ReadyStart, Torrent, type TorrentInput, type TorrentOptions } from "@dure/engine";
import type { BlockSpan, Info, PeerMessage } from "@dure/protocol";
import type { Landing } from "./assembly.ts";
import type { Carrier } from "./carrier.ts";
import type { Link } from "./link.ts";
import {
  type DiskResult,
  pieceState,
  type StoreId,
  type TorrentKey,
  type TorrentRecord,
} from "./ports/index.ts";
import type { TorrentReport } from "./reports.ts";
import { Storage, type StorageEvent } from "./storage.ts";
import type { TrackerDesk } from "./tracker-desk.ts";

export interface CarriedStart {
  readonly key: TorrentKey;
  readonly store: StoreId;
  readonly record: TorrentRecord;
  readonly options: TorrentOptions;
  /** Pieces of `options.start.have` that are not known to be synced. */
  readonly unsynced?: readonly number[];
  readonly now: () => UnixMs;
  /** Pieces in order from the beginning. */
  readonly sequential: boolean;
  /** Stops sharing once this much was given for each byte of the torrent. */
  readonly ratioMax: number | undefined;
}

/** How far ahead of the first missing piece an ordered download asks everyone at once. */
const sequentialWindowBytes = 4 << 20;

/** One torrent between the engine, which decides, and the sockets, the disk and the database, which do. */
export class CarriedTorrent {
  readonly key: TorrentKey;
  readonly store: StoreId;
  readonly engine: Torrent;
  storage: Storage | undefined;
  readonly #carrier: Carrier;
  readonly #trackers: TrackerDesk;
  readonly #start: CarriedStart;
  #completedAt: UnixMs | null;
  #doneSaid = false;
  #stopping = false;
  #stoppedSaid = false;
  #ratioSaid = false;
  #draining = false;

  constructor(carrier: Carrier, trackers: TrackerDesk, start: CarriedStart) {
    this.#carrier = carrier;
    this.#trackers = trackers;
    this.key = start.key;
    this.store = start.store;
    const { filtered } = carrier;
    this.engine = new Torrent({
      ...start.options,
      dht: carrier.dht?.advertised ?? false,
      filtered,
      prefersEncryption: carrier.encryption.mode === "require",
    });
    this.#completedAt = start.record.completedAt;
    this.#start = start;
    if (start.options.start !== undefined)
      this.#openStorage(start.options.start.info, start.options.start.have, start.unsynced ?? []);
    for (const { piece, blocks } of start.options.start?.partial ?? []) this.storage?.resume(piece, blocks);
  }

  get info(): Info | undefined {
    return this.engine.ready?.info;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  deadline(): Ms | undefined {
    return earliest(this.engine.deadline(), this.storage?.deadline());
  }

  input(now: Ms, input: TorrentInput): void {
    this.engine.handle(now, input);
    this.drain(now);
    if (this.#stopping && input.type === "tracker") this.#checkStopped();
    if (input.type === "pause" || input.type === "resume") this.#carrier.dht?.look(now, this);
  }

  wake(now: Ms): void {
    const due = this.engine.deadline();
    if (due !== undefined && due <= now) this.input(now, { type: "wake" });
    this.#checkRatio(now);
    const storageDue = this.storage?.deadline();
    if (storageDue !== undefined && storageDue <= now) this.storage?.wake(now);
  }

  /** The metadata of a magnet link is here and its files have been looked at. */
  metadataReady(now: Ms, ready: ReadyStart & { readonly unsynced?: readonly number[] }): void {
    this.#openStorage(ready.info, ready.have, ready.unsynced ?? []);
    for (const { piece, blocks } of ready.partial) this.storage?.resume(piece, blocks);
    this.engine.setReady(now, ready);
    this.#carrier.dht?.look(now, this); // it may be private
    this.#orderPieces(now);
    this.drain(now);
    this.#checkDone();
  }

  start(now: Ms): void {
    const addresses = this.#start.record.peers.flatMap((text) => parseAddress(text) ?? []);
    this.input(now, { type: "add-peers", addresses, source: "resume" });
    this.input(now, { type: "start" });
    this.#orderPieces(now);
    this.#checkDone();
  }

  stop(now: Ms): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.input(now, { type: "stop" });
    this.#carrier.dht?.look(now, this);
    this.storage?.finish(now);
    this.#checkStopped();
  }

  // ---- what links bring

  heard(now: Ms, link: Link, message: PeerMessage): void {
    this.engine.handle(now, { type: "message", link: link.socket, message });
    if (message.type !== "request") this.drain(now);
  }

  place(link: Link, span: BlockSpan): Landing | "skip" | "full" {
    if (this.storage === undefined || !this.engine.expects(link.socket, span)) return "skip";
    const landing = this.storage.place(span);
    return landing === "taken" ? "skip" : landing;
  }

  landed(now: Ms, link: Link, landing: Landing): void {
    if (landing.run.piece.dropped) {
      this.storage?.assembly.arrived(landing);
      return this.skipped(now, link, landing.span);
    }
    this.storage?.arrived(now, landing);
    this.engine.handle(now, { type: "block", link: link.socket, span: landing.span }); // `chunkDone` drains
  }

  /** A block went by that nobody needed, or that came too late. */
  skipped(now: Ms, link: Link, span: BlockSpan): void {
    this.input(now, { type: "block-lost", link: link.socket, span });
  }

  /** The chunk is done: what its blocks and requests led to is carried out together. */
  chunkDone(now: Ms, link: Link): void {
    this.engine.pump(now, link.socket);
    this.drain(now);
  }

  readFailed(
    link: Link,
    blocks: readonly BlockSpan[],
    failure: Extract<DiskResult, { type: "failed" }>,
  ): void {
    const now = this.#carrier.time;
    for (const span of blocks) this.input(now, { type: "serve-failed", link: link.socket, span });
    const pieces = new Set(blocks.map((span) => span.piece));
    if (failure.fault === "missing" || failure.fault === "io")
      for (const piece of pieces) this.#recheck(piece);
  }

  /** Carries out what the engine has decided. */
  drain(now: Ms): void {
    if (this.#draining) return; // what is decided on the way is carried out by the loop below
    this.#draining = true;
    for (let output = this.engine.poll(); output !== undefined; output = this.engine.poll()) {
      switch (output.type) {
        case "send":
          this.#carrier.send(output.link, output.message);
          break;
        case "serve":
          this.#carrier.serve(output.link, output.span);
          break;
        case "verify":
          this.storage?.verify(now, output.piece, output.blocks);
          break;
        case "good":
          this.storage?.good(now, output.piece);
          this.report({ type: "piece" });
          break;
        case "bad":
          this.storage?.bad(now, output.piece);
          break;
        case "connect":
          this.#carrier.connect(this, output.address);
          break;
        case "close":
          this.#carrier.closeLink(output.link);
          break;
        case "complete":
          this.#completedAt ??= this.#start.now();
          this.storage?.sync();
          break;
        case "super-seed-suggested":
          this.report({ type: "super-seed-suggested" });
          break;
        case "metadata":
          this.report({ type: "metadata", infoBytes: output.infoBytes });
          break;
        case "dht-node":
          this.#carrier.dht?.portHeard(now, output.address);
          break;
        case "banned":
          this.report({ type: "banned", address: formatAddress(output.address), reason: output.reason });
          break;
        case "tracker":
          if (output.output.type === "status") this.report({ type: "tracker", status: output.output });
          else this.#trackers.ask(now, this, output.output);
          break;
      }
    }
    this.#draining = false;
  }

  report(report: TorrentReport): void {
    this.#carrier.report(this.key.infoHash, report);
  }

  #openStorage(info: Info, have: Bitfield, unsynced: readonly number[]): void {
    this.storage = new Storage({
      desk: this.#carrier.desk,
      pool: this.#carrier.pool,
      exposure: this.#carrier.exposure,
      store: this.store,
      key: this.key,
      info,
      have,
      unsynced,
      time: () => this.#carrier.time,
      onEvent: (event) => this.#stored(event),
      totals: () => ({
        uploaded: this.engine.uploaded,
        downloaded: this.engine.downloaded,
        completedAt: this.#completedAt,
        peers: this.engine.book.best(100).map(formatAddress),
      }),
    });
  }

  #stored(event: StorageEvent): void {
    const now = this.#carrier.time;
    switch (event.type) {
      case "verified":
        return this.input(now, event);
      case "fault": {
        const { fault, path, detail } = event.failure;
        this.report({ type: "disk-fault", fault, path, detail });
        return this.input(now, { type: "disk", ready: false });
      }
      case "back":
        this.report({ type: "disk-back" });
        return this.input(now, { type: "disk", ready: true });
      case "gone":
        return this.#gone(event.piece);
      case "state-fault":
        return this.report(event);
      case "saved":
        this.#checkDone();
        return this.#checkStopped();
    }
  }

  #checkDone(): void {
    if (this.#doneSaid || !this.engine.complete || this.storage === undefined || !this.storage.saved) return;
    this.#doneSaid = true;
    this.report({ type: "done" });
  }

  #checkRatio(now: Ms): void {
    const { ratioMax } = this.#start;
    const info = this.info;
    if (ratioMax === undefined || info === undefined || !this.engine.complete || this.#ratioSaid) return;
    if (this.engine.uploaded < ratioMax * info.totalBytes) return;
    this.#ratioSaid = true;
    this.input(now, { type: "pause" });
    this.report({ type: "ratio-reached" });
  }

  #orderPieces(now: Ms): void {
    if (this.#start.sequential)
      this.input(now, { type: "sequential", from: 0, window: sequentialWindowBytes });
  }

  /** Nothing is left to wait for: trackers have answered, everything is saved. */
  #checkStopped(): void {
    if (!this.#stopping || this.#stoppedSaid || !this.engine.settled || this.storage?.saved === false) return;
    this.#stoppedSaid = true;
    this.report({ type: "stopped" });
  }

  #gone(piece: number): void {
    this.storage?.gone(piece);
    this.report({ type: "piece-gone", piece });
    this.#doneSaid = false;
    this.input(this.#carrier.time, { type: "gone", piece });
  }

  /** A piece could not be read: is it still there? */
  #recheck(piece: number): void {
    const { desk } = this.#carrier;
    desk.disk({ type: "check", store: this.store, first: piece, count: 1 }, (result) => {
      if (result.type === "checked" && result.states[0] !== pieceState.good) this.#gone(piece);
    });
  }
}
