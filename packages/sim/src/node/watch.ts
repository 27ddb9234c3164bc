import { Bitfield, parseAddress } from "@dure/base";
import type { CarriedTorrent, Report, StateJob } from "@dure/carrier";
import type { Content } from "../content.ts";
import { type DiskFile, pathOf, type Volume } from "../disk/index.ts";

const blockBytes = 16_384;

/** Something happened that must never happen. */
export class Violation extends Error {
  override readonly name = "Violation";
}

export interface WatchOptions {
  readonly name: string;
  readonly volume: Volume;
  readonly root: string;
  readonly content: Content;
  /** Is there an honest peer at this address? */
  readonly isHonest: (ip: string) => boolean;
}

/**
 * Looks over the shoulder of one honest node. A piece that it claims lies rightly in its files; a piece that it saves as
 * had would survive a power cut; whom it bans has lied, and nobody lies to it in more than three pieces before that.
 */
export class Watch {
  readonly #options: WatchOptions;
  readonly #claimed: Bitfield;
  readonly #saved: Bitfield;
  /** Pieces that a peer spoiled, by its IP. */
  readonly spoiled = new Map<string, Set<number>>();
  readonly banned = new Map<string, string>();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#claimed = new Bitfield(options.content.info.pieceCount);
    this.#saved = new Bitfield(options.content.info.pieceCount);
  }

  report(report: Report["report"], torrent: CarriedTorrent | undefined): void {
    if (report.type === "piece" && torrent !== undefined) this.#claims(torrent);
    if (report.type === "piece-gone") this.#claimed.clear(report.piece);
    if (report.type === "banned") this.#bans(report.address, report.reason);
  }

  jobs(jobs: readonly StateJob[]): void {
    for (const job of jobs) if (job.type === "commit") this.#saves(job.have);
  }

  /** After a restart: what is had now was found on the disk. */
  restarted(torrent: CarriedTorrent): void {
    for (const piece of this.#claimed) this.#claimed.clear(piece);
    for (const piece of this.#saved) this.#saved.clear(piece);
    this.#claims(torrent);
  }

  /** A verdict of "bad": whose blocks were false? */
  bad(piece: number, torrent: CarriedTorrent | undefined): void {
    const partial = torrent?.engine.ready?.picker.partial(piece);
    if (partial === undefined || torrent === undefined) return;
    const stored = this.#read(piece, (file, from, to) => file.read(from, to));
    const right = this.#options.content.piece(piece);
    for (const [block, link] of partial.contributors.entries()) {
      const from = block * blockBytes;
      const to = Math.min(from + blockBytes, right.length);
      if (same(stored.subarray(from, to), right.subarray(from, to))) continue;
      const ip = torrent.engine.peers.get(link)?.facts.address.ip;
      if (ip === undefined || this.banned.has(ip)) continue;
      const pieces = this.spoiled.get(ip) ?? new Set();
      this.spoiled.set(ip, pieces.add(piece));
    }
  }

  #claims(torrent: CarriedTorrent): void {
    const { content, name } = this.#options;
    for (const piece of fresh(torrent.engine.ready?.picker.have.toBytes(), this.#claimed)) {
      const stored = this.#read(piece, (file, from, to) => file.read(from, to));
      if (!same(stored, content.piece(piece)))
        throw new Violation(`${name} claims piece ${piece}, which is not in its files`);
    }
  }

  #saves(have: Uint8Array): void {
    const { content, name } = this.#options;
    if (have.length !== Math.ceil(content.info.pieceCount / 8))
      throw new Violation(`${name} saves a bitfield of the wrong length`);
    for (const piece of fresh(have, this.#saved)) {
      const durable = this.#read(piece, (file, from, to) => file.durable(from, to));
      if (!same(durable, content.piece(piece)))
        throw new Violation(`${name} saves piece ${piece} as had, and a power cut would lose it`);
    }
    for (const piece of this.#saved)
      if (((have[piece >>> 3] ?? 0) & (0x80 >>> (piece & 7))) === 0) this.#saved.clear(piece);
  }

  #bans(address: string, reason: string): void {
    const ip = parseAddress(address)?.ip ?? address;
    if (this.#options.isHonest(ip))
      throw new Violation(`${this.#options.name} bans the honest peer ${address} (${reason})`);
    this.banned.set(ip, reason);
  }

  #read(piece: number, read: (file: DiskFile, from: number, to: number) => Uint8Array): Uint8Array {
    const { content, volume, root } = this.#options;
    const { info } = content;
    const bytes = new Uint8Array(content.piece(piece).length);
    const start = piece * info.pieceBytes;
    const spec = { root, files: info.files };
    for (const [index, { offset, bytes: length, pad }] of info.files.entries()) {
      const from = Math.max(start, offset);
      const to = Math.min(start + bytes.length, offset + length);
      if (pad || from >= to) continue;
      const file = volume.file(pathOf({ spec }, index));
      if (file !== undefined) bytes.set(read(file, from - offset, to - offset), from - start);
    }
    return bytes;
  }
}

/** Pieces that `have` holds and `known` does not; they are known from now on. */
function fresh(have: Uint8Array | undefined, known: Bitfield): number[] {
  if (have === undefined) return [];
  const before = known.toBytes();
  const pieces: number[] = [];
  for (const [index, byte] of have.entries()) {
    const gained = byte & ~(before[index] ?? 0);
    for (let bit = 0; bit < 8 && gained !== 0; bit += 1)
      if ((gained & (0x80 >>> bit)) !== 0 && known.set(index * 8 + bit)) pieces.push(index * 8 + bit);
  }
  return pieces;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
