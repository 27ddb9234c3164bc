import { assert, at, byteAt, type Ms, must } from "@dure/base";
import { utpLimits } from "./limits.ts";
import type { UtpPacket } from "./packet.ts";
import { seqAdd, seqDistance } from "./sequence.ts";

const packetsFirst = 64;
const packetsMax = utpLimits.spanPacketsMax;
const aheadMax = 3; // BEP 29: "3 or more packets have been acked past it"; RFC 9002, kPacketThreshold
const patienceMax = 8; // each a quarter of a round trip
const patientFor = 10_000; // ms

const free = 0;
const underWay = 1;
const lost = 2;
const arrived = 3;

/**
 * Packets that were sent and not yet acknowledged up to, in a ring by sequence number.
 *
 * Each sending has an order of its own, so that a packet that was sent again can be found lost again: it is lost when
 * one that was sent three sendings later has arrived, or one that was sent later at all and some time ago (RFC 9002,
 * 6.1). With BEP 29's count of later sequence numbers a lost resending waits for the timeout, half a second at least.
 */
export class Flight {
  #datagrams = new Array<Uint8Array | undefined>(packetsFirst).fill(undefined);
  #sentAt = new Float64Array(packetsFirst);
  #order = new Float64Array(packetsFirst);
  #states = new Uint8Array(packetsFirst);
  #sends = new Uint8Array(packetsFirst);
  #mask = packetsFirst - 1;

  /** The oldest that is not acknowledged, and the first that was never sent. */
  #first: number;
  #next: number;
  #bytes = 0;
  #lostCount = 0;
  #lostFrom = 0; // no lost packet lies before it
  #arrivedCount = 0; // past a missing one
  #resentCount = 0; // under way for the second time at least
  #orderNext = 1;
  #orderArrived = 0;

  #patience = 0;
  #patientUntil = 0;
  #roundTripLast = 0;

  /** A packet that also asks whether its size arrives, and what became of it. */
  probeSeq = -1;
  probeFate: "unknown" | "arrived" | "lost" = "unknown";

  // What the last acknowledgement brought.
  ackedBytes = 0;
  ackedPackets = 0;
  /** The round trip of the last-sent packet among them that was sent only once. */
  roundTrip: number | undefined;

  constructor(firstSeq: number) {
    this.#first = firstSeq;
    this.#next = firstSeq;
    this.#lostFrom = firstSeq;
  }

  get first(): number {
    return this.#first;
  }
  get next(): number {
    return this.#next;
  }
  /** Sequence numbers from the oldest unacknowledged packet to the newest. */
  get span(): number {
    return seqDistance(this.#first, this.#next);
  }
  get full(): boolean {
    return this.span >= packetsMax;
  }
  /** Under way: sent, and neither acknowledged nor believed lost. */
  get bytes(): number {
    return this.#bytes;
  }
  get orderNext(): number {
    return this.#orderNext;
  }

  /** A packet was sent for the first time; its number is `next`. */
  push(now: Ms, datagram: Uint8Array): void {
    assert(!this.full, "no more packets under way than can be told apart");
    if (this.span > this.#mask) this.#grow();
    const slot = this.#next & this.#mask;
    this.#datagrams[slot] = datagram;
    this.#states[slot] = underWay;
    this.#sends[slot] = 1;
    this.#sent(now, slot);
    this.#bytes += datagram.length;
    this.#next = seqAdd(this.#next, 1);
  }

  /** The oldest packet that is believed lost. */
  lostPacket(): { readonly seq: number; readonly datagram: Uint8Array } | undefined {
    if (this.#lostCount === 0) return undefined;
    if (seqDistance(this.#first, this.#lostFrom) > this.span) this.#lostFrom = this.#first;
    while (this.#states[this.#lostFrom & this.#mask] !== lost) this.#lostFrom = seqAdd(this.#lostFrom, 1);
    return { seq: this.#lostFrom, datagram: this.datagram(this.#lostFrom) };
  }

  hasArrived(seq: number): boolean {
    return this.#states[seq & this.#mask] === arrived;
  }

  datagram(seq: number): Uint8Array {
    return must(this.#datagrams[seq & this.#mask], "a packet that is not acknowledged is kept");
  }

  resent(now: Ms, seq: number): void {
    const slot = seq & this.#mask;
    if (this.#states[slot] === lost) {
      this.#lostCount -= 1;
      this.#states[slot] = underWay;
      this.#bytes += this.datagram(seq).length;
      this.#resentCount += 1;
    } else if (at(this.#sends, slot) === 1) this.#resentCount += 1;
    this.#sends[slot] = Math.min(at(this.#sends, slot) + 1, 255);
    this.#sent(now, slot);
  }

  /** False when it acknowledges what was never sent: nothing of such a packet is to be believed. */
  acknowledge(now: Ms, packet: UtpPacket, bytes: Uint8Array): boolean {
    this.ackedBytes = 0;
    this.ackedPackets = 0;
    this.roundTrip = undefined;
    let count = seqDistance(this.#first, seqAdd(packet.ack, 1));
    if (count > this.span) {
      // Behind what was acknowledged before: an old packet that came late. Ahead: a lie.
      if (seqDistance(packet.ack, this.#first) > packetsMax) return false;
      return true;
    }
    for (; count > 0; count -= 1) this.#leave(now);
    if (packet.sackBytes > 0) this.#selective(now, packet, bytes);
    return true;
  }

  /**
   * Marks what is to be believed lost. The answer says when to look again, and whether something was lost that was
   * sent after `since`. The loss of a probe says nothing about the path's load.
   */
  detect(now: Ms, lossWait: Ms, since: number): { again: number; congested: boolean } {
    const found = { again: Number.POSITIVE_INFINITY, congested: false };
    if (this.#arrivedCount === 0 && this.#resentCount === 0) return found;
    if (now > this.#patientUntil) this.#patience = 0;
    const ahead = this.#patience === 0 ? aheadMax : Number.POSITIVE_INFINITY;
    const wait = lossWait * (1 + this.#patience / 4);
    for (let seq = this.#first; seq !== this.#next; seq = seqAdd(seq, 1)) {
      const slot = seq & this.#mask;
      const order = at(this.#order, slot);
      if (order >= this.#orderArrived) {
        if (this.#sends[slot] === 1) break; // and so is all that follows
        continue;
      }
      if (this.#states[slot] !== underWay) continue;
      const overdueAt = at(this.#sentAt, slot) + wait;
      if (order + ahead > this.#orderArrived && overdueAt > now)
        found.again = Math.min(found.again, overdueAt);
      else {
        if (order >= since && seq !== this.probeSeq) found.congested = true;
        this.#lose(seq);
      }
    }
    return found;
  }

  /** After a timeout: whatever was under way is gone. */
  loseAll(): void {
    for (let seq = this.#first; seq !== this.#next; seq = seqAdd(seq, 1)) {
      if (this.#states[seq & this.#mask] === underWay) this.#lose(seq);
    }
  }

  #sent(now: Ms, slot: number): void {
    this.#sentAt[slot] = now;
    this.#order[slot] = this.#orderNext;
    this.#orderNext += 1;
  }

  #lose(seq: number): void {
    const slot = seq & this.#mask;
    this.#states[slot] = lost;
    if (seq === this.probeSeq) this.probeFate = "lost";
    if (at(this.#sends, slot) > 1) this.#resentCount -= 1;
    this.#bytes -= this.datagram(seq).length;
    if (this.#lostCount === 0 || seqDistance(this.#first, seq) < seqDistance(this.#first, this.#lostFrom)) {
      this.#lostFrom = seq;
    }
    this.#lostCount += 1;
  }

  /** The oldest one is acknowledged and leaves the ring. */
  #leave(now: Ms): void {
    const slot = this.#first & this.#mask;
    if (this.#states[slot] === arrived) this.#arrivedCount -= 1;
    else this.#arrive(now, this.#first);
    this.#states[slot] = free;
    this.#datagrams[slot] = undefined;
    if (this.#lostFrom === this.#first) this.#lostFrom = seqAdd(this.#lostFrom, 1);
    this.#first = seqAdd(this.#first, 1);
  }

  #arrive(now: Ms, seq: number): void {
    const slot = seq & this.#mask;
    const length = this.datagram(seq).length;
    if (this.#states[slot] === lost) this.#lostCount -= 1;
    else {
      this.#bytes -= length;
      if (at(this.#sends, slot) > 1) this.#resentCount -= 1;
    }
    this.#states[slot] = arrived;
    this.ackedBytes += length;
    this.ackedPackets += 1;
    const once = this.#sends[slot] === 1;
    if (seq === this.probeSeq) this.probeFate = once ? "arrived" : "lost";
    const took = now - at(this.#sentAt, slot);
    // Which sending arrived, nobody knows; too soon for the last one, it was another (RFC 8985, 6.2, with the least
    // round trip there ever was: behind a queue that let half a window count as overtaken, and lost).
    if (!once && took < 0.9 * this.#roundTripLast) {
      this.#overtaken(now);
      return;
    }
    const order = at(this.#order, slot);
    if (order <= this.#orderArrived) return;
    this.#orderArrived = order;
    if (!once) return;
    this.roundTrip = took;
    this.#roundTripLast = took;
  }

  #selective(now: Ms, packet: UtpPacket, bytes: Uint8Array): void {
    const from = seqAdd(packet.ack, 2);
    for (let index = 0; index < packet.sackBytes; index += 1) {
      const octet = byteAt(bytes, packet.sackFrom + index);
      if (octet === 0) continue;
      for (let bit = 0; bit < 8; bit += 1) {
        if ((octet & (1 << bit)) === 0) continue;
        const seq = seqAdd(from, index * 8 + bit);
        // BEP 29: "Bits that are outside of the send window are ignored."
        if (seqDistance(this.#first, seq) >= this.span) continue;
        const state = this.#states[seq & this.#mask];
        if (state === arrived) continue;
        this.#arrive(now, seq);
        this.#arrivedCount += 1;
      }
    }
  }

  /** It was not lost, only late: here packets overtake one another, and their number proves nothing (RFC 8985, 6.2). */
  #overtaken(now: Ms): void {
    this.#patience = Math.min(this.#patience + 1, patienceMax);
    this.#patientUntil = now + patientFor;
  }

  #grow(): void {
    const size = (this.#mask + 1) * 2;
    const datagrams = new Array<Uint8Array | undefined>(size).fill(undefined);
    const sentAt = new Float64Array(size);
    const order = new Float64Array(size);
    const states = new Uint8Array(size);
    const sends = new Uint8Array(size);
    for (let seq = this.#first; seq !== this.#next; seq = seqAdd(seq, 1)) {
      const from = seq & this.#mask;
      const to = seq & (size - 1);
      datagrams[to] = this.#datagrams[from];
      sentAt[to] = at(this.#sentAt, from);
      order[to] = at(this.#order, from);
      states[to] = at(this.#states, from);
      sends[to] = at(this.#sends, from);
    }
    this.#datagrams = datagrams;
    this.#sentAt = sentAt;
    this.#order = order;
    this.#states = states;
    this.#sends = sends;
    this.#mask = size - 1;
  }
}
