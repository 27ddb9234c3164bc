import { type Address, type InfoHash, type Ms, ms, Queue } from "@dure/base";
import {
  type BlockSpan,
  Framer,
  MessageWriter,
  type MseEstablished,
  type MseIncoming,
  type MseMethod,
  type MseOutgoing,
  peerWireLimits,
  pieceHeadBytes,
  type Rc4,
  type StreamCipher,
  writePieceHead,
} from "@dure/protocol";
import type { Landing } from "./assembly.ts";
import type { CarriedTorrent } from "./carried-torrent.ts";
import type { Desk } from "./desk.ts";
import type { Pool } from "./pool.ts";
import type { SocketId } from "./ports/index.ts";

const { blockBytes } = peerWireLimits;
/** Fifteen blocks and their heads fit a slab of the pool: one read, one write. */
const batchBlocks = 15;
const batchSlotBytes = blockBytes + pieceHeadBytes;

/** A `tcp-write` under way: pooled memory to give back and the blocks it carries, or neither for plain messages. */
interface Outgoing {
  readonly memory: number | undefined;
  readonly payloadBytes: number;
  readonly messageBytes: number;
}

/** A block that nothing was added to for so long does not keep memory from others. */
const stalledAfter = ms(5000);
/** Messages that wait for a peer that does not read: our largest honest answer is a burst of metadata. */
const unsentMax = 4 << 20;

export type LinkState =
  /** We asked for the connection and it is not open. */
  | { readonly name: "connecting" }
  /** Open; their handshake is not complete. */
  | { readonly name: "greeting"; readonly since: Ms }
  | { readonly name: "open" };

/** One TCP connection: what arrives is cut and landed, what leaves is gathered into few writes. */
export class Link {
  readonly socket: SocketId;
  readonly remote: Address;
  readonly incoming: boolean;
  readonly framer = new Framer();
  readonly writer = new MessageWriter();
  state: LinkState;
  torrent: CarriedTorrent | undefined;
  /** Encryption is being negotiated, or it is still to be seen whether it is: what arrives goes there. */
  negotiation: MseIncoming | MseOutgoing | undefined;
  /** How we connected. */
  encrypted = false;
  /** When the other side hangs up on how we connected, the other way is tried. */
  mayTryAgain = false;
  /** What was negotiated; undefined: nothing. */
  method: MseMethod | undefined;
  /** The torrent that who connected to us has named under encryption. */
  named: InfoHash | undefined;
  #send: Rc4 | undefined;
  #receive: StreamCipher | undefined;
  /** The block that is arriving: where it goes, or "skip" when nobody needs it. */
  landing: Landing | "skip" | undefined;
  skipping: BlockSpan | undefined;
  /** When bytes of that block last came. */
  movedAt: Ms = ms(0);
  /** Bytes that wait for memory; reading is off meanwhile. At most one read buffer. */
  held: Uint8Array | undefined;
  /** The block whose head came before `held`. */
  waiting: BlockSpan | undefined;
  /** Blocks to be read and sent. Bounded by the engine's window for each peer. */
  readonly #serve = new Queue<BlockSpan>();
  readonly #outgoing = new Queue<Outgoing>(); // bounded likewise, and by `unsentMax`
  #unsentBytes = 0;

  constructor(socket: SocketId, remote: Address, incoming: boolean, state: LinkState) {
    this.socket = socket;
    this.remote = remote;
    this.incoming = incoming;
    this.state = state;
  }

  /** From here on both directions are as negotiated. */
  secure({ method, infoHash, send, receive }: MseEstablished): void {
    this.method = method;
    this.named = infoHash;
    this.#send = send;
    this.#receive = receive;
  }

  /** What came is deciphered where it lies. */
  decipher(bytes: Uint8Array): void {
    this.#receive?.apply(bytes);
    if (this.#receive?.spent === true) this.#receive = undefined;
  }

  serve(span: BlockSpan): void {
    this.#serve.push(span);
  }

  /** Messages leave in one write; blocks leave in batches, as far as there is memory. */
  flush(desk: Desk, pool: Pool): void {
    this.flushMessages(desk);
    while (this.#serve.size > 0 && this.torrent !== undefined) {
      const memory = pool.take(Math.min(this.#serve.size, batchBlocks) * batchSlotBytes);
      if (memory === undefined) return; // tried again when memory comes back
      this.#sendBatch(desk, pool, this.torrent, memory);
    }
  }

  get starvedForMemory(): boolean {
    return this.#serve.size > 0 || this.held !== undefined;
  }

  /** A block that has come to a stop amid others' need: its memory is given up, and the rest of it goes by. */
  yieldMemory(now: Ms): void {
    if (this.landing === undefined || this.landing === "skip" || now - this.movedAt < stalledAfter) return;
    this.torrent?.storage?.assembly.aborted(this.landing);
    this.skipping = this.landing.span;
    this.landing = "skip";
  }

  flushMessages(desk: Desk): void {
    if (this.writer.length === 0) return;
    const bytes = this.writer.take();
    this.#send?.apply(bytes);
    this.write(desk, bytes);
  }

  /** Bytes as they go over the wire. */
  write(desk: Desk, bytes: Uint8Array): void {
    this.#unsentBytes += bytes.length;
    this.#outgoing.push({ memory: undefined, payloadBytes: 0, messageBytes: bytes.length });
    desk.emit({ type: "tcp-write", socket: this.socket, bytes });
  }

  /** It makes us talk and does not listen. */
  get stuck(): boolean {
    return this.#unsentBytes > unsentMax;
  }

  /** The oldest writes have left. Returns the payload bytes among them. */
  written(count: number, pool: Pool): number {
    let payloadBytes = 0;
    for (let index = 0; index < count; index += 1) {
      const outgoing = this.#outgoing.shift();
      if (outgoing === undefined) break;
      payloadBytes += outgoing.payloadBytes;
      this.#unsentBytes -= outgoing.messageBytes;
      if (outgoing.memory !== undefined) pool.give(outgoing.memory);
    }
    return payloadBytes;
  }

  /** The socket is gone: nothing of it holds memory any more. */
  drop(pool: Pool): void {
    this.written(Number.MAX_SAFE_INTEGER, pool);
    this.#serve.clear();
    this.held = undefined;
    if (this.landing !== undefined && this.landing !== "skip")
      this.torrent?.storage?.assembly.aborted(this.landing);
    this.landing = undefined;
    this.torrent = undefined;
  }

  #sendBatch(desk: Desk, pool: Pool, torrent: CarriedTorrent, memory: number): void {
    const blocks: (BlockSpan & { readonly memory: number })[] = [];
    let at = memory;
    for (let span = this.#serve.shift(); span !== undefined; span = this.#serve.shift()) {
      writePieceHead(pool.memory, at, span);
      blocks.push({ piece: span.piece, begin: span.begin, length: span.length, memory: at + pieceHeadBytes });
      at += pieceHeadBytes + span.length;
      if (blocks.length === batchBlocks) break;
    }
    const end = at;
    desk.disk({ type: "read", store: torrent.store, blocks }, (result) => {
      if (this.torrent === undefined) return pool.give(memory); // closed meanwhile
      if (result.type === "failed") {
        pool.give(memory);
        return torrent.readFailed(this, blocks, result);
      }
      const payloadBytes = blocks.reduce((sum, block) => sum + block.length, 0);
      this.flushMessages(desk);
      this.#send?.apply(pool.memory, memory, end); // the slot was filled for this link alone
      this.#outgoing.push({ memory, payloadBytes, messageBytes: 0 });
      desk.emit({ type: "tcp-write", socket: this.socket, bytes: pool.memory.subarray(memory, end) });
    });
  }
}
