import { type Address, Bitfield, type Ms, ms, Queue } from "@dure/base";
import type { BlockSpan } from "@dure/protocol";
import { RateMeter } from "../limits/index.ts";
import type { Block, Holdings, PickPeer } from "../picker/index.ts";
import type { LinkFacts, LinkId } from "./messages.ts";
import { Pipeline } from "./pipeline.ts";

/** Pieces of 512 MiB have 32,768 blocks: a block's number in the torrent stays below 2^53. */
const blocksPerPieceMax = 32_768;
export function blockKey({ piece, block }: Block): number {
  return piece * blocksPerPieceMax + block;
}
export function blockOf(key: number): Block {
  return { piece: Math.floor(key / blocksPerPieceMax), block: key % blocksPerPieceMax };
}

/** What a peer holds, also before we know how many pieces there are. */
export class PeerHoldings implements Holdings {
  #bits: Bitfield | undefined;
  #all = false;
  readonly #pieceCount: number;

  constructor(pieceCount: number) {
    this.#pieceCount = pieceCount;
  }

  get count(): number {
    return this.#all ? this.#pieceCount : (this.#bits?.count ?? 0);
  }

  get all(): boolean {
    return this.#all;
  }

  has(piece: number): boolean {
    return this.#all || (this.#bits?.has(piece) ?? false);
  }

  setAll(): void {
    this.#all = true;
    this.#bits = undefined;
  }

  /** False when the bytes are no bitfield of this torrent. */
  setBytes(bytes: Uint8Array): boolean {
    const bits = Bitfield.fromBytes(bytes, this.#pieceCount);
    if (bits === undefined) return false;
    this.#bits = bits;
    this.#settle();
    return true;
  }

  gain(piece: number): void {
    if (this.#all) return;
    this.#bits ??= new Bitfield(this.#pieceCount);
    this.#bits.set(piece);
    this.#settle();
  }

  lose(piece: number): void {
    if (this.#all) this.#bits = Bitfield.full(this.#pieceCount);
    this.#all = false;
    this.#bits?.clear(piece);
  }

  #settle(): void {
    if (this.#bits?.all === true) this.setAll();
  }
}

/** One connected peer as the torrent sees it. The four flags are BEP 3's. */
export class Peer implements PickPeer {
  readonly id: LinkId;
  readonly facts: LinkFacts;
  readonly connectedAt: Ms;
  holdings: PeerHoldings;
  amChoking = true;
  amInterested = false;
  /** Since when it has had nothing for us while it takes us to be interested. */
  boredSince: Ms | undefined;
  choking = true;
  interested = false;
  /** Pieces it has that we want: kept up as both change. */
  interesting = 0;
  client = "";
  /** Where it listens, when it connected to us and said so (BEP 10 `p`). */
  listens: Address | undefined;
  /** BEP 21: it will not download any more. */
  uploadOnly = false;
  /** It has said its port of the DHT; what it says after that is not heard. */
  saidDhtPort = false;
  /** BEP 11: `e` of its extension handshake. */
  prefersEncryption = false;
  /** Our number for each of its extensions, as its handshake says (BEP 10). */
  extensions: ReadonlyMap<string, number> = new Map();

  // ---- what we ask of it
  readonly pipeline = new Pipeline();
  /** Block keys and when they were asked for; at most `pipeline.target` and the end-game's few. */
  readonly outstanding = new Map<number, Ms>();
  /** Pieces it lets us fetch while it chokes us (BEP 6). */
  readonly allowedFast = new Set<number>(); // bounded where it is filled
  readonly down = new RateMeter();
  downloaded = 0;
  lastBlockAt: Ms;
  snubbed = false;
  /** Nothing more to pick for it until something changes. */
  starved = false;
  /** Requests it refused since its last block. */
  rejectsInRow = 0;
  /** Requests that were taken back: their blocks may be under way all the same. */
  takenBack = 0;
  /** Blocks it sent unasked. */
  unasked = 0;

  // ---- what it asks of us
  readonly uploads = new Queue<BlockSpan>(); // bounded by `uploadQueueMax`
  /** Bytes handed to the disk and the socket and not yet gone. */
  servingBytes = 0;
  readonly allowedToIt = new Set<number>(); // bounded by the size of the allowed-fast set
  allowedServed = 0;
  readonly up = new RateMeter();
  uploaded = 0;
  uploadedSinceUnchoke = 0;
  unchokedAt: Ms = ms(0);
  /** Long ago while it was never unchoked: then nothing it asks for can have crossed our choke. */
  chokedAt: Ms = ms(Number.NEGATIVE_INFINITY);
  /** Requests that may have crossed our last choke. */
  crossed = 0;
  badRequests = 0;

  /** Its interest is looked at out of turn no sooner: a peer that blinks must not cost a round of choking each time. */
  mayHurryAt: Ms = ms(0);
  /** What its talk since the last tick cost us. */
  chatter = 0;
  lastHeardAt: Ms;
  lastSentAt: Ms;
  /** What it said of its pieces before we knew the metadata. */
  early: { all: boolean; bitfield: Uint8Array | undefined; haves: number[] } | undefined;

  constructor(now: Ms, id: LinkId, facts: LinkFacts, pieceCount: number) {
    this.id = id;
    this.facts = facts;
    this.connectedAt = now;
    this.lastBlockAt = now;
    this.lastHeardAt = now;
    this.lastSentAt = now;
    this.holdings = new PeerHoldings(pieceCount);
  }

  /** Quick enough to fetch a piece alone: set by whoever knows the piece length. */
  alone = true;
  /** Took part in a piece that failed. */
  suspect = false;

  get seed(): boolean {
    return this.holdings.all;
  }
}
