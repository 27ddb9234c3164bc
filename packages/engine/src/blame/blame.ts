import { assert, at, equalBytes, must } from "@dure/base";

/**
 * Who sent a block: the owner's number for a peer, which must still mean that peer after it left. Negative for a
 * block that nobody here can answer for, since it was on disk before.
 */
export type BlockSource = number;

export interface Verdict {
  /** Peers that certainly sent a false block: to be banned. */
  readonly liars: readonly BlockSource[];
  /**
   * The piece is to be fetched again whole from one peer, if there is one that is not on parole: if that fails too,
   * the verdict is certain, and if it passes, the stored blocks tell who lied.
   */
  readonly sole: boolean;
}

export const blameLimits = {
  /** SHA-1 of each block. */
  digestBytes: 20,
  /** Failed pieces kept; the oldest is forgotten, and with it what it could have proved. */
  failuresMax: 256,
  /** Blocks kept in all of them: how many a piece has is the torrent's choice. */
  blocksMax: 131_072,
} as const;

/** A piece as it was hashed: who sent each block, and the digest of each, one after the other. */
interface Evidence {
  readonly piece: number;
  readonly sources: Int32Array;
  readonly digests: Uint8Array;
}

/**
 * Names the peer whose block was false, and nobody else. Invariants:
 * - a peer is named only when it alone sent a piece that failed, or when its block differs from the right one;
 * - a peer that left is named all the same, as long as its number is kept;
 * - whoever took part in an unresolved failure is on parole: given only whole pieces of its own, its next lie is
 *   certain by itself.
 *
 * It answers for peers, not for the disk: the digests must be of the bytes as they came from the peer.
 */
export class Blame {
  readonly #failures = new Set<Evidence>(); // oldest first; bounded by failuresMax and blocksMax
  readonly #suspicions = new Map<BlockSource, number>(); // stored failures a peer is in; bounded by their blocks
  #blocks = 0;

  /** A piece did not match its hash. */
  failed(piece: number, sources: ArrayLike<BlockSource>, digests: Uint8Array): Verdict {
    const evidence = evidenceOf(piece, sources, digests);
    const alone = soleSource(evidence.sources);
    // The verdict is in. Older failures of the piece, if there are any, still wait for theirs.
    if (alone !== undefined) return { liars: [alone], sole: this.suspects(piece) };
    if (evidence.sources.every((source) => source < 0)) return { liars: [], sole: this.suspects(piece) };
    this.#remember(evidence);
    return { liars: [], sole: true };
  }

  /** A piece matched its hash; gives the peers whose blocks of it had differed when it failed. */
  passed(piece: number, sources: ArrayLike<BlockSource>, digests: Uint8Array): readonly BlockSource[] {
    if (!this.suspects(piece)) return []; // nearly always
    const right = evidenceOf(piece, sources, digests);
    const liars = new Set<BlockSource>(); // bounded by the blocks of the stored failures
    for (const failure of [...this.#failures]) {
      if (failure.piece !== piece) continue;
      assert(failure.sources.length === right.sources.length, "a piece keeps its count of blocks");
      for (const [block, source] of failure.sources.entries()) {
        if (source >= 0 && !sameBlock(failure, right, block)) liars.add(source);
      }
      this.#forget(failure);
    }
    return [...liars];
  }

  /** Does a failure of this piece wait for its verdict? Then `passed` needs the digest of each block. */
  suspects(piece: number): boolean {
    for (const failure of this.#failures) if (failure.piece === piece) return true;
    return false;
  }

  /** Took part in a failure whose liar is not known yet: to be given only whole pieces. */
  onParole(source: BlockSource): boolean {
    return this.#suspicions.has(source);
  }

  /** Failed pieces that wait for their verdict. */
  get pending(): number {
    return this.#failures.size;
  }

  #remember(failure: Evidence): void {
    this.#failures.add(failure);
    this.#blocks += failure.sources.length;
    for (const peer of peersOf(failure)) this.#suspicions.set(peer, (this.#suspicions.get(peer) ?? 0) + 1);
    for (const oldest of this.#failures) {
      if (this.#failures.size <= blameLimits.failuresMax && this.#blocks <= blameLimits.blocksMax) break;
      if (oldest === failure) break; // one piece is always kept, whatever its size
      this.#forget(oldest);
    }
  }

  #forget(failure: Evidence): void {
    this.#failures.delete(failure);
    this.#blocks -= failure.sources.length;
    for (const peer of peersOf(failure)) {
      const count = must(this.#suspicions.get(peer), "a stored failure suspects its sources") - 1;
      if (count === 0) this.#suspicions.delete(peer);
      else this.#suspicions.set(peer, count);
    }
  }
}

/** The peer that sent every block of the piece, if one did. */
export function soleSource(sources: ArrayLike<BlockSource>): BlockSource | undefined {
  const first = sources.length === 0 ? -1 : at(sources, 0);
  for (let block = 0; block < sources.length; block += 1) if (sources[block] !== first) return undefined;
  return first < 0 ? undefined : first;
}

function evidenceOf(piece: number, sources: ArrayLike<BlockSource>, digests: Uint8Array): Evidence {
  assert(sources.length > 0, "a piece has blocks");
  assert(digests.length === sources.length * blameLimits.digestBytes, "one digest for each block");
  return { piece, sources: Int32Array.from(sources), digests: digests.slice() };
}

function sameBlock(a: Evidence, b: Evidence, block: number): boolean {
  const from = block * blameLimits.digestBytes;
  const to = from + blameLimits.digestBytes;
  return equalBytes(a.digests.subarray(from, to), b.digests.subarray(from, to));
}

function peersOf(failure: Evidence): ReadonlySet<BlockSource> {
  return new Set(failure.sources.filter((source) => source >= 0));
}
