import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import {
  type Address,
  type InfoHash,
  type PeerId,
  type Prng,
  parseAddress,
  type UnixMs,
  unixMs,
} from "@dure/base";
import {
  type Carrier,
  Setup,
  type SetupOutcome,
  type StateResult,
  type StoreId,
  type TorrentRecord,
} from "@dure/carrier";
import { type LimitSettings, nodeLimitsDefault } from "@dure/engine";
import { encodeTorrent, type Info, type PeerHost, parseInfo, parseTorrent } from "@dure/protocol";
import { type AddOptions, NodeError, type NodeOptions } from "../api.ts";
import { Resolver, systemLookup } from "../net/index.ts";
import type { Loop } from "./loop.ts";
import { filesOfRanges, selectedFiles } from "./select.ts";
import type { Source } from "./source.ts";
import { takeOver } from "./take-over.ts";
import type { LiveTorrent } from "./torrent-handle.ts";
import { clientVersion } from "./version.ts";

export interface LauncherParts {
  readonly carrier: Carrier;
  readonly peerId: PeerId;
  readonly prng: Prng;
  readonly pex: boolean;
  /** False once the node closes. */
  open(): boolean;
  /** Both throw while the node is not open. */
  loop(): Loop;
  port(): number;
}

/** What lies between a source that a user named and a torrent in its swarm: ownership, files, metadata, first peers. */
export class Launcher {
  readonly #parts: LauncherParts;
  /** For the names of peers. */
  readonly #resolver = new Resolver(systemLookup);
  #stores: StoreId = 0;
  /** Magnet links that wait for their metadata: bounded by the torrents. */
  readonly #metadataSources = new Map<
    InfoHash,
    { readonly source: Source; readonly record: TorrentRecord; readonly store: StoreId }
  >();

  constructor(parts: LauncherParts) {
    this.#parts = parts;
  }

  /** Takes ownership. Rejects with `NodeError` "owned" or "profile". */
  async claim(source: Pick<Source, "infoHash" | "name">, dir: string): Promise<TorrentRecord> {
    const key = { infoHash: source.infoHash, dir };
    const result = await this.#stateJob((desk, answer) =>
      desk.state({ type: "claim", key, name: source.name }, answer),
    );
    if (result.type === "claimed") return result.record;
    if (result.type === "owned") {
      throw new NodeError(
        "owned",
        `${source.name} is being handled in ${dir} by process ${result.pid}`,
        String(result.pid),
      );
    }
    throw new NodeError(
      "profile",
      `the profile cannot be used: ${result.type === "failed" ? result.detail : ""}`,
      dir,
    );
  }

  /** Looks at the files and joins the swarm; a magnet link joins first and looks when its metadata has come. */
  async start(live: LiveTorrent, source: Source, record: TorrentRecord): Promise<void> {
    const torrent = source.torrent ?? record.torrent ?? undefined;
    const parsed = torrent === undefined ? undefined : parseTorrent(torrent);
    this.#stores += 1;
    const store = this.#stores;
    const info = parsed?.ok === true ? parsed.value.info : undefined;
    const trackers =
      parsed?.ok === true ? mergeTiers(source.trackers, parsed.value.trackers) : source.trackers;
    const ready = info === undefined ? undefined : await this.#look(live, info, record, store, source);
    if (torrent !== undefined) this.saveTorrent(live, torrent);
    const { options } = live;
    const settings = limitsOf(options, this.#parts.carrier.limits.settings);
    const loop = this.#parts.loop();
    live.carried = loop.turn((now) =>
      this.#parts.carrier.add(now, {
        key: { infoHash: live.infoHash, dir: live.dir },
        store,
        record,
        ...(ready === undefined ? {} : { unsynced: ready.unsynced }),
        now: calendar,
        sequential: options.sequential ?? false,
        ratioMax: options.ratioMax,
        options: {
          infoHash: live.infoHash,
          peerId: this.#parts.peerId,
          port: this.#parts.port(),
          key: randomInt(2 ** 32),
          client: `Dure ${clientVersion}`,
          trackers,
          start: ready,
          uploaded: record.uploaded,
          downloaded: record.downloaded,
          node: this.#parts.carrier.limits,
          limits: settings,
          prng: this.#parts.prng.split(live.infoHash),
          pex: this.#parts.pex,
          superSeed: options.superSeed ?? false,
        },
      }),
    );
    live.setPhase(ready === undefined ? "metadata" : "live");
    if (ready === undefined) this.#metadataSources.set(live.infoHash, { source, record, store });
    this.#addPeers(live, source);
  }

  /** What of the torrent is on disk. */
  async #look(live: LiveTorrent, info: Info, record: TorrentRecord, store: StoreId, source: Source) {
    const { options } = live;
    const files = selectedFiles(info, options.select) ?? filesOfRanges(info, source.select);
    live.info = info;
    live.wantedFiles = files;
    live.setName(info.name);
    live.setPhase("checking");
    // Data of ours in a folder that is not there: an unmounted disk, rather than a wish to fetch all of it again.
    if (record.have?.some((byte) => byte !== 0) === true && !existsSync(live.dir)) {
      throw new NodeError(
        "disk",
        `${live.dir} is gone with the data in it: is its disk mounted? An empty folder there starts anew`,
        live.dir,
      );
    }
    const ours = record.have === null ? await this.#takeOver(live, info) : undefined;
    const loop = this.#parts.loop();
    const outcome = await new Promise<SetupOutcome>((onOutcome) => {
      loop.turn(() => {
        new Setup({
          desk: this.#parts.carrier.desk,
          store,
          root: live.dir,
          info,
          record,
          overwrite: options.overwrite ?? false,
          ...(ours === undefined ? {} : { ours }),
          assumeComplete: options.assumeComplete ?? false,
          files,
          onProgress: (piecesChecked) =>
            live.hear({ type: "checking", piecesChecked, pieceCount: info.pieceCount }),
          onOutcome,
        });
      });
    });
    if (outcome.type === "ready") {
      const { have, unsynced, partial } = outcome;
      return { info, have, unsynced, partial, files };
    }
    if (outcome.type === "not-ours") {
      const advice = "nothing in it belongs to this torrent: choose another folder, or --overwrite";
      throw new NodeError("not-ours", `${outcome.path} is there already and ${advice}`, outcome.path);
    }
    const { path, detail } = outcome.failure;
    throw new NodeError("disk", `${path} cannot be used: ${detail}`, path);
  }

  /** Files of the version that this one replaces, if any. Its record goes before the first of them is changed. */
  async #takeOver(live: LiveTorrent, info: Info): Promise<ReadonlySet<string> | undefined> {
    const { replaces } = live.options;
    const parsed = replaces === undefined ? undefined : parseTorrent(replaces);
    if (parsed === undefined) return undefined;
    if (!parsed.ok)
      throw new NodeError("bad-torrent", `the torrent to replace is none: ${parsed.reason}`, parsed.reason);
    const before = parsed.value.info;
    if (before.infoHash !== live.infoHash) {
      const { dir } = live;
      await this.claim({ infoHash: before.infoHash, name: before.name }, dir);
      const key = { infoHash: before.infoHash, dir };
      await this.#stateJob((desk, answer) => desk.state({ type: "remove", key }, answer));
    }
    return await takeOver(live.dir, before, info);
  }

  async metadataCame(live: LiveTorrent, infoBytes: Uint8Array): Promise<void> {
    const waiting = this.#metadataSources.get(live.infoHash);
    const parsed = parseInfo(infoBytes);
    const { carried } = live;
    if (waiting === undefined || !parsed.ok || carried === undefined) return;
    this.#metadataSources.delete(live.infoHash);
    const { source, record, store } = waiting;
    const nothing = { webSeeds: [], comment: null, createdBy: null, createdAt: null };
    live.torrent = encodeTorrent({ infoBytes, trackers: source.trackers, ...nothing });
    try {
      const ready = await this.#look(live, parsed.value, record, store, source);
      this.saveTorrent(live, live.torrent);
      live.setPhase("live");
      live.metadataKnown();
      this.#parts.loop().turn((now) => carried.metadataReady(now, ready));
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      live.fail(error);
    }
  }

  saveTorrent(live: LiveTorrent, torrent: Uint8Array): void {
    live.torrent = torrent;
    const key = { infoHash: live.infoHash, dir: live.dir };
    const name = live.status().name;
    void this.#stateJob((desk, answer) =>
      desk.state({ type: "save-torrent", key, name, torrent }, answer),
    ).then((result) => {
      if (result.type === "failed") live.hear({ type: "state-fault", detail: result.detail });
    });
  }

  /** Addresses at once; names when they are found, for which nobody waits. */
  #addPeers(live: LiveTorrent, source: Source): void {
    const named = (live.options.peers ?? []).map((text) => ({ text, address: parseAddress(text) }));
    const hosts = named.flatMap(({ text, address }) => (address === undefined ? hostPort(text) : []));
    const addresses = named.flatMap(({ address }) => address ?? []);
    this.#tellPeers(live, { addresses, source: "user" });
    this.#tellPeers(live, { addresses: source.peers, source: "magnet" });
    for (const host of hosts) void this.#findPeer(live, { ...host, source: "user" });
    for (const host of source.peerHosts) void this.#findPeer(live, { ...host, source: "magnet" });
  }

  async #findPeer(
    live: LiveTorrent,
    { host, port, source }: PeerHost & { readonly source: "user" | "magnet" },
  ): Promise<void> {
    const found = await Promise.all([this.#resolver.resolve(host, 4), this.#resolver.resolve(host, 6)]);
    const ips = found.flatMap((answer) => (answer.ok ? answer.value : [])); // one that is not found is one peer fewer
    if (this.#parts.open()) this.#tellPeers(live, { addresses: ips.map((ip) => ({ ip, port })), source });
  }

  #tellPeers(
    live: LiveTorrent,
    peers: { readonly addresses: readonly Address[]; readonly source: "user" | "magnet" },
  ): void {
    if (peers.addresses.length === 0) return;
    this.#parts.loop().turn((now) => live.carried?.input(now, { type: "add-peers", ...peers }));
  }

  /** What was claimed is given back: the torrent could not be started. */
  abandon(live: LiveTorrent): void {
    this.#metadataSources.delete(live.infoHash);
    const key = { infoHash: live.infoHash, dir: live.dir };
    this.#parts.loop().turn(() => this.#parts.carrier.desk.state({ type: "release", key }, () => undefined));
  }

  #stateJob(
    submit: (desk: Carrier["desk"], answer: (result: StateResult) => void) => void,
  ): Promise<StateResult> {
    const loop = this.#parts.loop();
    return new Promise((resolve) => loop.turn(() => submit(this.#parts.carrier.desk, resolve)));
  }
}

export function limitsOf(options: NodeOptions | AddOptions, outer?: LimitSettings): LimitSettings {
  return {
    downRateMax: options.downRateMax,
    upRateMax: options.upRateMax,
    connectionsMax: options.connectionsMax ?? outer?.connectionsMax ?? nodeLimitsDefault.connectionsMax,
    uploadSlots: options.uploadSlots,
  };
}

/** The user's trackers first, then the torrent's that are not among them. */
function mergeTiers(
  own: readonly (readonly string[])[],
  others: readonly (readonly string[])[],
): readonly (readonly string[])[] {
  const known = new Set(own.flat());
  return [
    ...own,
    ...others.map((tier) => tier.filter((url) => !known.has(url))).filter((tier) => tier.length > 0),
  ];
}

function calendar(): UnixMs {
  return unixMs(Date.now());
}

function hostPort(text: string): PeerHost[] {
  const match = /^([^:\s]+):(\d{1,5})$/.exec(text);
  return match === null ? [] : [{ host: match[1] ?? "", port: Number(match[2]) }];
}
