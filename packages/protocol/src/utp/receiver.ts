import { type Ms, ms } from "@dure/base";
import { utpTimes } from "./limits.ts";
import { Reorder, type ReorderBudget } from "./reorder.ts";
import { isBehind, seqAdd, seqDistance } from "./sequence.ts";

const never = Number.POSITIVE_INFINITY;
const packetsSlow = 256; // while the other side's window is small, it waits for each acknowledgement
const packetsPerAck = 8; // later: RFC 6817 leaves it open, and a packet sent costs as much as one of data
const nearGap = 16;
const packetBytes = 1472;

/** The receiving half: puts packets in order, says what to acknowledge and when, and how much more may come. */
export class Receiver {
  readonly #bytesMax: number;
  readonly #reorder: Reorder;
  #expected: number;
  #unconsumed = 0;
  #advertised = 0;
  #packetsCount = 0;
  #owed = 0;
  #ackAt = never;
  #ackDue = false;
  #ended = false;

  constructor(bytesMax: number, budget: ReorderBudget, expected: number) {
    this.#bytesMax = bytesMax;
    this.#reorder = new Reorder(budget);
    this.#expected = expected;
  }

  get ack(): number {
    return seqAdd(this.#expected, -1);
  }
  /** FIN and everything before it has come. */
  get ended(): boolean {
    return this.#ended;
  }
  get ackDue(): boolean {
    return this.#ackDue;
  }
  get ackAt(): number {
    return this.#ackAt;
  }
  get reorderBytes(): number {
    return this.#reorder.bytes;
  }

  begin(expected: number): void {
    this.#expected = expected;
  }

  /** A packet of data, or FIN where there is no payload. `deliver` is false where nobody listens. */
  take(now: Ms, seq: number, payload: Uint8Array | undefined, deliver: (part: Uint8Array) => boolean): void {
    const distance = seqDistance(this.#expected, seq);
    if (this.#ended || isBehind(distance)) {
      this.#ackDue = true; // the other side has not heard of what we have
      return;
    }
    if (distance > 0) return this.#early(now, distance, payload);
    if (this.#unconsumed + (payload?.length ?? 0) > this.#bytesMax) {
      this.#ackDue = true; // says how small the window is
      return;
    }
    const gap = this.#reorder.count > 0;
    for (let part = payload ?? end; ; ) {
      this.#expected = seqAdd(this.#expected, 1);
      if (part.length === 0) return this.#finish();
      if (deliver(part)) this.#unconsumed += part.length;
      const next = this.#reorder.take(this.#expected);
      if (next === undefined) break;
      part = next;
    }
    this.#packetsCount += 1;
    this.#owe(now, gap ? packetsPerAck : 1);
  }

  /** True when the window has opened enough to be worth a packet. */
  consumed(bytes: number): boolean {
    this.#unconsumed -= bytes;
    const window = this.#window();
    const opened = this.#advertised < 2 * packetBytes && window >= 2 * packetBytes;
    return opened || window - this.#advertised >= this.#bytesMax / 4;
  }

  /** The mask of what came early, where something did. */
  mask(): Uint8Array<ArrayBuffer> | undefined {
    return this.#reorder.count === 0 ? undefined : this.#reorder.mask(this.#expected);
  }

  /** The window as it is said in a packet that also carries the acknowledgement: `whole` with the mask. */
  advertise(whole: boolean): number {
    if (whole || this.#reorder.count === 0) {
      this.#owed = 0;
      this.#ackAt = never;
      this.#ackDue = false;
    }
    this.#advertised = this.#window();
    return this.#advertised;
  }

  drop(): void {
    this.#reorder.clear();
    this.#ackAt = never;
  }

  #early(now: Ms, distance: number, payload: Uint8Array | undefined): void {
    const bytes = payload?.length ?? 0;
    if (this.#unconsumed + this.#reorder.bytes + bytes > this.#bytesMax) {
      this.#ackDue = true;
      return;
    }
    this.#reorder.keep(this.#expected, distance, payload ?? end);
    // Three of these make the other side send again what is missing: it waits for them.
    this.#owe(now, distance <= nearGap ? packetsPerAck : packetsPerAck / 2);
  }

  #finish(): void {
    this.#ended = true;
    this.#ackDue = true;
    this.#reorder.clear(); // BEP 29: nothing comes after FIN
  }

  #owe(now: Ms, weight: number): void {
    this.#owed += this.#packetsCount < packetsSlow ? weight * (packetsPerAck / 2) : weight;
    if (this.#owed >= packetsPerAck) this.#ackDue = true;
    else if (this.#ackAt === never) this.#ackAt = ms(now + utpTimes.ackDelay);
  }

  #window(): number {
    return Math.max(this.#bytesMax - this.#unconsumed - this.#reorder.bytes, 0);
  }
}

const end = new Uint8Array(0);
