import { type Address, assert, formatAddress, ms, Queue } from "@dure/base";
import type { TcpCloseReason } from "@dure/carrier";
import type { Timer } from "../time/index.ts";
import { addressOn, type Host, type Parcel, type Sender } from "./host.ts";
import type { Network } from "./network.ts";
import { OutgoingStream, type Segment } from "./outgoing-stream.ts";

/** What the owner of an end hears, never from inside a call of its own. */
export interface TcpHearer {
  opened(): void;
  /** The bytes are good only during the call. */
  data(bytes: Uint8Array): void;
  written(count: number): void;
  closed(reason: TcpCloseReason): void;
}

/** Takes an incoming connection, or undefined to refuse it. */
export type TcpListener = (end: TcpEnd) => TcpHearer | undefined;

const connectTimeout = 10_000;
const synRetries = [1000, 3000, 7000] as const;
const retransmitFirst = 200;
const retransmitMost = 30_000;
/** Without an acknowledgement for this long a connection is given up. Kernels wait longer; nobody here waits for them. */
const giveUpAfter = 120_000;

/**
 * One end of a connection: a reliable, ordered stream each way, cut into segments, with a window, so that a reader that
 * stops reading stops the writer. Segments are lost only where there is no route; then the sender goes back to the
 * first unacknowledged byte and tries again, later and later.
 */
export class TcpEnd implements Sender {
  readonly remote: Address;
  readonly id: number;
  readonly #network: Network;
  readonly #host: Host;
  readonly #remoteHost: Host | undefined;
  #hearer: TcpHearer | undefined;
  #other: TcpEnd | undefined;
  #state: "connecting" | "open" | "finishing" | "closed" = "connecting";
  #opening: Timer[] = []; // five at most

  // ---- what leaves
  readonly #stream: OutgoingStream;
  #writtenCount = 0;
  #writtenTimer: Timer | undefined;
  #retransmit: Timer | undefined;
  #retransmitWait = retransmitFirst;
  #ackedAt = ms(0);
  #arrivesAt = 0;

  // ---- what arrives
  #expected = 0;
  #consumed = 0;
  #flowing = true;
  readonly #inbox = new Queue<Segment>(); // bounded by the window
  #reading = false;

  /** An end that nobody owns yet. */
  constructor(network: Network, host: Host, remote: Address) {
    this.#network = network;
    this.#host = host;
    this.remote = remote;
    this.#remoteHost = network.find(remote.ip);
    this.id = network.nextConnection();
    this.#stream = new OutgoingStream(network.segmentPrng);
    network.ends.add(this);
  }

  static connect(network: Network, host: Host, remote: Address, hearer: TcpHearer): TcpEnd {
    const end = new TcpEnd(network, host, remote);
    end.#hearer = hearer;
    const { clock } = network;
    end.#opening = [0, ...synRetries].map((delay) => clock.after(delay, () => end.#syn()));
    end.#opening.push(clock.after(connectTimeout, () => end.#end("timeout")));
    return end;
  }

  /** Bytes that the writer has lent and that do not fit the buffer yet. */
  get pendingBytes(): number {
    return this.#stream.pendingBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#state === "closed" || this.#state === "finishing") return;
    this.#stream.write(bytes);
    this.#take();
  }

  read(flowing: boolean): void {
    if (this.#flowing === flowing) return;
    this.#flowing = flowing;
    if (flowing) this.#readSoon();
  }

  /** What was taken from the writer still leaves; nothing more is heard. */
  close(): void {
    if (this.#state === "closed" || this.#state === "finishing") return;
    this.#hearer = undefined;
    this.#stream.end();
    if (this.#state === "connecting") return this.#vanish();
    this.#state = "finishing";
    this.#host.uplink.ready(this);
  }

  /** As when the machine loses power: nothing leaves any more. */
  die(): void {
    this.#hearer = undefined;
    this.#vanish();
  }

  // ---- opening

  #syn(): void {
    const server = this.#remoteHost;
    if (this.#state !== "connecting") return;
    if (server === undefined || !this.#network.reaches(this.#host, server)) return; // lost
    const { clock } = this.#network;
    clock.after(this.#network.delay(this.#host, server), () => {
      if (this.#state !== "connecting" || !this.#network.reaches(this.#host, server)) return;
      if (this.#other !== undefined) return this.#answerSyn(server, this.#other); // its answer was lost
      const listener = this.#network.listeners.get(formatAddress(this.remote));
      if (listener === undefined) return this.#answerSyn(server, undefined);
      const port = 30_000 + (this.id % 30_000);
      const other = new TcpEnd(this.#network, server, addressOn(this.#host, port));
      other.#hearer = listener(other);
      if (other.#hearer === undefined) {
        other.#vanish();
        return this.#answerSyn(server, undefined);
      }
      other.#other = this;
      other.#open();
      this.#other = other;
      this.#answerSyn(server, other);
    });
  }

  #answerSyn(server: Host, other: TcpEnd | undefined): void {
    this.#network.clock.after(this.#network.delay(server, this.#host), () => {
      if (!this.#network.reaches(server, this.#host)) return;
      if (this.#state === "closed") return other === undefined ? undefined : other.#reset();
      if (this.#state !== "connecting") return; // answered twice
      if (other === undefined) return this.#end("refused");
      this.#open();
      this.#hearer?.opened();
    });
  }

  #open(): void {
    this.#state = "open";
    this.#stopOpening();
    this.#ackedAt = this.#network.clock.now;
    this.#take();
  }

  // ---- sending

  #take(): void {
    if (this.#state !== "open") return;
    const whole = this.#stream.take();
    if (whole > 0) this.#tellWritten(whole);
    this.#host.uplink.ready(this);
  }

  #tellWritten(whole: number): void {
    this.#writtenCount += whole;
    this.#writtenTimer ??= this.#network.clock.after(0, () => {
      const count = this.#writtenCount;
      this.#writtenCount = 0;
      this.#writtenTimer = undefined;
      this.#hearer?.written(count);
    });
  }

  next(): Parcel | undefined {
    if (this.#state === "connecting" || this.#state === "closed") return undefined;
    const segment = this.#stream.next();
    if (segment === undefined) return undefined;
    return { bytes: segment.bytes.length, depart: () => this.#depart(segment) };
  }

  #depart(segment: Segment): void {
    const to = this.#remoteHost;
    if (this.#state === "closed") return;
    this.#network.replay.add("segment", this.#network.clock.now, this.id, segment.bytes);
    if (to === undefined || !this.#network.reaches(this.#host, to)) return this.#lost();
    const { clock } = this.#network;
    this.#arrivesAt = Math.max(this.#arrivesAt, clock.now + this.#network.delay(this.#host, to));
    clock.at(ms(this.#arrivesAt), () => {
      if (!this.#network.reaches(this.#host, to)) return this.#lost();
      clock.at(to.receive(segment.bytes.length), () => {
        if (!this.#network.reaches(this.#host, to)) return this.#lost();
        this.#withOther((other) => other.#arrive(segment));
      });
    });
  }

  /** There was no route: the sender finds out by waiting. */
  #lost(): void {
    if (this.#state === "closed" || this.#retransmit !== undefined) return;
    const { clock } = this.#network;
    this.#retransmit = clock.after(this.#retransmitWait, () => {
      this.#retransmit = undefined;
      if (this.#state === "closed" || !this.#stream.waitsForAcknowledgement) return;
      if (clock.now - this.#ackedAt > giveUpAfter) return this.#end("timeout");
      this.#retransmitWait = Math.min(this.#retransmitWait * 2, retransmitMost);
      this.#stream.goBack();
      this.#host.uplink.ready(this);
    });
  }

  #acked(to: number, last: boolean): void {
    if (this.#state === "closed") return;
    if (last) return this.#vanish();
    if (!this.#stream.acknowledged(to)) return;
    this.#ackedAt = this.#network.clock.now;
    this.#retransmitWait = retransmitFirst;
    this.#take();
    this.#host.uplink.ready(this);
  }

  // ---- receiving

  #arrive(segment: Segment): void {
    if (this.#state === "closed") {
      // Whoever has gone answers with a reset, if the machine is there to say it.
      return this.#toOther((other) => other.#reset());
    }
    if (this.#state === "connecting") return this.#withOther((other) => other.#lost()); // the answer to our SYN has not come
    if (segment.from !== this.#expected) {
      if (segment.from < this.#expected) this.#acknowledge(); // it had not heard
      return; // a gap: what was lost comes again
    }
    this.#expected += segment.bytes.length;
    if (this.#state === "finishing") {
      this.#consumed = this.#expected;
      return segment.last ? this.#end("end") : this.#acknowledge();
    }
    this.#inbox.push(segment);
    if (!this.#reading) this.#drain();
  }

  #readSoon(): void {
    if (this.#reading || this.#inbox.size === 0) return;
    this.#reading = true;
    this.#network.clock.after(0, () => {
      this.#reading = false;
      this.#drain();
    });
  }

  #drain(): void {
    while (this.#flowing && this.#state === "open") {
      const segment = this.#inbox.shift();
      if (segment === undefined) return;
      if (segment.last) {
        this.#toOther((other) => other.#acked(segment.from, true));
        return this.#end("end");
      }
      this.#consumed += segment.bytes.length;
      this.#acknowledge();
      this.#hearer?.data(segment.bytes);
      segment.bytes.fill(0xdd); // the read buffer is used again: who kept a view of it reads nonsense
    }
  }

  #acknowledge(): void {
    const consumed = this.#consumed;
    this.#toOther(
      (other) => other.#acked(consumed, false),
      (other) => other.#lost(),
    );
  }

  #toOther(say: (other: TcpEnd) => void, unheard: (other: TcpEnd) => void = () => {}): void {
    const to = this.#remoteHost;
    if (to === undefined || !this.#network.reaches(this.#host, to)) return this.#withOther(unheard);
    this.#network.clock.after(this.#network.delay(this.#host, to), () => {
      this.#withOther(this.#network.reaches(this.#host, to) ? say : unheard);
    });
  }

  #withOther(act: (other: TcpEnd) => void): void {
    if (this.#other !== undefined) act(this.#other);
  }

  #reset(): void {
    if (this.#state !== "closed") this.#end("reset");
  }

  #end(reason: TcpCloseReason): void {
    assert(this.#state !== "closed", "an end ends once");
    const hearer = this.#hearer;
    this.#hearer = undefined;
    this.#vanish();
    hearer?.closed(reason);
  }

  #stopOpening(): void {
    for (const timer of this.#opening) timer.cancel();
    this.#opening = [];
  }

  #vanish(): void {
    this.#state = "closed";
    this.#stopOpening();
    this.#retransmit?.cancel();
    this.#writtenTimer?.cancel();
    this.#stream.clear();
    this.#inbox.clear();
    this.#network.ends.delete(this);
  }
}
