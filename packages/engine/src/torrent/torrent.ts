import { assert, earliest, familyOf, type Machine, type Ms, ms, Queue } from "@dure/base";
import { formatOf, type PeerMessage, parseInfo } from "@dure/protocol";
import { Announcer, type AnnouncerOutput } from "../announcer/index.ts";
import { MetadataFetch } from "../metadata/index.ts";
import { PeerBook } from "../peers/index.ts";
import { Limits, limitRetry } from "../session/index.ts";
import { allowanceOf } from "./allowance.ts";
import { Choking } from "./choking.ts";
import { Content } from "./content.ts";
import type { Context } from "./context.ts";
import { Extensions } from "./extensions.ts";
import { Links } from "./links.ts";
import type { LinkId, TorrentInput, TorrentOutput } from "./messages.ts";
import type { ReadyStart, TorrentOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import { Revealing } from "./revealing.ts";
import { Suggesting } from "./suggesting.ts";
import { WireMessages } from "./wire-messages.ts";

const tickEvery = ms(1000);
/** BEP 48: how many seeds and leechers there are, for people; the announces say it too, but not of every tracker. */
const scrapeFirst = ms(5000);
const scrapeEvery = ms(1_800_000);
/** Fewer connections than this: ask the trackers and the DHT for more before the interval is over. */
const peersWanted = 10;

/**
 * One torrent and its swarm. It decides on {peer, piece, begin, length}; the bytes themselves never come here.
 *
 * Parts: `links` whom to connect to, `wire` what peers say, `extensions` BEP 10, `downloads` what we ask,
 * `uploads` what they ask, `choking` whom we serve, `announcer` the trackers.
 */
export class Torrent implements Machine<TorrentInput, TorrentOutput> {
  readonly options: TorrentOptions;
  readonly book: PeerBook;
  readonly limits: Limits;
  readonly #outbox = new Queue<TorrentOutput>(); // bounded: a few entries for each handled input and each peer
  readonly #peers = new Map<LinkId, Peer>(); // bounded by the limits of connections
  readonly #context: Context;
  readonly #announcer: Announcer;
  readonly #links: Links;
  readonly #wire: WireMessages;
  readonly #extensions: Extensions;
  readonly #choking: Choking;
  readonly #suggesting: Suggesting;
  #metadata: MetadataFetch | undefined;
  #ready: Content | undefined;
  /** Undefined unless we super-seed, or have. */
  #revealing: Revealing | undefined;
  #state: "stopped" | "running" | "paused" = "stopped";
  #diskReady = true;
  #complete = false;
  #nextTick: Ms | undefined;
  #limitedUntil: Ms | undefined;
  #scrapeAt: Ms | undefined;
  downloaded: number;
  uploaded: number;

  constructor(options: TorrentOptions) {
    this.options = options;
    this.downloaded = options.downloaded;
    this.uploaded = options.uploaded;
    this.limits = new Limits(options.limits);
    const { prng } = options;
    this.book = new PeerBook({
      prng: prng.split("peers"),
      ...(options.countLocal ? { countLocal: true } : {}),
      ...(options.filtered === undefined ? {} : { filtered: options.filtered }),
    });
    this.#context = this.#makeContext();
    this.#announcer = new Announcer({
      tiers: options.trackers,
      infoHash: options.infoHash,
      peerId: options.peerId,
      port: options.port,
      key: options.key,
      prng: prng.split("announcer"),
      private: options.start?.info.private ?? false,
      totals: { uploaded: options.uploaded, downloaded: options.downloaded, left: 1 },
    });
    this.#choking = new Choking(prng.split("choker"), this.limits, options.node);
    this.#links = new Links(this.#context, this.book, this.limits, options.node, options);
    this.#extensions = new Extensions(this.#context, this.#links, options);
    this.#wire = new WireMessages(this.#context, this.#extensions, options);
    this.#suggesting = new Suggesting(this.#context, options);
    if (options.start === undefined) this.#metadata = new MetadataFetch();
    else this.#setReady(options.start);
  }

  get ready(): Content | undefined {
    return this.#ready;
  }

  get peers(): ReadonlyMap<LinkId, Peer> {
    return this.#peers;
  }

  /** Others may be told that it is here: it takes part, and is not known to be private (BEP 27). */
  get discoverable(): boolean {
    return this.#state === "running" && this.#ready?.info.private !== true;
  }

  /** It downloads, and has fewer peers than it wants and nobody to try. */
  hungry(now: Ms): boolean {
    if (this.#state !== "running" || this.#complete || this.#peers.size >= peersWanted) return false;
    return this.book.next(now) === undefined;
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** After `stop`: the trackers have answered, or need not. */
  get settled(): boolean {
    return this.#announcer.settled;
  }

  /** Would this block be of use? Asked before its bytes are copied. */
  expects(link: LinkId, span: { piece: number; begin: number; length: number }): boolean {
    const peer = this.#peers.get(link);
    return peer !== undefined && this.#ready?.downloads.expects(peer, span) === true;
  }

  handle(now: Ms, input: TorrentInput): void {
    switch (input.type) {
      case "block":
        this.#block(now, input.link, input.span);
        break;
      case "message":
        this.#message(now, input.link, input.message);
        break;
      case "served": {
        const peer = this.#peers.get(input.link);
        this.uploaded += input.bytes;
        if (peer !== undefined) this.#ready?.uploads.served(now, peer, input.bytes);
        break;
      }
      case "serve-failed": {
        const peer = this.#peers.get(input.link);
        if (peer !== undefined) this.#ready?.uploads.failed(now, peer, input.span);
        break;
      }
      case "verified":
        this.#verified(now, input.piece, input.good, input.blocks);
        break;
      case "link-open":
        this.#linkOpen(now, input.link, input.facts);
        break;
      case "link-closed":
        this.#linkClosed(now, input.link);
        break;
      case "connect-failed":
        this.#links.failed(now, input.address, input.reason);
        break;
      case "wake":
        this.#wake(now);
        break;
      default:
        this.#control(now, input);
    }
    this.#drainAnnouncer(now);
  }

  poll(): TorrentOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    return earliest(this.#announcer.deadline(), earliest(this.#nextTick, this.#limitedUntil));
  }

  /** Requests that came in one chunk are served together: call when the chunk is done. */
  pump(now: Ms, link: LinkId): void {
    const peer = this.#peers.get(link);
    if (peer !== undefined && peer.uploads.size > 0) this.#ready?.uploads.pump(now, peer);
  }

  #control(now: Ms, input: TorrentInput): void {
    switch (input.type) {
      case "start":
      case "resume":
        return this.#start(now);
      case "stop":
        return this.#stop(now, "stopped");
      case "pause":
        return this.#stop(now, "paused");
      case "add-peers":
        if (this.#ready?.info.private === true && (input.source === "lsd" || input.source === "dht")) return;
        for (const address of input.addresses) this.book.add(now, address, input.source);
        if (this.#state === "running") this.#links.connectMore(now);
        return;
      case "block-lost": {
        const peer = this.#peers.get(input.link);
        if (peer !== undefined) this.#ready?.downloads.dropped(now, peer, input.span);
        return;
      }
      case "gone":
        return this.#gone(now, input.piece);
      case "disk":
        // What was asked for still comes, and is kept in memory; called back, it would only be sent twice.
        this.#diskReady = input.ready;
        if (input.ready) this.#ready?.downloads.tick(now);
        return;
      case "tracker":
        return this.#announcer.handle(now, input.input);
      case "network-changed":
        if (this.#state !== "running") return;
        this.#announcer.handle(now, { type: "reannounce" });
        return this.#links.networkChanged(now);
      case "filter-changed":
        return this.#links.refilter(now);
      case "external-port":
        return this.#announcer.handle(now, input);
      case "select":
        return this.#select(now, input.files);
      case "sequential":
        return this.#ready?.setSequential(
          input.from === undefined ? undefined : { from: input.from, window: input.window },
        );
      default:
        assert(false, `input ${input.type} is handled`);
    }
  }

  /** The metadata is known and what is on disk has been checked. */
  setReady(now: Ms, start: ReadyStart): void {
    assert(this.#ready === undefined, "a torrent becomes ready once");
    this.#metadata = undefined;
    if (start.info.private) {
      this.#announcer.becomePrivate();
      this.#extensions.becomePrivate(now);
      this.#links.becomePrivate(now);
    }
    this.#setReady(start);
    for (const peer of this.#peers.values()) this.#wire.replayEarly(now, peer);
    this.#setTotals();
    if (this.#state === "running") this.#verifyWhole();
    if (this.#complete) this.#becomeSeed(now);
  }

  #setReady(start: ReadyStart): void {
    const ready = new Content(this.#context, this.options.prng.split("picker"), start);
    this.#ready = ready;
    this.#wire.ready = ready;
    this.#extensions.ready = ready;
    this.#links.pieceCount = start.info.pieceCount;
    if (this.options.superSeed === true) this.#superSeed(ready);
    this.#complete = ready.complete;
    this.book.setSeeding(this.#complete);
    this.#setTotals();
  }

  /** From the beginning or not at all: whoever has met us knows what we have. */
  #superSeed(ready: Content): void {
    const revealing = Revealing.of(this.#context, ready, this.options.prng.split("super-seed"));
    if (revealing === undefined || this.#peers.size > 0) return;
    this.#revealing = revealing;
    ready.uploads.revealing = revealing;
    this.#wire.revealing = revealing;
    this.#extensions.revealing = revealing;
  }

  #start(now: Ms): void {
    if (this.#state === "running") return;
    this.#state = "running";
    this.#announcer.handle(now, { type: "start" });
    this.#nextTick = now;
    this.#scrapeAt = ms(now + scrapeFirst);
    this.#verifyWhole();
  }

  #verifyWhole(): void {
    for (const piece of this.#ready?.whole() ?? [])
      this.#outbox.push({ type: "verify", piece, blocks: false });
  }

  #stop(now: Ms, state: "stopped" | "paused"): void {
    if (this.#state === "stopped") return;
    this.#state = state;
    this.#setTotals();
    this.#ready?.downloads.cancelAll();
    this.#links.closeAll(now, "stopped");
    this.#choking.stop();
    this.#announcer.handle(now, { type: "stop" });
    this.#nextTick = undefined;
    this.#limitedUntil = undefined;
  }

  #block(now: Ms, link: LinkId, span: { piece: number; begin: number; length: number }): void {
    const peer = this.#peers.get(link);
    if (peer === undefined || this.#ready === undefined) return;
    peer.lastHeardAt = now;
    this.downloaded += span.length;
    this.#ready.downloads.received(now, peer, span);
  }

  #message(now: Ms, link: LinkId, message: PeerMessage): void {
    const peer = this.#peers.get(link);
    if (peer === undefined) return;
    peer.lastHeardAt = now;
    this.#wire.heard(now, peer, message);
    // A free slot is given at once: the first block should not wait for the next round.
    if (message.type === "interested" && this.#ready !== undefined && now >= peer.mayHurryAt) {
      peer.mayHurryAt = ms(now + tickEvery);
      this.#choke(now, this.#ready);
    }
    if (message.type === "extended" && this.#metadata !== undefined) this.#askMetadata(now);
  }

  #linkOpen(now: Ms, link: LinkId, facts: Peer["facts"]): void {
    if (this.#state !== "running") {
      if (!facts.incoming) this.#links.failed(now, facts.address, "other");
      return this.#outbox.push({ type: "close", link, reason: "stopped" });
    }
    const peer = this.#links.open(now, link, facts);
    if (peer === undefined) return;
    this.#peers.set(link, peer);
    this.#revealing?.joined(now, peer);
    this.#ready?.picker.peerJoined(peer.holdings);
    this.#wire.greet(now, peer);
    this.#nextTick ??= ms(now + tickEvery);
  }

  #linkClosed(now: Ms, link: LinkId): void {
    const peer = this.#peers.get(link);
    if (peer === undefined) return;
    this.#peers.delete(link);
    this.#revealing?.left(now, peer);
    this.#extensions.left(now, peer);
    this.#ready?.downloads.releaseAll(peer);
    this.#ready?.picker.peerLeft(peer.holdings);
    this.#metadata?.handle(now, { type: "peer-left", peer: link });
    this.#askMetadata(now);
    this.#links.closed(now, peer);
  }

  #verified(now: Ms, piece: number, good: boolean, blocks: Uint8Array | null): void {
    const ready = this.#ready;
    if (ready === undefined) return;
    const wanted = ready.picker.wants(piece);
    if (!ready.verified(piece, good, blocks)) return;
    this.#wire.gained(now, piece, wanted);
    if (!ready.complete || this.#complete) return;
    this.#complete = true;
    this.#setTotals();
    this.#outbox.push({ type: "complete" });
    if (ready.picker.have.all) this.#announcer.handle(now, { type: "completed" });
    this.#becomeSeed(now);
  }

  #becomeSeed(now: Ms): void {
    this.book.setSeeding(true);
    this.#extensions.tellUploadOnly(now);
    this.#links.dropSeeds(now);
  }

  #select(now: Ms, files: readonly number[] | undefined): void {
    if (this.#ready === undefined) return;
    this.#ready.select(files);
    this.#wishesChanged(now, this.#ready);
    this.#ready.downloads.tick(now);
    if (this.#complete) this.#outbox.push({ type: "complete" });
  }

  #gone(now: Ms, piece: number): void {
    if (this.#ready === undefined) return;
    this.#ready.picker.lose(piece);
    this.#revealing?.gone(now);
    this.#extensions.tellDontHave(now, piece);
    this.#wishesChanged(now, this.#ready);
  }

  #wishesChanged(now: Ms, ready: Content): void {
    this.#complete = ready.complete;
    this.book.setSeeding(this.#complete);
    for (const peer of this.#peers.values()) this.#wire.reconsider(now, peer);
  }

  #wake(now: Ms): void {
    if (this.#limitedUntil !== undefined && now >= this.#limitedUntil) {
      this.#limitedUntil = undefined;
      for (const peer of this.#context.prng.shuffle(Array.from(this.#peers.values()))) {
        peer.starved = false;
        this.#ready?.downloads.fill(now, peer);
        this.#ready?.uploads.pump(now, peer);
      }
    }
    this.#announcer.handle(now, { type: "wake" });
    if (this.#nextTick === undefined || now < this.#nextTick) return;
    this.#nextTick = this.#state === "running" ? ms(now + tickEvery) : undefined;
    this.#tick(now);
  }

  #tick(now: Ms): void {
    this.#setTotals();
    this.#links.tick(now, this.#complete);
    this.#extensions.tick(now);
    this.#wire.tick(now);
    this.#revealing?.tick(now);
    if (this.#scrapeAt !== undefined && now >= this.#scrapeAt) {
      this.#scrapeAt = ms(now + scrapeEvery);
      this.#announcer.handle(now, { type: "scrape" });
    }
    if (this.#metadata !== undefined) {
      this.#metadata.handle(now, { type: "wake" });
      this.#askMetadata(now);
    }
    if (this.#ready === undefined) return;
    this.#ready.downloads.tick(now);
    this.#choke(now, this.#ready);
    this.#suggesting.tick(now, this.#ready);
    if (this.hungry(now)) this.#announcer.handle(now, { type: "need-peers" });
  }

  #choke(now: Ms, ready: Content): void {
    this.#choking.tick(now, this.#context, ready, this.#complete);
  }

  #askMetadata(now: Ms): void {
    for (let output = this.#metadata?.poll(); output !== undefined; output = this.#metadata?.poll()) {
      if (output.type === "request") {
        const peer = this.#peers.get(output.peer);
        if (peer !== undefined) this.#extensions.requestMetadata(now, peer, output.piece);
      } else if (output.type === "blame")
        this.#context.ban(this.#links.nameOf(output.peer) ?? "", "bad-metadata");
      else if (output.type === "check") {
        const info = parseInfo(output.bytes.slice());
        // One that is v2 alone has no hashes of pieces in it: nothing it names could be checked.
        const usable = info.ok && formatOf(info.value) !== "v2";
        const good = usable && info.value.infoHash === this.options.infoHash;
        this.#metadata?.handle(now, { type: "checked", good });
      } else this.#outbox.push({ type: "metadata", infoBytes: output.infoBytes });
    }
  }

  #drainAnnouncer(now: Ms): void {
    for (let output = this.#announcer.poll(); output !== undefined; output = this.#announcer.poll()) {
      this.#announced(now, output);
    }
  }

  #announced(now: Ms, output: AnnouncerOutput): void {
    switch (output.type) {
      case "peers":
        for (const address of output.addresses) this.book.add(now, address, "tracker");
        if (this.#state === "running") this.#links.connectMore(now);
        return;
      case "external-ip":
        return this.book.setOwn({ ip: output.ip, port: this.#announcer.portOver(familyOf(output.ip)) });
      case "switch":
        return this.#links.closeAll(now, "private");
      default:
        this.#suggesting.heard(output);
        this.#outbox.push({ type: "tracker", output });
    }
  }

  #setTotals(): void {
    const left = this.#ready?.bytesLeft ?? 1; // more than zero, lest a magnet without metadata look like a seed
    const partialSeed = this.#complete && left > 0;
    this.#announcer.setTotals({ uploaded: this.uploaded, downloaded: this.downloaded, left, partialSeed });
  }

  #makeContext(): Context {
    const torrent = this;
    const short = (now: Ms) => {
      this.#limitedUntil ??= ms(now + limitRetry);
    };
    return {
      peers: this.#peers,
      prng: this.options.prng.split("torrent"),
      get downloading() {
        return torrent.#state === "running" && torrent.#diskReady;
      },
      get metadata() {
        return torrent.#metadata;
      },
      ...allowanceOf(this.options.node, this.limits, short),
      emit: (output) => this.#outbox.push(output),
      send: (now, peer, message) => {
        peer.lastSentAt = now;
        this.#outbox.push({ type: "send", link: peer.id, message });
      },
      close: (now, link, reason) => {
        this.#outbox.push({ type: "close", link, reason });
        this.#linkClosed(now, link);
      },
      nameOf: (link) => this.#links.nameOf(link),
      ban: (name, reason) => this.#links.ban(name, reason),
    };
  }
}
