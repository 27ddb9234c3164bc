import { assert, equalBytes, must } from "@dure/base";

/**
 * Who sent a block: whatever names a peer beyond its connection (its address), or null for a block that was on
 * disk before and that nobody here can answer for.
 */
export type BlockSource = string | null;

/** A piece as it was hashed: block by block, who sent it and its SHA-1. */
export interface PieceEvidence {
  readonly piece: number;
  readonly contributors: readonly BlockSource[];
  /** 20 bytes for each block, in order; of the bytes as they came, since the disk may spoil them later. */
  readonly blockDigests: Uint8Array;
}

export interface Verdict {
  /** Peers that certainly sent a false block: to be banned. In the order of their blocks. */
  readonly liars: readonly string[];
  /**
   * The piece is to be fetched again whole from one peer, if there is one that is not suspected: if that fails too,
   * the verdict is certain, and if it passes, the stored blocks tell who lied.
   */
  readonly sole: boolean;
}

export interface BlameOptions {
  /** Failed pieces kept; the oldest is forgotten, and with it what it could have proved. */
  readonly failuresMax?: number;
  /** Blocks kept in all of them, since the size of a piece is the torrent's choice. */
  readonly blocksMax?: number;
}

export const blameLimits = { digestBytes: 20, failuresMax: 256, blocksMax: 131_072 } as const;

interface Failure {
  readonly piece: number;
  readonly contributors: readonly BlockSource[];
  readonly blockDigests: Uint8Array;
}

/**
 * Names the peer whose block was false, and nobody else. Invariants:
 * - a peer is named only when it alone sent a piece that failed, or when its block differs from the right one;
 * - a peer that left is named all the same: evidence is kept under its address, not its connection;
 * - whoever took part in an unresolved failure is on parole: given only whole pieces of its own, its next lie is
 *   certain by itself.
 */
export class Blame {
  readonly #failuresMax: number;
  readonly #blocksMax: number;
  readonly #failures = new Set<Failure>(); // oldest first; bounded by failuresMax and blocksMax
  readonly #suspicions = new Map<string, number>(); // how many failures hold this peer; bounded by their blocks
  #blocks = 0;

  constructor(options: BlameOptions = {}) {
    this.#failuresMax = options.failuresMax ?? blameLimits.failuresMax;
    this.#blocksMax = options.blocksMax ?? blameLimits.blocksMax;
  }

  /** A piece did not match its hash. */
  failed(evidence: PieceEvidence): Verdict {
    this.#check(evidence);
    const alone = soleContributor(evidence.contributors);
    // Nothing to compare later: the verdict is in, and the piece may come from anywhere unless older failures wait.
    if (alone !== undefined) return { liars: [alone], sole: this.mustBeSole(evidence.piece) };
    if (evidence.contributors.every((contributor) => contributor === null)) return { liars: [], sole: false };
    this.#remember(evidence);
    return { liars: [], sole: true };
  }

  /** A piece matched its hash; gives the peers whose blocks of it had differed when it failed. */
  passed(evidence: PieceEvidence): readonly string[] {
    if (!this.mustBeSole(evidence.piece)) return []; // nearly always
    this.#check(evidence);
    const liars = new Set<string>(); // bounded by the blocks of the stored failures
    for (const failure of [...this.#failures]) {
      if (failure.piece !== evidence.piece) continue;
      for (const [block, contributor] of failure.contributors.entries()) {
        if (contributor !== null && !this.#sameBlock(failure, evidence, block)) liars.add(contributor);
      }
      this.#forget(failure);
    }
    return [...liars];
  }

  /** Does a failure of this piece wait for its verdict? Then it is fetched from one peer alone, and hashed by block. */
  mustBeSole(piece: number): boolean {
    for (const failure of this.#failures) if (failure.piece === piece) return true;
    return false;
  }

  /** Took part in a failure whose liar is not known yet: to be given only whole pieces. */
  onParole(contributor: string): boolean {
    return this.#suspicions.has(contributor);
  }

  /** Failed pieces that wait for their verdict. */
  get pending(): number {
    return this.#failures.size;
  }

  #remember(evidence: PieceEvidence): void {
    const failure: Failure = {
      piece: evidence.piece,
      contributors: [...evidence.contributors],
      blockDigests: evidence.blockDigests.slice(),
    };
    this.#failures.add(failure);
    this.#blocks += failure.contributors.length;
    for (const peer of peersOf(failure)) this.#suspicions.set(peer, (this.#suspicions.get(peer) ?? 0) + 1);
    for (const oldest of this.#failures) {
      if (this.#failures.size <= this.#failuresMax && this.#blocks <= this.#blocksMax) break;
      if (oldest === failure) break; // one piece is always kept, whatever its size
      this.#forget(oldest);
    }
  }

  #forget(failure: Failure): void {
    this.#failures.delete(failure);
    this.#blocks -= failure.contributors.length;
    for (const peer of peersOf(failure)) {
      const count = must(this.#suspicions.get(peer), "a stored failure suspects its contributors") - 1;
      if (count === 0) this.#suspicions.delete(peer);
      else this.#suspicions.set(peer, count);
    }
  }

  #sameBlock(a: PieceEvidence, b: PieceEvidence, block: number): boolean {
    const from = block * blameLimits.digestBytes;
    const to = from + blameLimits.digestBytes;
    return equalBytes(a.blockDigests.subarray(from, to), b.blockDigests.subarray(from, to));
  }

  #check(evidence: PieceEvidence): void {
    const { contributors, blockDigests } = evidence;
    assert(contributors.length > 0, "a piece has blocks");
    assert(
      blockDigests.length === contributors.length * blameLimits.digestBytes,
      "one digest for each block",
    );
  }
}

/** The peer that sent every block of the piece, if one did. */
export function soleContributor(contributors: readonly BlockSource[]): string | undefined {
  const first = contributors[0];
  if (first === undefined || first === null) return undefined;
  return contributors.every((contributor) => contributor === first) ? first : undefined;
}

function peersOf(failure: Failure): ReadonlySet<string> {
  return new Set(failure.contributors.filter((contributor) => contributor !== null));
}
