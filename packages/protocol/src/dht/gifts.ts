import { type Ms, must } from "@dure/base";
import type { KrpcError, KrpcResponse, QueryBody } from "../krpc/index.ts";
import type { Asker, Purpose } from "./asker.ts";
import type { Candidate } from "./candidate.ts";
import type { Endpoint, Stalled } from "./endpoint.ts";

/** Stored at so many nodes at once. */
const outstandingMax = 16;
/** A store that is not confirmed is sent again once: a packet lost is a copy lost. */
const attemptsMax = 2;

interface Gift {
  readonly candidate: Candidate;
  readonly body: QueryBody;
  state: "queued" | "out" | "settled";
  attempts: number;
  /** Attempts that may still be answered. */
  waiting: number;
}

/** Leaves something at each of many nodes: the end of an announce or a put. */
export class Gifts implements Asker, Stalled {
  readonly #endpoint: Endpoint;
  readonly #owner: { giftsEnded(now: Ms): void };
  readonly #gifts = new Map<Candidate, Gift>(); // bounded by who gives them
  readonly #waiting: Gift[] = []; // as many at most
  #outstanding = 0;
  #stopped = false;
  queries = 0;
  stored = 0;
  timeouts = 0;
  readonly refusals = new Map<number, number>(); // by error code; no more than gifts

  constructor(endpoint: Endpoint, owner: { giftsEnded(now: Ms): void }) {
    this.#endpoint = endpoint;
    this.#owner = owner;
  }

  start(now: Ms, gifts: readonly { readonly candidate: Candidate; readonly body: QueryBody }[]): void {
    for (const { candidate, body } of gifts) {
      const gift: Gift = { candidate, body, state: "queued", attempts: 0, waiting: 0 };
      this.#gifts.set(candidate, gift);
      this.#waiting.push(gift);
    }
    this.advance(now);
  }

  stop(): void {
    this.#stopped = true;
    this.#endpoint.unstall(this);
  }

  advance(now: Ms): void {
    while (!this.#stopped && this.#outstanding < outstandingMax) {
      const gift = this.#waiting[0];
      if (gift === undefined) break;
      const { node } = gift.candidate;
      const purpose = { asker: this, to: node.address, node, candidate: gift.candidate };
      if (!this.#endpoint.ask(now, purpose, gift.body)) return this.#endpoint.stall(this);
      this.#waiting.shift();
      this.queries += 1;
      this.#outstanding += 1;
      gift.state = "out";
      gift.attempts += 1;
      gift.waiting += 1;
    }
    if (this.#outstanding === 0 && this.#waiting.length === 0 && !this.#stopped) {
      this.stop();
      this.#owner.giftsEnded(now);
    }
  }

  answered(now: Ms, purpose: Purpose, _response: KrpcResponse): void {
    if (this.#settle(purpose)) this.stored += 1;
    this.advance(now);
  }

  refused(now: Ms, purpose: Purpose, error: KrpcError): void {
    if (this.#settle(purpose)) this.refusals.set(error.code, (this.refusals.get(error.code) ?? 0) + 1);
    this.advance(now);
  }

  // Sent again at once; after the second time, the end does not wait for it.
  slow(now: Ms, purpose: Purpose): void {
    const gift = this.#giftOf(purpose);
    if (gift.state === "out") this.#again(now, gift);
  }

  // Without having been slow before: the network changed.
  silent(now: Ms, purpose: Purpose): void {
    const gift = this.#giftOf(purpose);
    gift.waiting -= 1;
    if (gift.state === "out" && gift.waiting === 0) this.#again(now, gift);
  }

  #again(now: Ms, gift: Gift): void {
    this.#outstanding -= 1;
    const last = gift.attempts >= attemptsMax;
    gift.state = last ? "settled" : "queued";
    if (last) this.timeouts += 1;
    else this.#waiting.unshift(gift);
    this.advance(now);
  }

  #settle(purpose: Purpose): boolean {
    const gift = this.#giftOf(purpose);
    if (gift.state === "settled") return false;
    if (gift.state === "out") this.#outstanding -= 1;
    else this.#waiting.splice(this.#waiting.indexOf(gift), 1);
    gift.state = "settled";
    return true;
  }

  #giftOf(purpose: Purpose): Gift {
    return must(
      purpose.candidate && this.#gifts.get(purpose.candidate),
      "only those who were given something answer",
    );
  }
}
