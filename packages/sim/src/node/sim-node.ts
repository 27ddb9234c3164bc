import { assert, must, type Prng } from "@dure/base";
import type { CarriedTorrent, EncryptionMode, Report, TorrentReport } from "@dure/carrier";
import { type LimitSettings, nodeLimitsDefault } from "@dure/engine";
import type { Content } from "../content.ts";
import { pathOf, Volume } from "../disk/index.ts";
import type { Host, Network } from "../net/index.ts";
import { SimProfile } from "../state/index.ts";
import { type SimDhtOptions, SimProcess, type Twist } from "./sim-process.ts";
import { type AddTorrent, downloads, TorrentStart } from "./torrent-start.ts";
import { Watch } from "./watch.ts";

export interface SimNodeOptions {
  readonly name: string;
  readonly network: Network;
  readonly host: Host;
  readonly prng: Prng;
  readonly poolBytes: number;
  readonly limits?: Partial<LimitSettings>;
  /** Undefined: no DHT. */
  readonly dht?: SimDhtOptions | undefined;
  /** Undefined: off. */
  readonly encryption?: EncryptionMode | undefined;
  /** Undefined: honest. */
  readonly twist: Twist | undefined;
  /** A twisted node may still be honest: a planted bug is no lie. */
  readonly honest: boolean;
  readonly isHonest: (ip: string) => boolean;
}

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
  /** When the process that runs reported the torrent done. */
  doneAt: number | undefined;
  addedAt = 0;
  /** Payload of processes that have ended. */
  #pastDownloaded = 0;
  #pastUploaded = 0;
  readonly #options: SimNodeOptions;
  #added: AddTorrent | undefined;
  #process: SimProcess | undefined;
  #pids = 0;
  #start: TorrentStart | undefined;
  /** What the record said when the process claimed the torrent. */
  #startedWith = { downloaded: 0, uploaded: 0 };

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
    const infoHash = this.#added?.content.info.infoHash;
    return infoHash === undefined ? undefined : this.#process?.carrier.torrents.get(infoHash);
  }

  get complete(): boolean {
    return this.torrent?.engine.complete === true && this.doneAt !== undefined;
  }

  /** Bytes of payload that came, over all processes. */
  get downloaded(): number {
    return this.#pastDownloaded + this.#sinceStart("downloaded");
  }

  get uploaded(): number {
    return this.#pastUploaded + this.#sinceStart("uploaded");
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
    const { network, prng, poolBytes, limits, twist, dht, encryption } = this.#options;
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
      dht,
      encryption,
      onReport: (report) => this.#report(report),
      onState: (jobs) => this.watch?.jobs(jobs),
    });
    this.#process = process;
    this.#begin(process);
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
    this.#process?.turn((now) => {
      this.torrent?.stop(now);
      this.#process?.carrier.dht?.stop(now);
    });
  }

  #end(how: "goodbye" | "silent"): void {
    const process = must(this.#process, "only a running process ends");
    this.#pastDownloaded += this.#sinceStart("downloaded");
    this.#pastUploaded += this.#sinceStart("uploaded");
    process.end(how);
    this.#process = undefined;
    this.doneAt = undefined;
  }

  #sinceStart(what: "downloaded" | "uploaded"): number {
    const { torrent } = this;
    return torrent === undefined ? 0 : torrent.engine[what] - this.#startedWith[what];
  }

  #begin(process: SimProcess): void {
    const { network, prng, limits } = this.#options;
    this.#start = new TorrentStart({
      clock: network.clock,
      process,
      added: must(this.#added, "a torrent was added"),
      limits: limits ?? {},
      prng,
      calendar: () => this.profile.calendar,
      onRecord: ({ downloaded, uploaded }) => {
        this.#startedWith = { downloaded, uploaded };
      },
      onTorrent: (torrent) => this.watch?.restarted(torrent),
    });
  }

  // ---- what is heard

  #verdict(piece: number, right: boolean): boolean {
    const good = this.#options.twist?.verdict?.(piece, right) ?? right;
    if (!good) this.watch?.bad(piece, this.torrent);
    return good;
  }

  #report({ report }: Report): void {
    this.watch?.report(report, this.torrent);
    if (report.type === "done") this.doneAt = this.#options.network.clock.now;
    if (report.type === "metadata") this.#start?.metadataCame(report.infoBytes);
    if (report.type !== "piece" && report.type !== "tracker") this.reports.push(report);
  }
}
