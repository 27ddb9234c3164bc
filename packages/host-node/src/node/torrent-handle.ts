import { dirname } from "node:path";
import { formatAddress, type InfoHash, type Ms } from "@dure/base";
import type { CarriedTorrent, TorrentReport } from "@dure/carrier";
import type { Info } from "@dure/protocol";
import {
  type AddOptions,
  NodeError,
  type PeerStatus,
  type TorrentEvent,
  type TorrentHandle,
  type TorrentState,
  type TorrentStatus,
  type TrackerStatus,
} from "../api.ts";
import { bytesDone, bytesHad, bytesWanted } from "./files-status.ts";
import { selectedFiles } from "./select.ts";
import { streamFile } from "./stream.ts";
import { TrackerBoard } from "./tracker-board.ts";

/** What a handle needs of its node. */
export interface HandleHost {
  turn<T>(act: (now: Ms) => T): T;
  now(): Ms;
  stopped(handle: LiveTorrent): void;
}

export interface HandleStart {
  readonly infoHash: InfoHash;
  readonly name: string;
  readonly options: AddOptions;
  readonly dir: string;
}

/** Bytes that must come next when a file is read while it downloads. */
const streamWindowBytes = 8 << 20;
const earlyMax = 16;

/** One torrent of a running node, as its user holds it. */
export class LiveTorrent implements TorrentHandle {
  readonly infoHash: InfoHash;
  readonly dir: string;
  readonly done: Promise<void>;
  /** Undefined while a magnet link waits, or while files are checked. */
  carried: CarriedTorrent | undefined;
  info: Info | undefined;
  torrent: Uint8Array | undefined;
  wantedFiles: readonly number[] | undefined;
  readonly #host: HandleHost;
  readonly #options: AddOptions;
  /** What nobody could hear yet, for the first who listens: a torrent is looked at before its handle is given out. */
  readonly #early: TorrentEvent[] = []; // at most `earlyMax`; what comes later is not kept
  readonly #listeners = new Set<(event: TorrentEvent) => void>(); // bounded by the program's own subscriptions
  readonly #trackers = new TrackerBoard();
  readonly #waiting: { resolve: () => void; reject: (error: NodeError) => void }[] = []; // one for each open stream
  readonly #startedAt: Ms;
  #name: string;
  #phase:
    | { readonly name: "metadata" }
    | { readonly name: "checking" }
    | { readonly name: "live" }
    | { readonly name: "stopped" };
  #piecesChecked = 0;
  #paused = false;
  #fault: { readonly fault: string; readonly message: string } | undefined;
  #resolveDone: () => void = () => undefined;
  #rejectDone: (error: NodeError) => void = () => undefined;
  #stopping: Promise<void> | undefined;
  #onStopped: () => void = () => undefined;

  constructor(host: HandleHost, start: HandleStart) {
    this.#host = host;
    this.infoHash = start.infoHash;
    this.dir = start.dir;
    this.#name = start.name;
    this.#options = start.options;
    this.#startedAt = host.now();
    this.#phase = { name: "checking" };
    this.done = new Promise((resolve, reject) => {
      this.#resolveDone = resolve;
      this.#rejectDone = reject;
    });
    this.done.catch(() => undefined); // whoever does not wait for it is not punished for its failure
  }

  get options(): AddOptions {
    return this.#options;
  }

  // ---- for the node

  setName(name: string): void {
    this.#name = name;
  }

  setPhase(phase: "metadata" | "checking" | "live"): void {
    this.#phase = { name: phase };
  }

  hear(report: TorrentReport): void {
    switch (report.type) {
      case "checking":
        this.#piecesChecked = report.piecesChecked;
        return;
      case "piece":
        return this.#pieceCame();
      case "done":
        this.#tell({ type: "done", seconds: (this.#host.now() - this.#startedAt) / 1000 });
        return this.#resolveDone();
      case "disk-fault":
        this.#fault = { fault: report.fault, message: `${report.path}: ${report.detail}` };
        return this.#tell({
          type: "warning",
          code: `disk-${report.fault}`,
          message: diskMessage(report.fault, report.path),
        });
      case "disk-back":
        this.#fault = undefined;
        return this.#tell({ type: "warning", code: "disk-back", message: "the disk is back; going on" });
      case "piece-gone":
        return this.#tell({
          type: "warning",
          code: "piece-gone",
          message: `piece ${report.piece} is gone from the disk; fetching it again`,
        });
      case "state-fault":
        return this.#tell({
          type: "warning",
          code: "state",
          message: `progress could not be saved: ${report.detail}`,
        });
      case "state-damaged":
        return this.#tell({ type: "warning", code: "state-damaged", message: report.detail });
      case "banned":
        return this.#tell({ type: "peer-banned", address: report.address, reason: report.reason });
      case "tracker": {
        const warning = this.#trackers.hear(report.status);
        if (warning !== undefined) this.#tell({ type: "warning", code: "tracker", message: warning });
        return;
      }
      case "super-seed-suggested":
        return this.warn(
          "super-seed",
          `nobody else has all of ${this.#name} yet: super-seeding spreads it sooner`,
        );
      case "ratio-reached":
        this.#paused = true;
        return this.#tell({ type: "ratio-reached" });
      case "stopped":
        return this.#onStopped();
      case "metadata":
      case "ready":
      case "owned":
      case "not-ours":
        return;
    }
  }

  metadataKnown(): void {
    this.#tell({ type: "metadata", status: this.status() });
  }

  warn(code: string, message: string): void {
    this.#tell({ type: "warning", code, message });
  }

  /** It cannot go on. */
  fail(error: NodeError): void {
    this.#tell({ type: "error", code: error.code, message: error.message });
    this.#rejectDone(error);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  // ---- for the user

  status(): TorrentStatus {
    const now = this.#host.now();
    const engine = this.carried?.engine;
    const peers = [...(engine?.peers.values() ?? [])];
    const info = this.info;
    const have = engine?.ready?.picker.have;
    const bytesTotal = info === undefined ? 0 : bytesWanted(info, this.wantedFiles);
    const done = info === undefined || have === undefined ? 0 : bytesDone(info, have, this.wantedFiles);
    const downRate = peers.reduce((sum, peer) => sum + peer.down.rate(now), 0);
    return {
      infoHash: this.infoHash,
      name: this.#name,
      dir: this.dir,
      state: this.#state(),
      pieceCount: info?.pieceCount ?? 0,
      piecesDone: have?.count ?? 0,
      piecesChecked: this.#piecesChecked,
      bytesTotal,
      bytesDone: done,
      downRate,
      upRate: peers.reduce((sum, peer) => sum + peer.up.rate(now), 0),
      downloaded: engine?.downloaded ?? 0,
      uploaded: engine?.uploaded ?? 0,
      peersCount: peers.length,
      seedsCount: peers.filter((peer) => peer.seed).length,
      eta: downRate > 0 && done < bytesTotal ? ((bytesTotal - done) / downRate) * 1000 : undefined,
      distributedCopies: engine?.ready?.picker.distributedCopies() ?? 0,
    };
  }

  peers(): readonly PeerStatus[] {
    const now = this.#host.now();
    const pieceCount = this.info?.pieceCount ?? 0;
    return [...(this.carried?.engine.peers.values() ?? [])].map((peer) => ({
      address: formatAddress(peer.facts.address),
      client: peer.client,
      downloaded: peer.downloaded,
      uploaded: peer.uploaded,
      downRate: peer.down.rate(now),
      upRate: peer.up.rate(now),
      progress: pieceCount === 0 ? 0 : peer.holdings.count / pieceCount,
      choking: peer.choking,
      choked: peer.amChoking,
    }));
  }

  trackers(): readonly TrackerStatus[] {
    return this.#trackers.list();
  }

  files(): ReturnType<TorrentHandle["files"]> {
    const { info } = this;
    const have = this.carried?.engine.ready?.picker.have;
    if (info === undefined) return [];
    const wanted = this.wantedFiles === undefined ? undefined : new Set(this.wantedFiles);
    return info.files.flatMap((file, index) => {
      if (file.pad) return [];
      const done = have === undefined ? 0 : bytesHad(info, have, file.offset, file.bytes);
      return [
        {
          path: file.path.join("/"),
          bytes: file.bytes,
          bytesDone: done,
          selected: wanted?.has(index) ?? true,
        },
      ];
    });
  }

  torrentBytes(): Uint8Array | undefined {
    return this.torrent;
  }

  on(listener: (event: TorrentEvent) => void): () => void {
    this.#listeners.add(listener);
    const early = this.#early.splice(0);
    queueMicrotask(() => {
      for (const event of early) listener(event);
    });
    return () => this.#listeners.delete(listener);
  }

  select(select: readonly string[] | readonly number[]): void {
    const { info, carried } = this;
    if (info === undefined || carried === undefined) return;
    const files = selectedFiles(info, select);
    this.wantedFiles = files;
    this.#host.turn((now) => carried.input(now, { type: "select", files }));
  }

  setLimits(limits: Parameters<TorrentHandle["setLimits"]>[0]): void {
    const engine = this.carried?.engine;
    if (engine === undefined) return;
    const before = engine.limits.settings;
    this.#host.turn((now) => {
      engine.limits.set(now, {
        downRateMax: limits.downRateMax ?? before.downRateMax,
        upRateMax: limits.upRateMax ?? before.upRateMax,
        connectionsMax: limits.connectionsMax ?? before.connectionsMax,
        uploadSlots: limits.uploadSlots ?? before.uploadSlots,
      });
    });
  }

  pause(): void {
    this.#paused = true;
    this.#host.turn((now) => this.carried?.input(now, { type: "pause" }));
  }

  resume(): void {
    this.#paused = false;
    this.#host.turn((now) => this.carried?.input(now, { type: "resume" }));
  }

  stream(
    file: string | number,
    range?: { readonly start: number; readonly end: number },
  ): ReadableStream<Uint8Array> {
    const { info } = this;
    const index =
      info === undefined
        ? -1
        : typeof file === "number"
          ? file
          : info.files.findIndex(({ path }) => path.join("/") === file);
    const entry = info?.files[index];
    if (info === undefined || entry === undefined)
      throw new NodeError("no-such-file", `there is no file ${file} in ${this.#name}`, String(file));
    return streamFile({ dir: this.dir, info, ...this.#streamHost() }, entry, range);
  }

  stop(): Promise<void> {
    this.#stopping ??= new Promise((resolve) => {
      const carried = this.carried;
      this.#onStopped = () => {
        this.#phase = { name: "stopped" };
        const error = new NodeError("stopped", `${this.#name} was stopped`, this.#name);
        this.#rejectDone(error);
        for (const { reject } of this.#waiting.splice(0)) reject(error);
        this.#host.stopped(this);
        resolve();
      };
      if (carried === undefined) this.#onStopped();
      else this.#host.turn((now) => carried.stop(now));
    });
    return this.#stopping;
  }

  #streamHost() {
    return {
      have: (piece: number) => this.carried?.engine.ready?.picker.have.has(piece) ?? false,
      prefer: (from: number | undefined) => {
        this.#host.turn((now) =>
          this.carried?.input(now, { type: "sequential", from, window: streamWindowBytes }),
        );
      },
      nextPiece: () => new Promise<void>((resolve, reject) => void this.#waiting.push({ resolve, reject })),
    };
  }

  #pieceCame(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #state(): TorrentState {
    if (this.#phase.name === "checking") return { name: "checking", piecesChecked: this.#piecesChecked };
    if (this.#phase.name !== "live") return { ...this.#phase };
    if (this.#paused) return { name: "paused" };
    if (this.#fault !== undefined) return { name: "disk-fault", ...this.#fault };
    return { name: this.carried?.engine.complete === true ? "seeding" : "downloading" };
  }

  #tell(event: TorrentEvent): void {
    if (this.#listeners.size === 0 && this.#early.length < earlyMax) this.#early.push(event);
    for (const listener of [...this.#listeners]) listener(event);
  }
}

function diskMessage(fault: string, path: string): string {
  switch (fault) {
    case "full":
      return `the disk is full (${path}); paused until there is room`;
    case "read-only":
      return `the disk is read-only (${path}); paused until it can be written`;
    case "missing":
      return `${path} has vanished; paused until ${dirname(path)} is back`;
    case "denied":
      return `${path} may not be written; paused until it may`;
    default:
      return `the disk failed at ${path} (${fault}); paused, trying again`;
  }
}
