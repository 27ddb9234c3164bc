import { randomBytes, randomInt } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type InfoHash,
  type Ms,
  must,
  type PeerId,
  Prng,
  parseAddress,
  peerId,
  type UnixMs,
  unixMs,
} from "@dure/base";
import {
  Carrier,
  type DiskResult,
  type HostEvent,
  type Report,
  Setup,
  type SetupOutcome,
  type StateResult,
  type StoreId,
  type TorrentRecord,
} from "@dure/carrier";
import { type LimitSettings, nodeLimitsDefault } from "@dure/engine";
import { encodeTorrent, type Info, parseInfo, parseTorrent } from "@dure/protocol";
import { type AddOptions, type DureNode, NodeError, type NodeOptions, type TorrentHandle } from "../api.ts";
import { DiskWorkers } from "../disk/index.ts";
import { HostWatch, NodeNet } from "../net/index.ts";
import { StateWorker } from "../state/index.ts";
import { bytesCopier, Loop, monotonic, poolMemory } from "./loop.ts";
import { filesOfRanges, selectedFiles } from "./select.ts";
import { readSource, type Source, torrentUrlBytesMax } from "./source.ts";
import { LiveTorrent } from "./torrent-handle.ts";

const poolDefault = 64 << 20;
const filesOpenDefault = 128;
const socketsBeyondPeers = 64;
const sourceTimeout = 30_000;
const closeWait = 1500;
const clientVersion = "0.1.0";

type HttpAnswer = Extract<HostEvent, { type: "http-reply" | "http-failed" }>;

/** Opens a peer: its port, its profile, its workers. Rejects with a `NodeError` ("listen", "profile"). */
export async function openNode(options: NodeOptions): Promise<DureNode> {
  const node = new Node(options);
  await node.open();
  return node;
}

class Node implements DureNode {
  readonly #options: NodeOptions;
  readonly #memory: SharedArrayBuffer;
  readonly #carrier: Carrier;
  readonly #prng: Prng;
  readonly #peerId: PeerId;
  readonly #torrents = new Map<InfoHash, LiveTorrent>(); // bounded by what the user adds
  readonly #fetches = new Map<number, (answer: HttpAnswer) => void>(); // bounded likewise
  #net: NodeNet | undefined;
  #disk: DiskWorkers | undefined;
  #state: StateWorker | undefined;
  #watch: HostWatch | undefined;
  #loop: Loop | undefined;
  #stores: StoreId = 0;
  #fetchCount = 0;
  #closing: Promise<void> | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#memory = poolMemory(options.poolBytes ?? poolDefault);
    this.#prng = new Prng(randomInt(2 ** 47));
    this.#peerId = must(
      peerId(Buffer.concat([Buffer.from("-DU0100-"), randomBytes(12)])),
      "20 bytes are a peer id",
    );
    this.#carrier = new Carrier({
      peerId: this.#peerId,
      memory: new Uint8Array(this.#memory),
      copy: bytesCopier(),
      limits: limitsOf(options),
      allowLocalUrls: options.allowLocalUrls ?? false,
      prng: this.#prng.split("carrier"),
    });
  }

  get port(): number {
    return this.#opened(this.#net).port;
  }

  async open(): Promise<void> {
    const { profile, port, listen, interface: only } = this.#options;
    makeProfile(profile);
    const net = await NodeNet.open({
      ...(port === undefined ? {} : { port }),
      ...(listen === undefined ? {} : { listen }),
      ...(only === undefined ? {} : { interface: only }),
      socketsMax: this.#carrier.limits.settings.connectionsMax + socketsBeyondPeers,
      userAgent: `Dure/${clientVersion}`,
      onEvent: (event) => this.#event(event),
    });
    const onResults = (results: readonly DiskResult[]) => this.#loop?.diskResults(results);
    const filesOpenMax = this.#options.filesOpenMax ?? filesOpenDefault;
    const disk = new DiskWorkers({ pool: this.#memory, workers: 2, filesOpenMax, onResults });
    const onState = (results: readonly StateResult[]) => this.#stateResults(results);
    const state = new StateWorker({ file: join(profile, "dure.db"), onResults: onState });
    this.#net = net;
    this.#disk = disk;
    this.#state = state;
    this.#loop = new Loop({
      carrier: this.#carrier,
      net,
      disk,
      state,
      onReport: (report) => this.#report(report),
    });
    this.#watch = new HostWatch({ onEvent: (event) => this.#watched(event) });
    this.#watch.start();
  }

  async add(options: AddOptions): Promise<TorrentHandle> {
    const source = await readSource(options.source, (url) => this.#fetch(url));
    const dir = resolve(options.dir);
    if (this.#torrents.has(source.infoHash))
      throw new NodeError("owned", `${source.name} is already here`, source.infoHash);
    const live = new LiveTorrent(this.#handleHost(), {
      infoHash: source.infoHash,
      name: source.name,
      options,
      dir,
    });
    this.#torrents.set(source.infoHash, live);
    try {
      const record = await this.#claim(source, dir);
      await this.#start(live, source, record);
    } catch (error) {
      this.#torrents.delete(source.infoHash);
      throw error;
    }
    return live;
  }

  torrents(): readonly TorrentHandle[] {
    return [...this.#torrents.values()];
  }

  close(withinMs = closeWait): Promise<void> {
    this.#closing ??= this.#close(withinMs);
    return this.#closing;
  }

  async #close(withinMs: number): Promise<void> {
    const stopped = Promise.all([...this.#torrents.values()].map((torrent) => torrent.stop()));
    await Promise.race([stopped, new Promise((done) => setTimeout(done, withinMs).unref())]);
    this.#watch?.stop();
    this.#loop?.end();
    await this.#net?.close();
    await this.#disk?.close();
    await this.#state?.close();
  }

  // ---- starting a torrent

  async #claim(source: Source, dir: string): Promise<TorrentRecord> {
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

  async #start(live: LiveTorrent, source: Source, record: TorrentRecord): Promise<void> {
    const torrent = source.torrent ?? record.torrent ?? undefined;
    const parsed = torrent === undefined ? undefined : parseTorrent(torrent);
    this.#stores += 1;
    const store = this.#stores;
    const info = parsed?.ok === true ? parsed.value.info : undefined;
    const trackers =
      parsed?.ok === true ? mergeTiers(source.trackers, parsed.value.trackers) : source.trackers;
    const ready = info === undefined ? undefined : await this.#look(live, info, record, store, source);
    if (torrent !== undefined) this.#saveTorrent(live, torrent);
    const { options } = live;
    const settings = limitsOf(options, this.#carrier.limits.settings);
    const loop = this.#opened(this.#loop);
    live.carried = loop.turn((now) =>
      this.#carrier.add(now, {
        key: { infoHash: live.infoHash, dir: live.dir },
        store,
        record,
        ...(ready === undefined ? {} : { unsynced: ready.unsynced }),
        now: calendar,
        sequential: options.sequential ?? false,
        ratioMax: options.ratioMax,
        options: {
          infoHash: live.infoHash,
          peerId: this.#peerId,
          port: this.port,
          key: randomInt(2 ** 32),
          client: `Dure ${clientVersion}`,
          trackers,
          start: ready,
          uploaded: record.uploaded,
          downloaded: record.downloaded,
          node: this.#carrier.limits,
          limits: settings,
          prng: this.#prng.split(live.infoHash),
        },
      }),
    );
    live.setPhase(ready === undefined ? "metadata" : "live");
    if (ready === undefined) this.#metadataSources.set(live.infoHash, { source, record, store });
    await this.#addPeers(live, source);
  }

  readonly #metadataSources = new Map<
    InfoHash,
    { readonly source: Source; readonly record: TorrentRecord; readonly store: StoreId }
  >();

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
    const loop = this.#opened(this.#loop);
    const outcome = await new Promise<SetupOutcome>((onOutcome) => {
      loop.turn(() => {
        new Setup({
          desk: this.#carrier.desk,
          store,
          root: live.dir,
          info,
          record,
          overwrite: options.overwrite ?? false,
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

  async #metadataCame(live: LiveTorrent, infoBytes: Uint8Array): Promise<void> {
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
      this.#saveTorrent(live, live.torrent);
      live.setPhase("live");
      live.metadataKnown();
      this.#opened(this.#loop).turn((now) => carried.metadataReady(now, ready));
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      live.fail(error);
    }
  }

  #saveTorrent(live: LiveTorrent, torrent: Uint8Array): void {
    live.torrent = torrent;
    const key = { infoHash: live.infoHash, dir: live.dir };
    const name = live.status().name;
    void this.#stateJob((desk, answer) =>
      desk.state({ type: "save-torrent", key, name, torrent }, answer),
    ).then((result) => {
      if (result.type === "failed") live.hear({ type: "state-fault", detail: result.detail });
    });
  }

  async #addPeers(live: LiveTorrent, source: Source): Promise<void> {
    const named = (live.options.peers ?? []).map((text) => ({ text, address: parseAddress(text) }));
    const addresses = [...source.peers, ...named.flatMap(({ address }) => address ?? [])];
    const hosts = [
      ...source.peerHosts,
      ...named.flatMap(({ text, address }) => (address === undefined ? hostPort(text) : [])),
    ];
    for (const { host, port } of hosts)
      for (const ip of await resolveHost(host)) addresses.push({ ip, port });
    if (addresses.length === 0) return;
    this.#opened(this.#loop).turn((now) =>
      live.carried?.input(now, { type: "add-peers", addresses, source: "user" }),
    );
  }

  // ---- what happens

  #event(event: HostEvent): void {
    const fetch =
      event.type === "http-reply" || event.type === "http-failed"
        ? this.#fetches.get(event.request)
        : undefined;
    if (fetch === undefined) return this.#loop?.event(event);
    this.#fetches.delete((event as HttpAnswer).request); // only these two types find a fetch
    fetch(event as HttpAnswer);
  }

  // Also torrents that are not with the carrier yet are concerned: damage is mostly met by the first claim.
  #stateResults(results: readonly StateResult[]): void {
    for (const result of results) {
      if (result.type !== "damaged") continue;
      for (const live of this.#torrents.values()) {
        live.hear({ type: "state-damaged", detail: result.detail });
        if (live.carried?.storage === undefined || live.torrent === undefined) continue;
        this.#saveTorrent(live, live.torrent); // a database made anew knows nothing of it
        live.carried.storage.save();
      }
    }
    this.#loop?.stateResults(results.filter(({ type }) => type !== "damaged"));
  }

  #watched(event: HostEvent): void {
    this.#loop?.event(event);
    if (event.type === "address-changed") void this.#net?.rebind().catch(() => undefined); // gone: nothing leaves, and the next change tries again
  }

  #report({ infoHash, report }: Report): void {
    const live = this.#torrents.get(infoHash);
    if (live === undefined) return;
    live.hear(report);
    if (report.type === "metadata") void this.#metadataCame(live, report.infoBytes);
  }

  /** A .torrent that the user named by its URL, over whichever family the server has. */
  async #fetch(url: string): Promise<Uint8Array> {
    const first = await this.#fetchOver(url, 4);
    const reply =
      first.type === "http-failed" && lacksFamily(first.reason) ? await this.#fetchOver(url, 6) : first;
    const unreachable = (detail: string) =>
      new NodeError("source-unreachable", `${url} cannot be fetched: ${detail}`, detail);
    if (reply.type === "http-failed") throw unreachable(reply.reason);
    if (reply.status !== 200) throw unreachable(`HTTP ${reply.status}`);
    return reply.body;
  }

  #fetchOver(url: string, family: 4 | 6): Promise<HttpAnswer> {
    return new Promise((resolve) => {
      this.#fetchCount += 1;
      const request = -this.#fetchCount; // the carrier's own are positive
      this.#fetches.set(request, resolve);
      const trust = this.#options.allowLocalUrls === true ? "any" : "named-source";
      const limits = { bytesMax: torrentUrlBytesMax, timeout: sourceTimeout };
      this.#opened(this.#net).perform({ type: "http-get", request, url, family, trust, ...limits });
    });
  }

  #stateJob(
    submit: (desk: Carrier["desk"], answer: (result: StateResult) => void) => void,
  ): Promise<StateResult> {
    const loop = this.#opened(this.#loop);
    return new Promise((resolve) => loop.turn(() => submit(this.#carrier.desk, resolve)));
  }

  #handleHost() {
    return {
      now: monotonic,
      turn: <T>(act: (now: Ms) => T) => this.#opened(this.#loop).turn(act),
      stopped: (live: LiveTorrent) => {
        this.#torrents.delete(live.infoHash);
        const key = { infoHash: live.infoHash, dir: live.dir };
        this.#loop?.turn(() => {
          this.#carrier.remove(live.infoHash);
          this.#carrier.desk.state({ type: "release", key }, () => undefined);
        });
      },
    };
  }

  #opened<T>(part: T | undefined): T {
    if (part === undefined) throw new NodeError("stopped", "the node is not open");
    return part;
  }
}

function lacksFamily(reason: string): boolean {
  return reason === "no-address" || reason === "name-not-found";
}

function limitsOf(options: NodeOptions | AddOptions, outer?: LimitSettings): LimitSettings {
  return {
    downRateMax: options.downRateMax,
    upRateMax: options.upRateMax,
    connectionsMax: options.connectionsMax ?? outer?.connectionsMax ?? nodeLimitsDefault.connectionsMax,
    uploadSlots: options.uploadSlots,
  };
}

function makeProfile(profile: string): void {
  try {
    mkdirSync(profile, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new NodeError("profile", `the profile folder ${profile} cannot be made`, profile, { cause });
  }
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

function hostPort(text: string): { host: string; port: number }[] {
  const match = /^([^:\s]+):(\d{1,5})$/.exec(text);
  return match === null ? [] : [{ host: match[1] ?? "", port: Number(match[2]) }];
}

async function resolveHost(host: string): Promise<string[]> {
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(host, { all: true }).catch(() => []); // a peer that cannot be found is one peer fewer
  return found.map(({ address }) => address);
}
