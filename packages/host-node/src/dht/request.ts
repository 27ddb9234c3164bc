import { Queue } from "@dure/base";
import type { DhtRequest, LookupReport } from "../dht-api.ts";

/** Results that nobody has taken; beyond it the oldest go. */
const foundMax = 10_000;

/** A question under way, as its asker sees it: fed by `found` and `end`. */
export class Request<Found> implements DhtRequest<Found> {
  readonly done: Promise<LookupReport>;
  readonly #cancel: () => void;
  readonly #found = new Queue<Found>(); // bounded by foundMax
  readonly #takers: ((result: IteratorResult<Found, undefined>) => void)[] = []; // one for each `next` that is awaited
  #resolve: (report: LookupReport) => void = () => {};
  #ended = false;

  constructor(cancel: () => void) {
    this.#cancel = cancel;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  cancel(): void {
    if (!this.#ended) this.#cancel();
  }

  [Symbol.asyncIterator](): AsyncIterator<Found, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  found(found: Found): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) return taker({ done: false, value: found });
    this.#found.push(found);
    if (this.#found.size > foundMax) this.#found.shift();
  }

  end(report: LookupReport): void {
    this.#ended = true;
    this.#resolve(report);
    for (const taker of this.#takers.splice(0)) taker({ done: true, value: undefined });
  }

  #next(): Promise<IteratorResult<Found, undefined>> {
    if (this.#found.size > 0) {
      const value = this.#found.shift() as Found; // there is one
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#takers.push(resolve));
  }
}
