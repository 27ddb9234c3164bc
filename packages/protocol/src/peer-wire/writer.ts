import { assert, unreachable } from "@dure/base";
import { type BlockSpan, type HashSpan, messageId, type PeerMessage } from "./message.ts";

/** Collects outgoing messages of one peer, so that all of one turn leave in one write. */
export class MessageWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far, which are the caller's from now on; the writer starts anew. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  message(message: PeerMessage): void {
    switch (message.type) {
      case "keep-alive":
        return this.#uint32(this.#reserve(4), 0);
      case "choke":
        return this.#plain(messageId.choke);
      case "unchoke":
        return this.#plain(messageId.unchoke);
      case "interested":
        return this.#plain(messageId.interested);
      case "not-interested":
        return this.#plain(messageId.notInterested);
      case "have-all":
        return this.#plain(messageId.haveAll);
      case "have-none":
        return this.#plain(messageId.haveNone);
      case "have":
        return this.#piece(messageId.have, message.piece);
      case "suggest":
        return this.#piece(messageId.suggest, message.piece);
      case "allowed-fast":
        return this.#piece(messageId.allowedFast, message.piece);
      case "request":
        return this.#span(messageId.request, message);
      case "cancel":
        return this.#span(messageId.cancel, message);
      case "reject":
        return this.#span(messageId.reject, message);
      case "port": {
        const at = this.#head(messageId.port, 2);
        this.#bytes[at] = message.port >>> 8;
        this.#bytes[at + 1] = message.port & 0xff;
        return;
      }
      case "bitfield": {
        const at = this.#head(messageId.bitfield, message.bytes.length); // may move the buffer: first
        return this.#bytes.set(message.bytes, at);
      }
      case "extended": {
        const at = this.#head(messageId.extended, message.payload.length + 1);
        this.#bytes[at] = message.id;
        return this.#bytes.set(message.payload, at + 1);
      }
      case "hash-request":
        return this.#hashSpan(messageId.hashRequest, message);
      case "hash-reject":
        return this.#hashSpan(messageId.hashReject, message);
      case "hashes":
        return this.#hashSpan(messageId.hashes, message, message.hashes);
      case "unknown":
        return this.#plain(message.id);
      default:
        return unreachable(message);
    }
  }

  #plain(id: number): void {
    this.#head(id, 0);
  }

  #piece(id: number, piece: number): void {
    this.#uint32(this.#head(id, 4), piece);
  }

  #span(id: number, span: BlockSpan): void {
    const at = this.#head(id, 12);
    this.#uint32(at, span.piece);
    this.#uint32(at + 4, span.begin);
    this.#uint32(at + 8, span.length);
  }

  #hashSpan(id: number, span: HashSpan, hashes: Uint8Array = new Uint8Array()): void {
    assert(span.piecesRoot.length === 32, "a SHA-256 root");
    const at = this.#head(id, 48 + hashes.length);
    this.#bytes.set(span.piecesRoot, at);
    this.#uint32(at + 32, span.baseLayer);
    this.#uint32(at + 36, span.index);
    this.#uint32(at + 40, span.length);
    this.#uint32(at + 44, span.proofLayers);
    this.#bytes.set(hashes, at + 48);
  }

  /** Length prefix and id; returns where the payload goes. */
  #head(id: number, payloadBytes: number): number {
    const at = this.#reserve(5 + payloadBytes);
    this.#uint32(at, 1 + payloadBytes);
    this.#bytes[at + 4] = id;
    return at + 5;
  }

  #uint32(at: number, value: number): void {
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    return at;
  }
}

export function encodeMessage(message: PeerMessage): Uint8Array {
  const writer = new MessageWriter();
  writer.message(message);
  return writer.take();
}

/** What stands before a block on the wire. */
export const pieceHeadBytes = 13;

/** Writes the 13 bytes before the block of `span` at `at`: the block follows them in the same buffer. */
export function writePieceHead(target: Uint8Array, at: number, span: BlockSpan): void {
  const view = new DataView(target.buffer, target.byteOffset + at, pieceHeadBytes);
  view.setUint32(0, 9 + span.length);
  view.setUint8(4, messageId.piece);
  view.setUint32(5, span.piece);
  view.setUint32(9, span.begin);
}
