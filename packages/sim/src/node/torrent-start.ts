import { assert, must, type Prng, type UnixMs } from "@dure/base";
import {
  type CarriedTorrent,
  Setup,
  type SetupOutcome,
  type TorrentKey,
  type TorrentRecord,
} from "@dure/carrier";
import { type LimitSettings, nodeLimitsDefault } from "@dure/engine";
import { type Info, parseInfo } from "@dure/protocol";
import type { Content } from "../content.ts";
import type { Clock } from "../time/index.ts";
import type { SimNode } from "./sim-node.ts";
import { listenPort, type SimProcess } from "./sim-process.ts";

export interface AddTorrent {
  readonly content: Content;
  readonly trackers: readonly (readonly string[])[];
  /** Only the info-hash is known at first (BEP 9). */
  readonly magnet?: boolean;
  /** The files are there and right. */
  readonly complete?: boolean;
  readonly files?: readonly number[];
  readonly sequential?: boolean;
  /** Peer exchange; default true. */
  readonly pex?: boolean;
  /** BEP 16. */
  readonly superSeed?: boolean;
  /** Peers that the user names. */
  readonly peers?: readonly SimNode[];
}

export interface TorrentStartOptions {
  readonly clock: Clock;
  readonly process: SimProcess;
  readonly added: AddTorrent;
  readonly limits: Partial<LimitSettings>;
  readonly prng: Prng;
  readonly calendar: () => UnixMs;
  readonly onRecord: (record: TorrentRecord) => void;
  readonly onTorrent: (torrent: CarriedTorrent) => void;
}

type Ready = Extract<SetupOutcome, { type: "ready" }>;

export const downloads = "/downloads";
const store = 1;
/** A user who reads of a fault starts the program again after this. */
const retryAfter = 5000;

/** From the command to a torrent that runs, in one process: claimed, looked for on the disk, joined. As host-node does it. */
export class TorrentStart {
  readonly #options: TorrentStartOptions;
  #record: TorrentRecord | undefined;
  #torrent: CarriedTorrent | undefined;

  constructor(options: TorrentStartOptions) {
    this.#options = options;
    this.#claim();
  }

  get #key(): TorrentKey {
    return { infoHash: this.#options.added.content.info.infoHash, dir: downloads };
  }

  #claim(): void {
    const { process, added } = this.#options;
    const claim = { type: "claim", key: this.#key, name: added.content.info.name } as const;
    process.turn(() =>
      process.carrier.desk.state(claim, (result) => {
        if (result.type === "claimed") return this.#claimed(result.record);
        // The process before this one is gone: only a database that fails stands in the way.
        this.#later(retryAfter, () => this.#claim());
      }),
    );
  }

  #claimed(record: TorrentRecord): void {
    const { added, onRecord } = this.#options;
    this.#record = record;
    onRecord(record);
    if (added.magnet === true && record.torrent === null) return this.#join(undefined);
    this.#look(added.content.info, (ready) => this.#join(ready));
  }

  #look(info: Info, onReady: (ready: Ready) => void): void {
    const { process, added } = this.#options;
    const record = must(this.#record, "a torrent is claimed first");
    const onOutcome = (outcome: SetupOutcome): void => {
      assert(outcome.type !== "not-ours", "the folder is ours");
      if (outcome.type === "ready") onReady(outcome);
      else this.#later(retryAfter, () => this.#look(info, onReady));
    };
    process.turn(() => {
      new Setup({
        desk: process.carrier.desk,
        store,
        root: downloads,
        info,
        record,
        overwrite: false,
        assumeComplete: added.complete ?? false,
        files: added.files,
        onProgress: () => {},
        onOutcome,
      });
    });
  }

  /** The caller may be inside a turn: joining is one of its own. */
  #join(ready: Ready | undefined): void {
    this.#later(0, () => {
      const { process, added, onTorrent } = this.#options;
      const torrent = process.turn((now) => process.carrier.add(now, this.#start(ready)));
      this.#torrent = torrent;
      onTorrent(torrent);
      const addresses = (added.peers ?? []).map((peer) => ({ ip: peer.host.ip, port: listenPort }));
      if (addresses.length > 0)
        process.turn((now) => torrent.input(now, { type: "add-peers", addresses, source: "user" }));
    });
  }

  #start(ready: Ready | undefined): Parameters<SimProcess["carrier"]["add"]>[1] {
    const { process, added, limits, prng, calendar } = this.#options;
    const record = must(this.#record, "a torrent is claimed first");
    const { info } = added.content;
    const { uploaded, downloaded } = record;
    return {
      key: this.#key,
      store,
      record,
      now: calendar,
      sequential: added.sequential ?? false,
      ratioMax: undefined,
      options: {
        infoHash: info.infoHash,
        peerId: process.peerId,
        port: listenPort,
        key: prng.uint32(),
        client: "Dure in the simulator",
        trackers: added.trackers,
        start: ready === undefined ? undefined : readyStart(info, ready, added.files),
        uploaded,
        downloaded,
        node: process.carrier.limits,
        limits: { ...nodeLimitsDefault, ...limits },
        prng: prng.split("torrent"),
        pex: added.pex ?? true,
        superSeed: added.superSeed ?? false,
      },
    };
  }

  /** The info dictionary of a magnet link has come. */
  metadataCame(infoBytes: Uint8Array): void {
    const { process, added } = this.#options;
    const parsed = parseInfo(infoBytes);
    assert(parsed.ok && parsed.value.infoHash === this.#key.infoHash, "the metadata is the torrent's");
    const saved = {
      type: "save-torrent",
      key: this.#key,
      name: parsed.value.name,
      torrent: infoBytes,
    } as const;
    this.#later(0, () => {
      process.turn(() => process.carrier.desk.state(saved, () => undefined));
      this.#look(parsed.value, (outcome) => {
        const ready = readyStart(parsed.value, outcome, added.files);
        this.#later(0, () => process.turn((now) => this.#torrent?.metadataReady(now, ready)));
      });
    });
  }

  #later(wait: number, act: () => void): void {
    const { clock, process } = this.#options;
    clock.after(wait, () => {
      if (process.alive) act();
    });
  }
}

function readyStart(info: Info, { have, unsynced, partial }: Ready, files: readonly number[] | undefined) {
  return { info, have, unsynced, partial, files };
}
