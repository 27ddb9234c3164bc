import type { Ms } from "@dure/base";
import { DelayHistory } from "./delay-history.ts";

/** BEP 29, CCONTROL_TARGET: the queueing delay we allow ourselves, in microseconds. */
export const ledbatTarget = 100_000;
const windowFirst = 4380; // RFC 3390
const windowMax = 4 * 1024 * 1024;
const windowPacketsMin = 2; // RFC 6817, MIN_CWND
const windowBytesLossy = 6 * 1472; // where packets are lost and none waits, the path's load is not why
const lossWaitMin = 100; // ms, libutp: what is lost within this time was lost at once
const slowdownShare = 9; // ledbat-plus-plus, 4.4: between slowdowns, so many times what one took
const driftMax = 10_000; // µs, libutp: a change that is larger is no drift

export interface Acknowledged {
  readonly ackedBytes: number;
  /** Under way before they arrived. */
  readonly flightBytes: number;
  readonly packetBytes: number;
  readonly roundTrip: number;
}

type Slowdown =
  | { readonly name: "waiting"; readonly at: number; readonly queued: boolean }
  | { readonly name: "holding"; readonly since: number; readonly until: number }
  | { readonly name: "regaining"; readonly since: number };

/**
 * How many bytes may be under way: RFC 6817's window, with slow start until the queue shows or something is lost
 * (BEP 29 begins at one packet and never grows faster than by 1 in a round trip).
 */
export class Ledbat {
  readonly #ours = new DelayHistory();
  readonly #theirs = new DelayHistory();
  #window = windowFirst;
  #slowStart = true;
  #slowStartUntil = windowMax;
  #halvedAt = Number.NEGATIVE_INFINITY;
  /** Now and then the queue is let run empty, to learn how short the way is without us. */
  #slowdown: Slowdown = { name: "waiting", at: Number.POSITIVE_INFINITY, queued: false };

  get window(): number {
    return this.#window;
  }

  /** Microseconds our own packets wait in queues, as far as we know. */
  get queueing(): number {
    return this.#ours.queueing;
  }

  /** What the other side measured of our packets; 0 is "nothing yet" (BEP 29). */
  ourDelay(now: Ms, micros: number): void {
    if (micros !== 0) this.#ours.add(now, micros);
  }

  /**
   * What we measure of theirs. When its least falls, their clock runs faster than ours, or ours slower, and what they
   * measure of our packets grows by as much without any queue.
   */
  theirDelay(now: Ms, micros: number): void {
    const before = this.#theirs.known ? this.#theirs.base : micros;
    this.#theirs.add(now, micros);
    const fell = (before - this.#theirs.base) | 0;
    if (fell > 0 && fell <= driftMax) this.#ours.shift(fell);
  }

  acknowledged(now: Ms, acked: Acknowledged): void {
    const { ackedBytes, flightBytes, packetBytes } = acked;
    const offTarget = Math.max((ledbatTarget - this.#ours.queueing) / ledbatTarget, -1);
    const queueEnough = offTarget < (this.#slowdown.name === "regaining" ? 0 : 0.25);
    if (this.#slowStart && (queueEnough || this.#window >= this.#slowStartUntil)) this.#slowStart = false;
    if (this.#slows(now, acked, offTarget)) return;
    // A window that nothing fills proves nothing (RFC 6817, ALLOWED_INCREASE; our acknowledgements come by eights).
    const used = this.#slowStart ? flightBytes * 2 : flightBytes + 8 * packetBytes;
    if (offTarget > 0 && used < this.#window) return;
    // In a round trip one packet more, less what the queue is too long, and never more than half
    // (ledbat-plus-plus, 4.1, 4.2). BEP 29 adds a packet times `offTarget`: flows at the target then keep whatever
    // shares they have, and a queue once too long stays for minutes.
    const perRoundTrip = packetBytes + Math.min(offTarget, 0) * this.#window;
    const change = this.#slowStart
      ? ackedBytes
      : (ackedBytes / this.#window) * Math.max(perRoundTrip, -this.#window / 2);
    this.#set(this.#window + change, packetBytes);
  }

  /** Something was lost that was sent after the last time we halved: once in a round trip. */
  lost(now: Ms, packetBytes: number): void {
    if (now - this.#halvedAt < lossWaitMin) return;
    this.#halvedAt = now;
    this.#slowStart = false;
    const floor = this.#ours.queueing < ledbatTarget / 4 ? windowBytesLossy : 0;
    // BEP 29: "multiplied by 0.5 to mimic TCP"
    this.#set(Math.max(this.#window / 2, Math.min(floor, this.#window)), packetBytes);
    this.#slowStartUntil = this.#window;
  }

  /** Nobody answers: one packet at a time (BEP 29, "timeouts"), then as fast as before by half. */
  timedOut(packetBytes: number): void {
    this.#slowStartUntil = Math.max(this.#window / 2, 2 * packetBytes);
    this.#slowStart = true;
    this.#window = packetBytes;
  }

  /** After a long silence nobody knows what the path bears. */
  rested(): void {
    if (this.#window <= windowFirst) return;
    this.#slowStartUntil = this.#window;
    this.#slowStart = true;
    this.#window = windowFirst;
  }

  /**
   * True while the window is held low. A flow that begins behind another's queue takes that queue for the length of
   * the way and drives the other out; after an empty moment both know better (draft-irtf-iccrg-ledbat-plus-plus, 4.4).
   */
  #slows(now: Ms, acked: Acknowledged, offTarget: number): boolean {
    const slowdown = this.#slowdown;
    switch (slowdown.name) {
      case "waiting": {
        const queued = slowdown.queued || offTarget < 0.75;
        const first = slowdown.at === Number.POSITIVE_INFINITY && !this.#slowStart;
        const at = first ? now + 2 * acked.roundTrip : slowdown.at;
        if (at !== slowdown.at || queued !== slowdown.queued)
          this.#slowdown = { name: "waiting", at, queued };
        // Without a queue of ours there is nothing to let run empty.
        if (now < at || !queued) return false;
        this.#slowStartUntil = this.#window;
        this.#window = windowPacketsMin * acked.packetBytes;
        this.#slowdown = { name: "holding", since: now, until: now + 2 * acked.roundTrip };
        return true;
      }
      case "holding":
        if (now < slowdown.until) return true;
        this.#slowStart = true;
        this.#slowdown = { name: "regaining", since: slowdown.since };
        return false;
      case "regaining":
        if (this.#slowStart) return false;
        this.#slowdown = {
          name: "waiting",
          at: now + slowdownShare * (now - slowdown.since),
          queued: false,
        };
        return false;
    }
  }

  #set(window: number, packetBytes: number): void {
    this.#window = Math.min(Math.max(window, windowPacketsMin * packetBytes), windowMax);
  }
}
