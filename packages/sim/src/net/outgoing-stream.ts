import { type Prng, Queue } from "@dure/base";

export interface Segment {
  /** Bytes of the stream before it. */
  readonly from: number;
  readonly bytes: Uint8Array;
  /** The stream ends with it. */
  readonly last: boolean;
}

const segmentBytesMax = 16_384;
/** On their way or waiting to be read: what the receiver's kernel would hold. */
const windowBytes = 262_144;
/** Taken from the writer and not yet acknowledged. */
const sendBufferBytes = 262_144;

/** What leaves through one end of a connection: lent by the writer, taken into a buffer, cut, sent, acknowledged. */
export class OutgoingStream {
  readonly #prng: Prng;
  readonly #pending = new Queue<Uint8Array>(); // the writer's memory: bounded by the writer, measured in `pendingBytes`
  #pendingTaken = 0;
  #pendingBytes = 0;
  readonly #unsent = new Queue<Uint8Array>(); // bounded by `sendBufferBytes`
  #unsentTaken = 0;
  #resend: Segment[] = []; // bounded likewise
  #unacked: Segment[] = []; // bounded by `windowBytes`
  #buffered = 0;
  #sentTo = 0;
  #ackedTo = 0;
  #ending = false;
  #ended = false;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get waitsForAcknowledgement(): boolean {
    return this.#unacked.length > 0;
  }

  write(bytes: Uint8Array): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** Copies from the writer's memory what the buffer has room for. Returns how many writes have been taken whole. */
  take(): number {
    let whole = 0;
    for (let bytes = this.#pending.peek(); bytes !== undefined; bytes = this.#pending.peek()) {
      const room = sendBufferBytes - this.#buffered;
      const count = Math.min(room, bytes.length - this.#pendingTaken);
      if (count < Math.min(segmentBytesMax, bytes.length - this.#pendingTaken)) break; // no crumbs
      if (count > 0) this.#unsent.push(bytes.slice(this.#pendingTaken, this.#pendingTaken + count));
      this.#buffered += count;
      this.#pendingTaken += count;
      this.#pendingBytes -= count;
      if (this.#pendingTaken < bytes.length) break;
      this.#pending.shift();
      this.#pendingTaken = 0;
      whole += 1;
    }
    return whole;
  }

  /** What was taken still leaves, and then the end. */
  end(): void {
    this.#ending = true;
    this.#pending.clear();
    this.#pendingBytes = 0;
  }

  /** The next segment, if one may leave now. */
  next(): Segment | undefined {
    const segment = this.#resend.shift() ?? this.#cut();
    if (segment === undefined) return undefined;
    this.#unacked.push(segment);
    this.#sentTo = Math.max(this.#sentTo, segment.from + segment.bytes.length);
    return segment;
  }

  /** False when that was known. */
  acknowledged(to: number): boolean {
    if (to <= this.#ackedTo) return false;
    this.#buffered -= to - this.#ackedTo;
    this.#ackedTo = to;
    const unacked = (segment: Segment) => segment.last || segment.from + segment.bytes.length > to;
    this.#unacked = this.#unacked.filter(unacked);
    this.#resend = this.#resend.filter(unacked);
    return true;
  }

  /** Something was lost: all that is not acknowledged leaves again. */
  goBack(): void {
    this.#resend = [...this.#unacked, ...this.#resend].sort((a, b) => a.from - b.from);
    this.#unacked = [];
  }

  clear(): void {
    this.end();
    this.#unsent.clear();
    this.#resend = [];
    this.#unacked = [];
  }

  #cut(): Segment | undefined {
    const chunk = this.#unsent.peek();
    if (chunk === undefined) {
      if (!this.#ending || this.#ended) return undefined;
      this.#ended = true;
      return { from: this.#sentTo, bytes: new Uint8Array(0), last: true };
    }
    const window = windowBytes - (this.#sentTo - this.#ackedTo);
    let count = Math.min(chunk.length - this.#unsentTaken, segmentBytesMax);
    if (count > window) return undefined; // a smaller one now would mean ever smaller ones (RFC 9293, 3.8.6.2.1)
    // Now and then a segment ends anywhere, as segments do.
    if (count > 1 && this.#prng.chance(0.1)) count = this.#prng.between(1, count);
    const bytes = chunk.subarray(this.#unsentTaken, this.#unsentTaken + count);
    this.#unsentTaken += count;
    if (this.#unsentTaken === chunk.length) {
      this.#unsent.shift();
      this.#unsentTaken = 0;
    }
    return { from: this.#sentTo, bytes, last: false };
  }
}
