import { type Ms, must } from "@dure/base";
import type { KrpcError, KrpcResponse, QueryBody } from "../krpc/index.ts";
import type { Asker, Purpose } from "./asker.ts";
import type { Candidate } from "./candidate.ts";
import type { CompactNode } from "./compact-node.ts";
import type { Endpoint, Stalled } from "./endpoint.ts";
import type { Lookup } from "./lookup.ts";

/** Who wants the lookup. */
export interface LookupOwner {
  /** A node answered. `enough` ends the lookup at once. */
  heard(now: Ms, candidate: Candidate, response: KrpcResponse): "go-on" | "enough";
  /** Nobody is left to be asked; until then the lookup may not end. */
  mayEnd(): boolean;
  /** `enough`: because it was, and not because everyone was asked. */
  ended(now: Ms, run: LookupRun, enough: boolean): void;
}

/** Carries out a lookup over an endpoint: asks whom it names and tells it what came of it. */
export class LookupRun implements Asker, Stalled {
  readonly lookup: Lookup;
  readonly #endpoint: Endpoint;
  readonly #body: QueryBody;
  readonly #owner: LookupOwner;
  responses = 0;
  timeouts = 0;
  #running = false;

  constructor(options: {
    readonly lookup: Lookup;
    readonly endpoint: Endpoint;
    readonly body: QueryBody;
    readonly owner: LookupOwner;
  }) {
    this.lookup = options.lookup;
    this.#endpoint = options.endpoint;
    this.#body = options.body;
    this.#owner = options.owner;
  }

  /** Begins, or begins again after nodes were added to the lookup. */
  start(now: Ms): void {
    this.#running = true;
    this.advance(now);
  }

  /** Ends without a word to the owner. */
  stop(): void {
    this.#running = false;
    this.#endpoint.unstall(this);
  }

  advance(now: Ms): void {
    while (this.#running) {
      const next = this.lookup.next();
      if (next === "wait") return;
      if (next === "done") return this.#end(now);
      if (!this.#ask(now, next)) return this.#endpoint.stall(this);
    }
  }

  answered(now: Ms, purpose: Purpose, response: KrpcResponse, node: CompactNode): void {
    const candidate = candidateOf(purpose);
    this.responses += 1;
    const named = node.family === 4 ? response.body.nodes : response.body.nodes6;
    this.lookup.answered(candidate, named ?? noNodes);
    if (!this.#running) return;
    if (this.#owner.heard(now, candidate, response) === "enough") this.#end(now, true);
    else this.advance(now);
  }

  // It lives, and can say nothing to this: as good as an empty answer, and it ends the wait.
  refused(now: Ms, purpose: Purpose, _error: KrpcError): void {
    this.responses += 1;
    this.lookup.answered(candidateOf(purpose), noNodes);
    this.advance(now);
  }

  slow(now: Ms, purpose: Purpose): void {
    this.lookup.slow(candidateOf(purpose));
    this.advance(now);
  }

  silent(now: Ms, purpose: Purpose): void {
    this.timeouts += 1;
    this.lookup.silent(candidateOf(purpose));
    this.advance(now);
  }

  #ask(now: Ms, candidate: Candidate): boolean {
    const { node } = candidate;
    const asked = this.#endpoint.ask(now, { asker: this, to: node.address, node, candidate }, this.#body);
    if (asked) this.lookup.asked(candidate);
    return asked;
  }

  #end(now: Ms, enough = false): void {
    if (!enough && !this.#owner.mayEnd()) return this.#endpoint.stall(this);
    this.stop();
    this.#owner.ended(now, this, enough);
  }
}

const noNodes = new Uint8Array(0);

function candidateOf(purpose: Purpose): Candidate {
  return must(purpose.candidate, "a lookup asks its candidates");
}
