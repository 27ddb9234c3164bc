import { assert, byteAt, viewOf } from "@dure/base";
import { decodeHandshake, type Handshake, handshakeBytes, startsLikeHandshake } from "./handshake.ts";
import { peerWireLimits } from "./limits.ts";
import { decodeMessage, lengthMax, type MessageReason, messageId, type PeerMessage } from "./message.ts";

/** What the bytes of a peer say. `block-data` objects are reused: read them before the next `next`. */
export type FrameEvent =
  | { readonly type: "handshake"; readonly handshake: Handshake }
  /** Payload views are good until the next `next`. */
  | { readonly type: "message"; readonly message: PeerMessage }
  | { readonly type: "block-start"; readonly piece: number; readonly begin: number; readonly length: number }
  /** Bytes `from` to `to` of the chunk last fed; `at` is how much of the block came before. */
  | { readonly type: "block-data"; readonly from: number; readonly to: number; readonly at: number }
  | { readonly type: "block-end" }
  /** Nothing more comes out of this framer. */
  | { readonly type: "violation"; readonly reason: MessageReason };

type State =
  | { readonly name: "handshake" }
  | { readonly name: "message" }
  | { readonly name: "block"; left: number; at: number }
  | { readonly name: "skip"; left: number }
  | { readonly name: "failed" };

const blockHeadBytes = 13;

/**
 * Cuts a peer's byte stream into messages. Blocks are never gathered here: their bytes are pointed at where they lie in
 * the chunk, so that the host can copy them once to where they belong.
 *
 * Holds at most one incomplete message, and never more of it than was received.
 */
export class Framer {
  #state: State = { name: "handshake" };
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;
  /** An incomplete handshake, message or block head from earlier chunks. */
  #carry = new Uint8Array(handshakeBytes);
  #carried = 0;
  readonly #data = { type: "block-data" as const, from: 0, to: 0, at: 0 };
  readonly #start = { type: "block-start" as const, piece: 0, begin: 0, length: 0 };

  /** Gives the next chunk; the one before must have been drained by `next`. */
  feed(chunk: Uint8Array): void {
    assert(
      this.#position === this.#chunk.length || this.#state.name === "failed",
      "the last chunk was drained",
    );
    this.#chunk = chunk;
    this.#position = 0;
  }

  /** What of the chunk has not been looked at; it counts as drained, and is to be fed again later. */
  rest(): Uint8Array {
    const rest = this.#chunk.subarray(this.#position);
    this.#position = this.#chunk.length;
    return rest;
  }

  next(): FrameEvent | undefined {
    for (;;) {
      switch (this.#state.name) {
        case "handshake":
          return this.#handshake();
        case "block":
          return this.#block(this.#state);
        case "skip": {
          if (!this.#skip(this.#state)) return undefined;
          break;
        }
        case "message":
          return this.#message();
        case "failed":
          return undefined;
      }
    }
  }

  #handshake(): FrameEvent | undefined {
    const bytes = this.#gather(handshakeBytes);
    if (bytes !== undefined) {
      if (!startsLikeHandshake(bytes)) return this.#violation("not-a-handshake");
      this.#state = { name: "message" };
      return { type: "handshake", handshake: decodeHandshake(bytes) };
    }
    // Do not wait for 68 bytes of a stranger who speaks something else.
    if (!startsLikeHandshake(this.#carry.subarray(0, this.#carried)))
      return this.#violation("not-a-handshake");
    return undefined;
  }

  #message(): FrameEvent | undefined {
    if (this.#wholeBlockHead()) return this.#blockStartHere();
    const prefix = this.#peek(5);
    // A keep-alive has no id: four zero bytes may be all there is.
    if (prefix === undefined) {
      const short = this.#peek(4);
      if (short === undefined || viewOf(short).getUint32(0) !== 0) return this.#carryOn();
      this.#gather(4);
      return { type: "message", message: { type: "keep-alive" } };
    }
    const length = viewOf(prefix).getUint32(0);
    const id = byteAt(prefix, 4);
    if (length === 0) {
      this.#gather(4);
      return { type: "message", message: { type: "keep-alive" } };
    }
    if (length > peerWireLimits.messageBytesMax) return this.#violation("too-long");
    if (length > lengthMax(id))
      return this.#violation(id === messageId.piece ? "block-too-long" : "too-long");
    if (id === messageId.piece) return this.#blockStart(length);
    if (lengthMax(id) === peerWireLimits.messageBytesMax) {
      this.#gather(5);
      this.#state = { name: "skip", left: length - 1 };
      return { type: "message", message: { type: "unknown", id } };
    }
    const whole = this.#gather(4 + length);
    if (whole === undefined) return undefined;
    const decoded = decodeMessage(whole.subarray(4));
    return decoded.ok ? { type: "message", message: decoded.value } : this.#violation(decoded.reason);
  }

  /** The common case, without a view of its own: an honest block's head lies whole in the chunk. */
  #wholeBlockHead(): boolean {
    const at = this.#position;
    if (this.#carried > 0 || at + blockHeadBytes > this.#chunk.length) return false;
    const length = uint32(this.#chunk, at);
    return this.#chunk[at + 4] === messageId.piece && length >= 9 && length <= lengthMax(messageId.piece);
  }

  #blockStartHere(): FrameEvent {
    const at = this.#position;
    this.#position += blockHeadBytes;
    return this.#blockFound(
      uint32(this.#chunk, at),
      uint32(this.#chunk, at + 5),
      uint32(this.#chunk, at + 9),
    );
  }

  #blockStart(length: number): FrameEvent | undefined {
    if (length < 9) return this.#violation("wrong-length");
    const head = this.#gather(blockHeadBytes);
    if (head === undefined) return undefined;
    return this.#blockFound(length, uint32(head, 5), uint32(head, 9));
  }

  #blockFound(length: number, piece: number, begin: number): FrameEvent {
    const start = this.#start;
    start.piece = piece;
    start.begin = begin;
    start.length = length - 9;
    this.#state = { name: "block", left: start.length, at: 0 };
    return start;
  }

  #block(state: { left: number; at: number }): FrameEvent | undefined {
    if (state.left === 0) {
      this.#state = { name: "message" };
      return { type: "block-end" };
    }
    const available = this.#chunk.length - this.#position;
    if (available === 0) return undefined;
    const count = Math.min(available, state.left);
    const data = this.#data;
    data.from = this.#position;
    data.to = this.#position + count;
    data.at = state.at;
    this.#position += count;
    state.left -= count;
    state.at += count;
    return data;
  }

  #skip(state: { left: number }): boolean {
    const count = Math.min(this.#chunk.length - this.#position, state.left);
    this.#position += count;
    state.left -= count;
    if (state.left > 0) return false;
    this.#state = { name: "message" };
    return true;
  }

  /** The next `count` bytes without taking them, or undefined when they are not all here. */
  #peek(count: number): Uint8Array | undefined {
    if (this.#carried === 0) {
      const end = this.#position + count;
      return end <= this.#chunk.length ? this.#chunk.subarray(this.#position, end) : undefined;
    }
    return this.#fill(count) ? this.#carry.subarray(0, count) : undefined;
  }

  /** Takes the next `count` bytes, or keeps what there is for the next chunk. */
  #gather(count: number): Uint8Array | undefined {
    if (this.#carried === 0 && this.#position + count <= this.#chunk.length) {
      this.#position += count;
      return this.#chunk.subarray(this.#position - count, this.#position);
    }
    if (!this.#fill(count)) return undefined;
    const bytes = this.#carry.subarray(0, count);
    // `#fill` never takes more than it was asked for, but an earlier `#peek` may have asked for more.
    this.#carry = this.#carried > count ? this.#carry.slice(count) : new Uint8Array(handshakeBytes);
    this.#carried -= count;
    return bytes;
  }

  /** Moves bytes into the carry until it holds `count`; it grows only with bytes that have arrived. */
  #fill(count: number): boolean {
    const wanted = Math.min(count - this.#carried, this.#chunk.length - this.#position);
    if (wanted > 0) {
      const needed = this.#carried + wanted;
      if (needed > this.#carry.length) {
        const grown = new Uint8Array(Math.min(Math.max(needed, this.#carry.length * 2), count));
        grown.set(this.#carry.subarray(0, this.#carried));
        this.#carry = grown;
      }
      this.#carry.set(this.#chunk.subarray(this.#position, this.#position + wanted), this.#carried);
      this.#position += wanted;
      this.#carried = needed;
    }
    return this.#carried >= count;
  }

  #carryOn(): undefined {
    this.#fill(5);
    return undefined;
  }

  #violation(reason: MessageReason): FrameEvent {
    this.#state = { name: "failed" };
    this.#position = this.#chunk.length;
    return { type: "violation", reason };
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}
