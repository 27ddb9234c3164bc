import { createHash } from "node:crypto";
import { Bitfield, concat, infoHash, type Ms, ms, must, Prng, peerId, unixMs } from "@dure/base";
import { nodeLimitsDefault } from "@dure/engine";
import {
  type BlockSpan,
  buildInfo,
  decodeHandshake,
  decodeMessage,
  encodeHandshake,
  encodeMessage,
  type Handshake,
  type Info,
  type PeerMessage,
  parseInfo,
} from "@dure/protocol";
import { Carrier } from "../carrier.ts";
import type { DhtDeskOptions } from "../dht-options.ts";
import type { EncryptionMode } from "../encryption.ts";
import { slabBytes } from "../pool.ts";
import type { DhtTable, HostEffect, StateJob, TorrentKey, TorrentRecord } from "../ports/index.ts";
import type { DhtReport, Report, TorrentReport } from "../reports.ts";
import { FakeDisk } from "./fake-disk.ts";

export interface StageShape {
  readonly pieces: number;
  readonly blocks: number;
  readonly slabs?: number;
  readonly have?: "all" | "none";
  readonly trackers?: readonly string[];
  readonly dht?: DhtDeskOptions;
  /** What the database gives back of the DHT. */
  readonly dhtTables?: readonly DhtTable[];
  /** State jobs are held from the beginning. */
  readonly holdState?: boolean;
  readonly private?: boolean;
  readonly lsd?: boolean;
  readonly filtered?: (ip: string) => boolean;
  readonly encryption?: EncryptionMode;
}

/** Content that no two blocks share. */
export function contentOf(bytes: number): Uint8Array {
  const content = new Uint8Array(bytes);
  const view = new DataView(content.buffer);
  for (let at = 0; at + 4 <= bytes; at += 4) view.setUint32(at, Math.imul(at + 1, 2_654_435_761));
  return content;
}

export function sampleOf(
  pieces: number,
  pieceBytes: number,
  isPrivate = false,
): { info: Info; content: Uint8Array } {
  const content = contentOf(pieces * pieceBytes);
  const digests = new Uint8Array(pieces * 20);
  for (let piece = 0; piece < pieces; piece += 1) {
    const bytes = content.subarray(piece * pieceBytes, (piece + 1) * pieceBytes);
    digests.set(createHash("sha1").update(bytes).digest(), piece * 20);
  }
  const file = { type: "file", bytes: content.length } as const;
  const parsed = parseInfo(
    buildInfo({
      name: "sample",
      content: file,
      pieceBytes,
      pieces: digests,
      private: isPrivate,
      source: null,
    }),
  );
  if (!parsed.ok) throw new Error(parsed.reason);
  return { info: parsed.value, content };
}

export function recordOf(key: TorrentKey): TorrentRecord {
  const nothing = { torrent: null, have: null, unsynced: [], partial: [], peers: [] };
  const zeros = { uploaded: 0, downloaded: 0, addedAt: unixMs(0), completedAt: null };
  return { ...key, name: "sample", ...nothing, ...zeros };
}

/** A carrier with one torrent; its host is the test: sockets are puppets, the disk and the database are in memory. */
export class CarrierStage {
  now: Ms = ms(0);
  readonly carrier: Carrier;
  readonly disk: FakeDisk;
  readonly info: Info;
  readonly content: Uint8Array;
  readonly key: TorrentKey;
  readonly peers = new Map<number, WirePeer>();
  readonly reports: TorrentReport[] = [];
  readonly effects: (HostEffect | Report | DhtReport)[] = [];
  readonly dhtReports: DhtReport["report"][] = [];
  readonly #dhtTables: readonly DhtTable[];
  readonly stateJobs: StateJob[] = [];
  /** True keeps a state job unanswered until `answerState`. */
  holdState: ((job: StateJob) => boolean) | undefined;
  failState = false;
  readonly #stateHeld: StateJob[] = [];
  #sockets = 1;
  /** Called after each effect was carried out. */
  watch: (() => void) | undefined;

  constructor(shape: StageShape) {
    const { info, content } = sampleOf(shape.pieces, shape.blocks * 16_384, shape.private);
    this.info = info;
    this.content = content;
    this.#dhtTables = shape.dhtTables ?? [];
    if (shape.holdState === true) this.holdState = () => true;
    const memory = new Uint8Array((shape.slabs ?? 16) * slabBytes);
    const { totalBytes, pieceBytes, pieces: digests, pieceCount } = info;
    this.disk = new FakeDisk({ totalBytes, pieceBytes, pool: memory, digests });
    this.key = { infoHash: must(infoHash(info.infoHash), "a hash"), dir: "/download" };
    const ownId = must(peerId(new Uint8Array(20).fill(1)), "an id");
    const prng = new Prng(1);
    const limits = nodeLimitsDefault;
    const lsd = shape.lsd ?? true;
    this.carrier = new Carrier({
      peerId: ownId,
      memory,
      limits,
      allowLocalUrls: false,
      prng,
      lsd,
      ...(shape.filtered === undefined ? {} : { filtered: shape.filtered }),
      ...(shape.dht === undefined ? {} : { dht: shape.dht }),
      ...(shape.encryption === undefined
        ? {}
        : { encryption: { mode: shape.encryption, random: (count) => prng.bytes(count) } }),
    });
    this.carrier.dht?.start({ endpoints: [{ family: 4 }], port: 6881 });
    const have = shape.have === "all" ? Bitfield.full(pieceCount) : new Bitfield(pieceCount);
    if (shape.have === "all") this.disk.bytes.set(content);
    this.carrier.add(this.now, {
      key: this.key,
      store: 1,
      record: recordOf(this.key),
      now: () => unixMs(1),
      sequential: false,
      ratioMax: undefined,
      options: {
        infoHash: this.key.infoHash,
        peerId: ownId,
        port: 6881,
        key: 1,
        client: "Dure test",
        trackers: shape.trackers === undefined ? [] : [shape.trackers],
        start: { info, have, partial: [], files: undefined },
        uploaded: 0,
        downloaded: 0,
        node: this.carrier.limits,
        limits,
        prng,
      },
    });
    this.drain();
  }

  get torrent() {
    return must(this.carrier.torrents.get(this.key.infoHash), "the torrent is here");
  }

  /** An incoming connection that has said its handshake. */
  join(options: { fast?: boolean; dht?: boolean; id?: number } = {}): WirePeer {
    const peer = this.dial();
    const id = must(peerId(new Uint8Array(20).fill(options.id ?? peer.socket + 1)), "an id");
    peer.raw(
      encodeHandshake({
        infoHash: this.key.infoHash,
        peerId: id,
        fast: options.fast ?? true,
        extended: false,
        dht: options.dht ?? false,
      }),
    );
    return peer;
  }

  /** An incoming connection that has said nothing. */
  dial(make: (socket: number) => WirePeer = (socket) => new WirePeer(this, socket)): WirePeer {
    this.#sockets += 2;
    const peer = make(this.#sockets);
    this.peers.set(peer.socket, peer);
    this.tell({
      type: "tcp-incoming",
      socket: peer.socket,
      remote: { ip: `192.0.2.${this.peers.size}`, port: 5000 },
    });
    return peer;
  }

  /** A seed that has unchoked us. */
  seed(options: { fast?: boolean; id?: number } = {}): WirePeer {
    return this.join(options).say({ type: "have-all" }, { type: "unchoke" });
  }

  tell(event: Parameters<Carrier["handle"]>[1]): void {
    this.carrier.handle(this.now, event);
    this.drain();
  }

  answerDisk(count?: number): void {
    this.tell({ type: "disk", results: this.disk.release(count) });
  }

  answerState(): void {
    const jobs = this.#stateHeld.splice(0);
    if (jobs.length > 0) this.tell({ type: "state", results: jobs.map((job) => this.#stateResult(job)) });
  }

  later(duration: number, each?: () => void): void {
    const until = this.now + duration;
    for (;;) {
      const due = this.carrier.deadline();
      if (due === undefined || due > until) break;
      this.now = ms(Math.max(this.now, due));
      this.tell({ type: "wake" });
      each?.();
    }
    this.now = ms(until);
  }

  drain(): void {
    for (let effect = this.carrier.poll(); effect !== undefined; effect = this.carrier.poll()) {
      this.effects.push(effect);
      this.#carryOut(effect);
      this.watch?.();
    }
  }

  #carryOut(effect: HostEffect | Report | DhtReport): void {
    switch (effect.type) {
      case "report":
        this.reports.push(effect.report);
        return;
      case "dht-report":
        this.dhtReports.push(effect.report);
        return;
      case "disk": {
        const results = this.disk.submit(effect.jobs);
        if (results.length > 0) this.carrier.handle(this.now, { type: "disk", results });
        return;
      }
      case "state": {
        this.stateJobs.push(...effect.jobs);
        const ready = effect.jobs.filter((job) => this.holdState?.(job) !== true);
        this.#stateHeld.push(...effect.jobs.filter((job) => !ready.includes(job)));
        const results = ready.map((job) => this.#stateResult(job));
        if (results.length > 0) this.carrier.handle(this.now, { type: "state", results });
        return;
      }
      case "tcp-write": {
        const peer = this.peers.get(effect.socket);
        if (peer === undefined || peer.closed)
          throw new Error(`bytes for the closed socket ${effect.socket}`);
        peer.heard(effect.bytes);
        return;
      }
      case "tcp-read": {
        const peer = this.peers.get(effect.socket);
        if (peer === undefined || peer.closed)
          throw new Error(`a word on the closed socket ${effect.socket}`);
        peer.flowing = effect.flowing;
        return;
      }
      case "tcp-close": {
        const peer = this.peers.get(effect.socket);
        if (peer !== undefined) peer.closed = true;
        return;
      }
      default:
        return;
    }
  }

  #stateResult(job: StateJob) {
    if (this.failState) return { type: "failed", job: job.job, detail: "as told" } as const;
    if (job.type === "load-dht")
      return { type: "dht", job: job.job, tables: this.#dhtTables, damaged: false } as const;
    return { type: "done", job: job.job } as const;
  }
}

/** The other end of a connection, byte by byte. */
export class WirePeer {
  readonly socket: number;
  readonly #stage: CarrierStage;
  closed = false;
  flowing = true;
  /** What the carrier has written and this peer has not acknowledged, when `reads` is off. */
  reads = true;
  unread = 0;
  readonly requests: BlockSpan[] = [];
  readonly messages: PeerMessage[] = [];
  readonly blocks: { span: BlockSpan; bytes: Uint8Array }[] = [];
  /** Bytes that wait because the carrier does not read. */
  #waiting: Uint8Array[] = [];
  #inbox: Uint8Array = new Uint8Array(0);
  /** What the carrier said first. */
  greeting: Handshake | undefined;

  constructor(stage: CarrierStage, socket: number) {
    this.#stage = stage;
    this.socket = socket;
  }

  say(...messages: readonly PeerMessage[]): this {
    return this.raw(concat(messages.map(encodeMessage)));
  }

  raw(bytes: Uint8Array): this {
    if (this.closed) return this;
    this.#waiting.push(bytes);
    this.deliver();
    return this;
  }

  /** What was held back goes on while the carrier reads. */
  deliver(): void {
    while (this.flowing && !this.closed) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) return;
      const buffer = chunk.slice(); // the host's read buffer, good only during the call
      this.#stage.tell({ type: "tcp-data", socket: this.socket, bytes: buffer });
      buffer.fill(0xdd);
    }
  }

  blockOf(span: BlockSpan, spoil = false): Uint8Array {
    const head = new Uint8Array(13);
    const view = new DataView(head.buffer);
    view.setUint32(0, 9 + span.length);
    head[4] = 7;
    view.setUint32(5, span.piece);
    view.setUint32(9, span.begin);
    const from = span.piece * this.#stage.info.pieceBytes + span.begin;
    const bytes = this.#stage.content.slice(from, from + span.length);
    if (spoil) bytes[0] = (bytes[0] ?? 0) ^ 1;
    return concat([head, bytes]);
  }

  /** Sends the oldest `count` blocks that were asked for; returns how many there were. */
  send(count = 1): number {
    const spans = this.requests.splice(0, count);
    for (const span of spans) this.raw(this.blockOf(span));
    return spans.length;
  }

  leave(): void {
    this.closed = true;
    this.#stage.tell({ type: "tcp-closed", socket: this.socket, reason: "reset" });
  }

  heard(bytes: Uint8Array): void {
    this.#inbox = concat([this.#inbox, bytes]);
    this.unread += 1;
    this.#read();
    if (this.reads) queueRead(this.#stage, this);
  }

  #read(): void {
    for (;;) {
      if (this.greeting === undefined) {
        if (this.#inbox.length < 68) return;
        this.greeting = decodeHandshake(this.#inbox.subarray(0, 68));
        this.#inbox = this.#inbox.slice(68);
      }
      if (this.#inbox.length < 4) return;
      const length = new DataView(this.#inbox.buffer, this.#inbox.byteOffset).getUint32(0);
      if (this.#inbox.length < 4 + length) return;
      const body = this.#inbox.slice(4, 4 + length);
      this.#inbox = this.#inbox.slice(4 + length);
      if (body[0] === 7) this.#block(body);
      else this.#message(body);
    }
  }

  #block(body: Uint8Array): void {
    const view = new DataView(body.buffer, body.byteOffset);
    const bytes = body.slice(9);
    this.blocks.push({
      span: { piece: view.getUint32(1), begin: view.getUint32(5), length: bytes.length },
      bytes,
    });
  }

  #message(body: Uint8Array): void {
    const decoded = decodeMessage(body);
    if (!decoded.ok) throw new Error(`we said nonsense: ${decoded.reason}`);
    const message = decoded.value;
    this.messages.push(message);
    if (message.type === "request") {
      const { piece, begin, length } = message;
      this.requests.push({ piece, begin, length });
    }
    if (message.type === "cancel") {
      const index = this.requests.findIndex(
        ({ piece, begin }) => piece === message.piece && begin === message.begin,
      );
      if (index >= 0) this.requests.splice(index, 1);
    }
  }

  /** The host says that everything written so far has left. */
  acknowledge(): void {
    const count = this.unread;
    this.unread = 0;
    if (count > 0 && !this.closed) this.#stage.tell({ type: "tcp-written", socket: this.socket, count });
  }
}

/** The socket takes at once what it is given; the host says so after the turn. */
function queueRead(stage: CarrierStage, peer: WirePeer): void {
  const count = peer.unread;
  peer.unread = 0;
  stage.carrier.handle(stage.now, { type: "tcp-written", socket: peer.socket, count });
}
