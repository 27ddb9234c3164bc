import { assert, must, Queue } from "@dure/base";
import { utpData, utpHeaderBytes, writeUtpHeader } from "./packet.ts";

const slabBytes = 64 * 1024;

/** What the owner wants sent: chunks that are his until they have been copied, once, into datagrams. */
export class Outgoing {
  readonly #chunks = new Queue<Uint8Array>(); // bounded in bytes by the connection
  #offset = 0;
  #bytes = 0;
  #copiedChunks = 0;
  // Datagrams are cut from slabs: an allocation for each took longer than the copy.
  #slab = new Uint8Array(0);
  #slabUsed = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
  }

  /** Chunks that have been copied to their end since the last call, oldest first. */
  takeCopied(): number {
    const copied = this.#copiedChunks;
    this.#copiedChunks = 0;
    return copied;
  }

  drop(): void {
    this.#chunks.clear();
    this.#bytes = 0;
  }

  /** The next packet: its payload in place, its header without what is stamped at the time of sending. */
  cut(connectionId: number, seq: number, payloadBytes: number): Uint8Array {
    assert(payloadBytes > 0 && payloadBytes <= this.#bytes, "no packet is longer than what waits");
    const datagram = this.#room(utpHeaderBytes + payloadBytes);
    writeUtpHeader(datagram, { type: utpData, connectionId, seq });
    let filled = utpHeaderBytes;
    while (filled < datagram.length) {
      const chunk = must(this.#chunks.peek(), "as many bytes as were counted");
      const count = Math.min(chunk.length - this.#offset, datagram.length - filled);
      datagram.set(chunk.subarray(this.#offset, this.#offset + count), filled);
      filled += count;
      this.#offset += count;
      if (this.#offset === chunk.length) {
        this.#chunks.shift();
        this.#offset = 0;
        this.#copiedChunks += 1;
      }
    }
    this.#bytes -= payloadBytes;
    return datagram;
  }

  #room(bytes: number): Uint8Array {
    if (this.#bytes < 4096) return new Uint8Array(bytes); // a word between peers shall not hold a slab
    if (this.#slabUsed + bytes > this.#slab.length) {
      this.#slab = new Uint8Array(slabBytes);
      this.#slabUsed = 0;
    }
    this.#slabUsed += bytes;
    return this.#slab.subarray(this.#slabUsed - bytes, this.#slabUsed);
  }
}
