import { assert, type InfoHash, must, type Prng } from "@dure/base";
import {
  type CarriedTorrent,
  type Report,
  Setup,
  type SetupOutcome,
  type TorrentRecord,
  type TorrentReport,
} from "@dure/carrier";
import { type LimitSettings, nodeLimitsDefault } from "@dure/engine";
import { type Info, parseInfo } from "@dure/protocol";
import type { Content } from "../content.ts";
import { pathOf, Volume } from "../disk/index.ts";
import type { Host, Network } from "../net/index.ts";
import { SimProfile } from "../state/index.ts";
import { listenPort, SimProcess, type Twist } from "./sim-process.ts";
import { Watch } from "./watch.ts";

export interface SimNodeOptions {
  readonly name: string;
  readonly network: Network;
  readonly host: Host;
  readonly prng: Prng;
  readonly poolBytes: number;
  readonly limits?: Partial<LimitSettings>;
  /** Undefined: honest. */
  readonly twist: Twist | undefined;
  /** A twisted node may still be honest: a planted bug is no lie. */
  readonly honest: boolean;
  readonly isHonest: (ip: string) => boolean;
}

export interface AddTorrent {
  readonly content: Content;
  readonly trackers: readonly (readonly string[])[];
  /** Only the info-hash is known at first (BEP 9). */
  readonly magnet?: boolean;
  /** The files are there and right. */
  readonly complete?: boolean;
  readonly files?: readonly number[];
  readonly sequential?: boolean;
  /** Peers that the user names. */
  readonly peers?: readonly SimNode[];
}

export const downloads = "/downloads";
const setupRetry = 5000;

/** A machine with the program on it: processes come and go, disk and database stay. */
export class SimNode {
  readonly name: string;
  readonly host: Host;
  readonly volume: Volume;
  readonly profile: SimProfile;
  readonly honest: boolean;
  /** What was reported, over all processes; only what is rare. */
  readonly reports: TorrentReport[] = []; // bounded by the scenario
  watch: Watch | undefined;
  /** When the torrent was last reported done. */
  doneAt: number | undefined;
  addedAt = 0;
  /** Payload of processes that have ended. */
  #pastDownloaded = 0;
  #pastUploaded = 0;
  readonly #options: SimNodeOptions;
  #added: AddTorrent | undefined;
  #process: SimProcess | undefined;
  #pids = 0;
  #store = 0;

  constructor(options: SimNodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.host = options.host;
    this.honest = options.honest;
    this.volume = new Volume(options.prng.split("volume"));
    this.volume.makeFolder(downloads);
    this.profile = new SimProfile(options.network.clock, options.prng.split("profile"));
  }

  get process(): SimProcess | undefined {
    return this.#process;
  }

  get torrent(): CarriedTorrent | undefined {
    return this.#added === undefined ? undefined : this.#process?.carrier.torrents.get(this.#infoHash);
  }

  get complete(): boolean {
    return this.torrent?.engine.complete === true && this.doneAt !== undefined;
  }

  /** Bytes of payload that came, over all processes. */
  get downloaded(): number {
    return this.#pastDownloaded + (this.torrent?.engine.downloaded ?? 0);
  }

  get uploaded(): number {
    return this.#pastUploaded + (this.torrent?.engine.uploaded ?? 0);
  }

  get piecesHad(): number {
    return this.torrent?.engine.ready?.picker.have.count ?? 0;
  }

  /** The bytes of the torrent are in the files already. */
  fill(content: Content): void {
    const spec = { root: downloads, files: content.info.files };
    for (const [index, file] of content.info.files.entries())
      if (!file.pad)
        this.volume.put(
          pathOf({ spec }, index),
          content.bytes.subarray(file.offset, file.offset + file.bytes),
        );
  }

  add(added: AddTorrent): void {
    assert(this.#added === undefined, "one torrent a node is enough for these scenarios");
    this.#added = added;
    this.addedAt = this.#options.network.clock.now;
    if (this.honest) {
      const { name } = this;
      const { isHonest } = this.#options;
      const { content } = added;
      this.watch = new Watch({ name, volume: this.volume, root: downloads, content, isHonest });
    }
    this.start();
  }

  /** Starts the program, which goes on with its torrent. */
  start(): void {
    assert(this.#process === undefined, "one process at a time");
    this.host.up = true;
    const { network, prng, poolBytes, limits, twist } = this.#options;
    this.#pids += 1;
    const process = new SimProcess({
      network,
      host: this.host,
      volume: this.volume,
      profile: this.profile,
      pid: this.#pids,
      prng: prng.split(`process ${this.#pids}`),
      poolBytes,
      limits: { ...nodeLimitsDefault, ...limits },
      twist: { ...twist, verdict: (piece, good) => this.#verdict(piece, good) },
      onReport: (report) => this.#report(process, report),
      onState: (jobs) => this.watch?.jobs(jobs),
    });
    this.#process = process;
    this.#store = 1;
    this.#claim(process);
  }

  /** As `kill -9`: the kernel closes its sockets; what was written stays in the page cache. */
  kill(): void {
    this.#end("goodbye");
  }

  /** The machine loses power: nothing is said, and what was not synced may be gone. */
  powerCut(): void {
    this.#end("silent");
    this.host.up = false;
    this.volume.powerCut();
    this.profile.powerCut();
  }

  /** The cable is pulled, the machine goes on. */
  unplug(): void {
    this.host.up = false;
  }

  plug(): void {
    this.host.up = true;
    this.#process?.event({ type: "address-changed" });
  }

  /** Ends in good order: trackers told, everything saved. */
  stop(): void {
    this.#process?.turn((now) => this.torrent?.stop(now));
  }

  #end(how: "goodbye" | "silent"): void {
    const process = must(this.#process, "only a running process ends");
    const started = this.#startedWith;
    this.#pastDownloaded += (this.torrent?.engine.downloaded ?? started.downloaded) - started.downloaded;
    this.#pastUploaded += (this.torrent?.engine.uploaded ?? started.uploaded) - started.uploaded;
    process.end(how);
    this.#process = undefined;
  }

  #startedWith = { downloaded: 0, uploaded: 0 };

  // ---- starting a torrent, as host-node does

  get #infoHash(): InfoHash {
    return must(this.#added, "a torrent was added").content.info.infoHash;
  }

  #claim(process: SimProcess): void {
    const added = this.#added;
    if (added === undefined) return;
    const key = { infoHash: this.#infoHash, dir: downloads };
    process.turn(() =>
      process.carrier.desk.state({ type: "claim", key, name: added.content.info.name }, (result) => {
        if (result.type === "claimed") return this.#begin(process, added, result.record);
        // The process before this one is gone: only a database that fails stands in the way.
        this.#later(process, () => this.#claim(process));
      }),
    );
  }

  #begin(process: SimProcess, added: AddTorrent, record: TorrentRecord): void {
    if (added.magnet === true && record.torrent === null)
      return this.#join(process, added, record, undefined);
    this.#look(process, added, record, (ready) => this.#join(process, added, record, ready));
  }

  #look(
    process: SimProcess,
    added: AddTorrent,
    record: TorrentRecord,
    onReady: (ready: Extract<SetupOutcome, { type: "ready" }>) => void,
  ): void {
    const onOutcome = (outcome: SetupOutcome): void => {
      assert(outcome.type !== "not-ours", "the folder is ours");
      // The user is told, and starts it again.
      if (outcome.type === "fault")
        return this.#later(process, () => this.#look(process, added, record, onReady));
      onReady(outcome);
    };
    process.turn(() => {
      new Setup({
        desk: process.carrier.desk,
        store: this.#store,
        root: downloads,
        info: added.content.info,
        record,
        overwrite: false,
        assumeComplete: added.complete ?? false,
        files: added.files,
        onProgress: () => {},
        onOutcome,
      });
    });
  }

  #join(
    process: SimProcess,
    added: AddTorrent,
    record: TorrentRecord,
    outcome: Extract<SetupOutcome, { type: "ready" }> | undefined,
  ): void {
    const { info } = added.content;
    const { prng, limits } = this.#options;
    this.#startedWith = { downloaded: record.downloaded, uploaded: record.uploaded };
    // The caller may be inside a turn: joining is one of its own.
    this.#later(
      process,
      () => {
        const start = outcome === undefined ? undefined : readyOf(info, outcome, added.files);
        const torrent = process.turn((now) =>
          process.carrier.add(now, {
            key: { infoHash: info.infoHash, dir: downloads },
            store: this.#store,
            record,
            now: () => this.profile.calendar,
            sequential: added.sequential ?? false,
            ratioMax: undefined,
            options: {
              infoHash: info.infoHash,
              peerId: process.peerId,
              port: listenPort,
              key: prng.uint32(),
              client: "Dure in the simulator",
              trackers: added.trackers,
              start,
              uploaded: record.uploaded,
              downloaded: record.downloaded,
              node: process.carrier.limits,
              limits: { ...nodeLimitsDefault, ...limits },
              prng: prng.split("torrent"),
            },
          }),
        );
        this.watch?.restarted(torrent);
        const addresses = (added.peers ?? []).map((peer) => ({ ip: peer.host.ip, port: listenPort }));
        if (addresses.length > 0)
          process.turn((now) => torrent.input(now, { type: "add-peers", addresses, source: "user" }));
      },
      0,
    );
  }

  #metadataCame(process: SimProcess, infoBytes: Uint8Array): void {
    const added = must(this.#added, "metadata comes to a torrent");
    const parsed = parseInfo(infoBytes);
    assert(parsed.ok && parsed.value.infoHash === this.#infoHash, "the metadata is the torrent's");
    const record = must(
      this.profile.record({ infoHash: this.#infoHash, dir: downloads }).now,
      "a claimed torrent has a record",
    );
    this.#later(
      process,
      () =>
        this.#look(process, added, record, (outcome) => {
          const ready = readyOf(parsed.value, outcome, added.files);
          this.#later(process, () => process.turn((now) => this.torrent?.metadataReady(now, ready)), 0);
        }),
      0,
    );
  }

  #later(process: SimProcess, act: () => void, wait = setupRetry): void {
    this.#options.network.clock.after(wait, () => {
      if (process.alive) act();
    });
  }

  // ---- what is heard

  #verdict(piece: number, right: boolean): boolean {
    const good = this.#options.twist?.verdict?.(piece, right) ?? right;
    if (!good) this.watch?.bad(piece, this.torrent);
    return good;
  }

  #report(process: SimProcess, { report }: Report): void {
    this.watch?.report(report, this.torrent);
    if (report.type === "done") this.doneAt = this.#options.network.clock.now;
    if (report.type === "metadata") this.#metadataCame(process, report.infoBytes);
    if (report.type !== "piece" && report.type !== "tracker") this.reports.push(report);
  }
}

function readyOf(
  info: Info,
  outcome: Extract<SetupOutcome, { type: "ready" }>,
  files: readonly number[] | undefined,
) {
  const { have, unsynced, partial } = outcome;
  return { info, have, unsynced, partial, files };
}
