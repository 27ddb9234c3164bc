import { type Ms, ms } from "@dure/base";
import { metadataLimits } from "./limits.ts";
import type { MetadataPeer } from "./messages.ts";

/** A peer that says it has the metadata. */
export interface Source {
  readonly peer: MetadataPeer;
  readonly metadataBytes: number;
  /** Pieces it was asked for, and when; bounded by requestsMax. */
  readonly asked: Map<number, Ms>;
  /** Not asked before. */
  restUntil: Ms;
  /** Times in a row that it did not answer. */
  silences: number;
  /** Times it was the only peer to be asked. */
  soleTurns: number;
}

export function newSource(now: Ms, peer: MetadataPeer, metadataBytes: number): Source {
  return { peer, metadataBytes, asked: new Map(), restUntil: now, silences: 0, soleTurns: 0 };
}

export function canBeAsked(now: Ms, source: Source): boolean {
  return source.restUntil <= now && source.asked.size < metadataLimits.requestsMax;
}

/** It kept us waiting. */
export function restForSilence(now: Ms, source: Source): void {
  const rest = metadataLimits.silenceRestFirst * 2 ** Math.min(source.silences, 10);
  source.silences += 1;
  source.restUntil = ms(now + Math.min(rest, metadataLimits.silenceRestMax));
  source.asked.clear();
}

// Total orders: every one ends with the peer.

/** Who is asked next: the least busy. */
export function byBurden(a: Source, b: Source): number {
  return a.asked.size - b.asked.size || a.silences - b.silences || a.peer - b.peer;
}

/** Who is next to send everything alone. */
export function bySoleTurns(a: Source, b: Source): number {
  return a.soleTurns - b.soleTurns || a.silences - b.silences || a.peer - b.peer;
}
