import type { Ms } from "@dure/base";
import type { KnownPeer } from "./known-peer.ts";
import { peerLimits } from "./limits.ts";

interface Subscriber {
  ports: number;
  /** Tries since one succeeded; a try under way counts. */
  tries: number;
  triedAt: Ms;
}

/**
 * Strangers can name one IP with many ports so that every peer of a swarm knocks there (DESIGN.md section 6). Where
 * an IP has several ports, a few tries at any of them are enough until one succeeds, or a day has passed.
 * One entry for each IP in the book, so the book's ceiling is this one's too.
 */
export class VictimGuard {
  readonly #subscribers = new Map<string, Subscriber>();

  /** Addresses in the book at the IP of `peer`. */
  ports(peer: KnownPeer): number {
    return this.#of(peer)?.ports ?? 0;
  }

  added(peer: KnownPeer): void {
    if (peer.subscriber === undefined) return;
    const subscriber = this.#of(peer);
    if (subscriber !== undefined) subscriber.ports += 1;
    else this.#subscribers.set(peer.subscriber, { ports: 1, tries: 0, triedAt: peer.heardAt });
  }

  removed(peer: KnownPeer): void {
    const subscriber = this.#of(peer);
    if (subscriber === undefined || peer.subscriber === undefined) return;
    subscriber.ports -= 1;
    if (subscriber.ports === 0) this.#subscribers.delete(peer.subscriber);
  }

  tried(now: Ms, peer: KnownPeer): void {
    const subscriber = this.#of(peer);
    if (subscriber === undefined) return;
    const stale = now - subscriber.triedAt >= peerLimits.victimForgottenAfter;
    subscriber.tries = stale ? 1 : subscriber.tries + 1;
    subscriber.triedAt = now;
  }

  succeeded(peer: KnownPeer): void {
    const subscriber = this.#of(peer);
    if (subscriber !== undefined) subscriber.tries = 0;
  }

  suspects(now: Ms, peer: KnownPeer): boolean {
    const subscriber = this.#of(peer);
    if (subscriber === undefined || subscriber.ports < 2) return false;
    if (now - subscriber.triedAt >= peerLimits.victimForgottenAfter) return false;
    return subscriber.tries >= peerLimits.victimTries;
  }

  forgive(): void {
    for (const subscriber of this.#subscribers.values()) subscriber.tries = 0;
  }

  #of(peer: KnownPeer): Subscriber | undefined {
    return peer.subscriber === undefined ? undefined : this.#subscribers.get(peer.subscriber);
  }
}
