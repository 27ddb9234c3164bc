import { type Address, formatAddress, type KeyedHash, type Ms, ms, Queue, sipHash, viewOf } from "@dure/base";
import type { RoundTrips } from "./round-trips.ts";

/** Queries in flight at once, over all lookups of an endpoint. At the top, whoever wants to ask waits. */
export const transactionsMax = 512;

export interface Transaction<Purpose> {
  readonly id: number;
  readonly to: Address;
  readonly purpose: Purpose;
  readonly sentAt: Ms;
  readonly shortUntil: Ms;
  readonly fullUntil: Ms;
}

export type Overdue<Purpose> = {
  /** Slow: may still answer, but somebody else can be asked. Silent: no answer is expected any more. */
  readonly type: "slow" | "silent";
  readonly transaction: Transaction<Purpose>;
};

/**
 * Queries of one endpoint that wait for an answer. An answer counts when its 32 random bits are those of a query to
 * the very address it comes from: who cannot read our packets has one chance in 2^32 for each he forges.
 */
export class Transactions<Purpose> {
  readonly #waiting = new Map<number, Transaction<Purpose>>(); // bounded by transactionsMax
  readonly #places = new Map<string, number>(); // queries waiting by address, bounded with them
  readonly #draw: KeyedHash;
  readonly #roundTrips: RoundTrips;
  #drawn = 0;
  // By time of sending, so nearly by deadline too: waits change slowly. Bounded by what was sent within a full wait.
  readonly #bySlow = new Queue<Transaction<Purpose>>();
  readonly #bySilent = new Queue<Transaction<Purpose>>();

  /** `key`: 16 secret bytes. Who sees some of our ids can then not tell the next, as he could from a plain generator. */
  constructor(options: { readonly key: Uint8Array; readonly roundTrips: RoundTrips }) {
    this.#draw = sipHash(options.key);
    this.#roundTrips = options.roundTrips;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get full(): boolean {
    return this.#waiting.size >= transactionsMax;
  }

  /** Whether an answer from there is expected. */
  awaits(from: Address): boolean {
    return this.#places.has(formatAddress(from));
  }

  /** A new query; undefined at the top. */
  open(now: Ms, to: Address, purpose: Purpose): Transaction<Purpose> | undefined {
    if (this.full) return undefined;
    let id = this.#newId();
    while (this.#waiting.has(id)) id = this.#newId(); // at most 512 of 2^32 are taken
    const shortUntil = ms(now + this.#roundTrips.shortWait);
    const fullUntil = ms(now + this.#roundTrips.fullWait);
    const transaction = { id, to, purpose, sentAt: now, shortUntil, fullUntil };
    this.#waiting.set(id, transaction);
    this.#count(to, 1);
    this.#bySlow.push(transaction);
    this.#bySilent.push(transaction);
    return transaction;
  }

  /** The query that this answers, now no longer waiting; undefined when there is none. */
  close(now: Ms, from: Address, id: Uint8Array): Transaction<Purpose> | undefined {
    if (id.length !== 4) return undefined;
    const transaction = this.#waiting.get(viewOf(id).getUint32(0));
    if (transaction === undefined) return undefined;
    if (transaction.to.ip !== from.ip || transaction.to.port !== from.port) return undefined;
    this.#forget(transaction);
    this.#roundTrips.add(now - transaction.sentAt);
    return transaction;
  }

  /** The next query that became slow or silent by now; call until undefined. */
  overdue(now: Ms): Overdue<Purpose> | undefined {
    const slow = this.#head(this.#bySlow);
    if (slow !== undefined && slow.shortUntil <= now) {
      this.#bySlow.shift();
      return { type: "slow", transaction: slow };
    }
    const silent = this.#head(this.#bySilent);
    if (silent === undefined || silent.fullUntil > now) return undefined;
    this.#bySilent.shift();
    this.#forget(silent);
    return { type: "silent", transaction: silent };
  }

  deadline(): Ms | undefined {
    const slow = this.#head(this.#bySlow)?.shortUntil;
    const silent = this.#head(this.#bySilent)?.fullUntil;
    if (slow === undefined || silent === undefined) return slow ?? silent;
    return ms(Math.min(slow, silent));
  }

  /** Nobody waits any more: the network changed. */
  clear(): Transaction<Purpose>[] {
    const dropped = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#places.clear();
    this.#bySlow.clear();
    this.#bySilent.clear();
    return dropped;
  }

  #forget(transaction: Transaction<Purpose>): void {
    this.#waiting.delete(transaction.id);
    this.#count(transaction.to, -1);
  }

  #count(place: Address, change: 1 | -1): void {
    const key = formatAddress(place);
    const count = (this.#places.get(key) ?? 0) + change;
    if (count === 0) this.#places.delete(key);
    else this.#places.set(key, count);
  }

  #newId(): number {
    this.#drawn += 1;
    return this.#draw(transactionBytes(this.#drawn)).low >>> 0;
  }

  // Answered ones are passed over where they stand: taking them out of the middle would cost more.
  #head(queue: Queue<Transaction<Purpose>>): Transaction<Purpose> | undefined {
    for (;;) {
      const head = queue.peek();
      if (head === undefined || this.#waiting.get(head.id) === head) return head;
      queue.shift();
    }
  }
}

export function transactionBytes(id: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(id >>> 24, id >>> 16, id >>> 8, id);
}
