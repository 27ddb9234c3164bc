import { assert, byteAt } from "@dure/base";

/** Who sent a block: a peer by its number, or the disk, when the block was there before this run. */
export type Contributor = number;
export const fromDisk: Contributor = -1;

const open = 0;
const requested = 1;
const received = 2;

/**
 * A piece between its first request and its verdict.
 *
 * A block is open (nobody was asked), requested (of `requesters` peers) or received. `owner` is the one peer that
 * fetches the piece as long as that costs nothing; `sole` is the only peer that may: the piece failed once, or the
 * peer is under suspicion.
 */
export class PartialPiece {
  readonly piece: number;
  readonly blockCount: number;
  owner: number | undefined;
  sole: number | undefined;
  /** Once failed: all of it must come from one peer, so that the next verdict is certain. */
  exclusive: boolean;
  /** A peer that was to send all of it left in the middle. */
  broken = false;
  readonly #state: Uint8Array;
  readonly #requesters: Uint8Array;
  readonly #contributors: Int32Array;
  #openCount: number;
  #receivedCount = 0;
  /** No block below it is open. */
  #openFrom = 0;

  constructor(piece: number, blockCount: number, exclusive: boolean) {
    this.exclusive = exclusive;
    this.piece = piece;
    this.blockCount = blockCount;
    this.#state = new Uint8Array(blockCount);
    this.#requesters = new Uint8Array(blockCount);
    this.#contributors = new Int32Array(blockCount).fill(fromDisk);
    this.#openCount = blockCount;
  }

  get openCount(): number {
    return this.#openCount;
  }

  get receivedCount(): number {
    return this.#receivedCount;
  }

  get complete(): boolean {
    return this.#receivedCount === this.blockCount;
  }

  /** The peer behind each block. */
  get contributors(): Int32Array {
    return this.#contributors;
  }

  isReceived(block: number): boolean {
    return byteAt(this.#state, block) === received;
  }

  requesters(block: number): number {
    return byteAt(this.#requesters, block);
  }

  /** The first block nobody was asked for. */
  nextOpen(): number | undefined {
    if (this.#openCount === 0) return undefined;
    while (byteAt(this.#state, this.#openFrom) !== open) this.#openFrom += 1;
    return this.#openFrom;
  }

  request(block: number): void {
    assert(!this.isReceived(block), "a received block is not asked for");
    if (byteAt(this.#state, block) === open) this.#openCount -= 1;
    this.#state[block] = requested;
    this.#requesters[block] = this.requesters(block) + 1;
  }

  /** A request that will not be answered. */
  release(block: number): void {
    const requesters = this.requesters(block);
    if (requesters === 0) return;
    this.#requesters[block] = requesters - 1;
    if (requesters > 1 || this.isReceived(block)) return;
    this.#state[block] = open;
    this.#openCount += 1;
    this.#openFrom = Math.min(this.#openFrom, block);
  }

  /** The block is in memory or on disk. False when it was there already. */
  receive(block: number, from: Contributor): boolean {
    if (this.isReceived(block)) return false;
    if (byteAt(this.#state, block) === open) this.#openCount -= 1;
    this.#state[block] = received;
    this.#contributors[block] = from;
    this.#receivedCount += 1;
    return true;
  }
}
