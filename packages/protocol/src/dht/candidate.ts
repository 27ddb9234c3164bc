import { latin1 } from "@dure/base";
import type { CompactNode } from "./compact-node.ts";
import { keyBytes } from "./distance.ts";

/**
 * Heard of; asked; slow: no answer within the short time-out; answered; silent: none within the full one, or an answer
 * that shows it is not who it was said to be. A slow one may still answer, a silent one is done with.
 */
export type CandidateState = "heard" | "asked" | "slow" | "answered" | "silent";

/** Words for a node that are remembered. */
const namersMax = 3;

/** A node that a lookup knows of. */
export class Candidate {
  readonly node: CompactNode;
  /** Distance to the target as a share of the space. */
  readonly share: number;
  /** Its id fits its address (BEP 42), or needs not to. */
  readonly secure: boolean;
  /** Its /24 or /64, where a lookup takes one node of each; undefined where that rule does not hold. */
  readonly subnet: string | undefined;
  /** Steps from our own table. */
  readonly hops: number;
  /** Which of the separate starting paths led here. */
  readonly path: number;
  state: CandidateState = "heard";
  attempts = 0;
  /** Attempts that may still be answered. */
  waiting = 0;
  /** To be asked wherever it lies: it was found from the side of the region. */
  wanted = false;
  /** BEP 5: what it wants to see again with an announce or a put. */
  token: Uint8Array | undefined;
  /** BEP 44: the sequence number of what it stores. */
  heldSequence: number | undefined;
  readonly #namers: Candidate[] = []; // bounded by namersMax; none for those from our own table
  #namedAlive = 0;
  #namedSilent = 0;

  constructor(facts: {
    readonly node: CompactNode;
    readonly share: number;
    readonly secure: boolean;
    readonly limited: boolean;
    readonly hops: number;
    readonly path: number;
    readonly namer: Candidate | undefined;
  }) {
    this.node = facts.node;
    this.share = facts.share;
    this.secure = facts.secure;
    this.subnet = facts.limited ? subnetOf(facts.node) : undefined;
    this.hops = facts.hops;
    this.path = facts.path;
    if (facts.namer !== undefined) this.#namers.push(facts.namer);
  }

  /** Another one spoke for it. */
  namedAgain(namer: Candidate): void {
    if (this.#namers.length === 0 || this.#namers.length >= namersMax || this.#namers.includes(namer)) return;
    this.#namers.push(namer);
  }

  /** Whether it lives is known now: its namers are judged by it. */
  creditNamers(alive: boolean): void {
    for (const namer of this.#namers) {
      if (alive) namer.#namedAlive += 1;
      else namer.#namedSilent += 1;
    }
  }

  /** Everyone who speaks for it named four nodes or more that never answered, and none that did. */
  get disowned(): boolean {
    if (this.#namers.length === 0) return false;
    return this.#namers.every((namer) => namer.#namedAlive === 0 && namer.#namedSilent >= 4);
  }
}

function subnetOf(node: CompactNode): string {
  return latin1(node.compact.subarray(keyBytes, keyBytes + (node.family === 4 ? 3 : 8)));
}
