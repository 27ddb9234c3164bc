import { createHash, randomBytes, randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type InfoHash, infoHash, ipScope, type Ms, must, Prng, peerId } from "@dure/base";
import { Carrier, type DiskResult, type HostEvent, type Report, type StateResult } from "@dure/carrier";
import type { PortMapping } from "@dure/engine";
import { type AddOptions, type DureNode, NodeError, type NodeOptions, type TorrentHandle } from "../api.ts";
import { deskOptions, NodeDht, placesOf } from "../dht/index.ts";
import type { DhtHandle } from "../dht-api.ts";
import { DiskWorkers } from "../disk/index.ts";
import { Filters } from "../filters/index.ts";
import { HostWatch, NodeNet } from "../net/index.ts";
import { StateWorker } from "../state/index.ts";
import { Launcher, limitsOf } from "./launch.ts";
import { bytesCopier, Loop, monotonic, poolMemory } from "./loop.ts";
import { PortMappings } from "./port-mappings.ts";
import { readSource, torrentUrlBytesMax } from "./source.ts";
import { LiveTorrent } from "./torrent-handle.ts";
import { clientVersion } from "./version.ts";

const poolDefault = 64 << 20;
const filesOpenDefault = 128;
const socketsBeyondPeers = 64;
const sourceTimeout = 30_000;
const closeWait = 1500;
const warningsMax = 16;

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
  readonly #launcher: Launcher;
  readonly #dht: NodeDht | undefined;
  readonly #filters: Filters;
  readonly #torrents = new Map<InfoHash, LiveTorrent>(); // bounded by what the user adds
  readonly #fetches = new Map<number, (answer: HttpAnswer) => void>(); // bounded likewise
  #net: NodeNet | undefined;
  #disk: DiskWorkers | undefined;
  #state: StateWorker | undefined;
  #watch: HostWatch | undefined;
  #ports: PortMappings | undefined;
  #loop: Loop | undefined;
  #fetchCount = 0;
  /** Damage that was met before any torrent was there to tell it to. */
  #damage: string | undefined;
  /** Warnings likewise. At most `warningsMax`: the latest. */
  #warnings: { readonly code: string; readonly message: string }[] = [];
  #closing: Promise<void> | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#memory = poolMemory(options.poolBytes ?? poolDefault);
    const prng = new Prng(randomInt(2 ** 47));
    this.#filters = new Filters({
      ipFilter: options.ipFilter,
      denyList: options.denyList,
      onChange: () => this.#filtersChanged(),
      onWarning: (code, message) => this.#warn(code, message),
    });
    const { blocks, denies } = this.#filters;
    const ownId = must(
      peerId(Buffer.concat([Buffer.from("-DU0100-"), randomBytes(12)])),
      "20 bytes are a peer id",
    );
    this.#carrier = new Carrier({
      peerId: ownId,
      memory: new Uint8Array(this.#memory),
      copy: bytesCopier(),
      limits: limitsOf(options),
      allowLocalUrls: options.allowLocalUrls ?? false,
      prng: prng.split("carrier"),
      lsd: options.lsd ?? true,
      encryption: { mode: options.encryption ?? "prefer", random: randomBytes },
      ...(options.ipFilter === undefined ? {} : { filtered: blocks }),
      ...(options.dht === undefined
        ? {}
        : { dht: deskOptions(options.dht, options.denyList === undefined ? undefined : denies) }),
    });
    const { dht: desk } = this.#carrier;
    const turn = <T>(act: (now: Ms) => T) => this.#opened(this.#loop).turn(act);
    this.#dht = desk === undefined ? undefined : new NodeDht({ desk, turn, denies });
    this.#launcher = new Launcher({
      carrier: this.#carrier,
      peerId: ownId,
      prng,
      pex: options.pex ?? true,
      open: () => this.#closing === undefined,
      loop: () => this.#opened(this.#loop),
      port: () => this.port,
    });
  }

  get port(): number {
    return this.#opened(this.#net).port;
  }

  get dht(): DhtHandle | undefined {
    return this.#dht;
  }

  async open(): Promise<void> {
    const { profile, port, listen, interface: only } = this.#options;
    makeProfile(profile);
    await this.#filters.open(); // before anything is open to the network
    const net = await NodeNet.open({
      ...(port === undefined ? {} : { port }),
      ...(listen === undefined ? {} : { listen }),
      ...(only === undefined ? {} : { interface: only }),
      socketsMax: this.#carrier.limits.settings.connectionsMax + socketsBeyondPeers,
      userAgent: `Dure/${clientVersion}`,
      onEvent: (event) => this.#event(event),
    }).catch((error: unknown) => {
      this.#filters.close();
      throw error;
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
      onDhtReport: (report) => this.#dht?.hear(report),
    });
    this.#loop.turn(() =>
      this.#carrier.dht?.start({ endpoints: placesOf(net.localAddresses), port: net.port }),
    );
    this.#watch = new HostWatch({ onEvent: (event) => this.#watched(event) });
    this.#watch.start();
    if (this.#options.portMapping === true) {
      this.#ports = new PortMappings(net, (mapping) => this.#portMapped(mapping));
    }
  }

  async add(options: AddOptions): Promise<TorrentHandle> {
    const source = await readSource(options.source, (url) => this.#fetch(url));
    const dir = resolve(options.dir);
    const denial = this.#denial(source.name, source.infoHash, source.metainfo?.info.infoHashV2);
    if (denial !== undefined) throw denial;
    if (this.#torrents.has(source.infoHash))
      throw new NodeError("owned", `${source.name} is already here`, source.infoHash);
    const live = new LiveTorrent(this.#handleHost(), {
      infoHash: source.infoHash,
      name: source.name,
      options,
      dir,
    });
    this.#torrents.set(source.infoHash, live);
    if (this.#damage !== undefined) live.hear({ type: "state-damaged", detail: this.#damage });
    this.#damage = undefined;
    for (const { code, message } of this.#warnings.splice(0)) live.warn(code, message);
    try {
      const record = await this.#launcher.claim(source, dir);
      await this.#launcher.start(live, source, record).catch((error: unknown) => {
        this.#launcher.abandon(live);
        throw error;
      });
    } catch (error) {
      this.#torrents.delete(source.infoHash);
      throw error;
    }
    const late = this.#endDenied(live);
    if (late !== undefined) throw late;
    for (const mapping of this.portMappings()) this.#tellPort(live, mapping);
    return live;
  }

  torrents(): readonly TorrentHandle[] {
    return [...this.#torrents.values()];
  }

  portMappings(): readonly PortMapping[] {
    return this.#ports?.list ?? [];
  }

  close(withinMs = closeWait): Promise<void> {
    this.#closing ??= this.#close(withinMs);
    return this.#closing;
  }

  async #close(withinMs: number): Promise<void> {
    const stopped = Promise.all([...this.#torrents.values()].map((torrent) => torrent.stop()));
    const unmapped = this.#ports?.close();
    await Promise.race([
      Promise.all([stopped, unmapped]),
      new Promise((done) => setTimeout(done, withinMs).unref()),
    ]);
    this.#watch?.stop();
    this.#filters.close();
    this.#dht?.close();
    this.#loop?.end();
    await this.#net?.close();
    await this.#disk?.close();
    await this.#state?.close();
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
      if (this.#torrents.size === 0) this.#damage = result.detail;
      for (const live of this.#torrents.values()) {
        live.hear({ type: "state-damaged", detail: result.detail });
        if (live.carried?.storage === undefined || live.torrent === undefined) continue;
        this.#launcher.saveTorrent(live, live.torrent); // a database made anew knows nothing of it
        live.carried.storage.save();
      }
    }
    this.#loop?.stateResults(results.filter(({ type }) => type !== "damaged"));
  }

  #watched(event: HostEvent): void {
    this.#loop?.event(event);
    if (event.type === "time-jumped") this.#ports?.slept();
    if (event.type !== "address-changed") return;
    const rebound = this.#net?.rebind().catch(() => undefined); // gone: nothing leaves, and the next change tries again
    void rebound?.then(() => this.#ports?.networkChanged());
  }

  #portMapped(mapping: PortMapping): void {
    for (const live of this.#torrents.values()) this.#tellPort(live, mapping);
    const { protocol, family, externalIp: ip, externalPort: port } = mapping;
    if (protocol !== "tcp") return; // what the DHT tells of us is where peers connect
    // Behind two gateways the nearer one tells an address that is not public: no id can be made of it.
    const seen = ip !== undefined && ipScope(ip) === "global" ? { ip } : {};
    this.#loop?.turn((now) => this.#carrier.dht?.externalAddress(now, { family, port, ...seen }));
  }

  /** Trackers are told the port that the outside reaches: peers come by TCP, as long as there is no other way in. */
  #tellPort(live: LiveTorrent, { protocol, family, externalPort: port }: PortMapping): void {
    if (protocol !== "tcp") return;
    this.#loop?.turn((now) => live.carried?.input(now, { type: "external-port", family, port }));
  }

  #report({ infoHash, report }: Report): void {
    const live = this.#torrents.get(infoHash);
    if (live === undefined) return;
    live.hear(report);
    if (report.type !== "metadata") return;
    // BEP 52: the v2 info-hash is that of the same bytes.
    const v2 = createHash("sha256").update(report.infoBytes).digest("hex");
    if (this.#endDenied(live, v2) === undefined) void this.#launcher.metadataCame(live, report.infoBytes);
  }

  // ---- the user's lists

  #filtersChanged(): void {
    if (this.#closing !== undefined) return;
    this.#loop?.turn((now) => this.#carrier.filterChanged(now));
    // One that is being added is looked at once more when it is there.
    for (const live of this.#torrents.values()) if (live.carried !== undefined) this.#endDenied(live);
  }

  /** A torrent that is denied by now, or turns out to be, ends. */
  #endDenied(live: LiveTorrent, v2 = live.info?.infoHashV2): NodeError | undefined {
    const denial = this.#denial(live.status().name, live.infoHash, v2);
    if (denial === undefined) return undefined;
    live.fail(denial);
    void live.stop();
    return denial;
  }

  /** A hybrid is denied by either of its hashes. */
  #denial(name: string, hash: InfoHash, v2: string | null | undefined): NodeError | undefined {
    const hashes = [hash, infoHash(v2?.slice(0, 40) ?? "") ?? hash];
    const denied = hashes.find(this.#filters.denies);
    return denied === undefined
      ? undefined
      : new NodeError("denied", `${name} is on the deny list (${denied})`, denied);
  }

  #warn(code: string, message: string): void {
    for (const live of this.#torrents.values()) live.warn(code, message);
    if (this.#torrents.size === 0)
      this.#warnings = [...this.#warnings, { code, message }].slice(-warningsMax);
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

function makeProfile(profile: string): void {
  try {
    mkdirSync(profile, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new NodeError("profile", `the profile folder ${profile} cannot be made`, profile, { cause });
  }
}
