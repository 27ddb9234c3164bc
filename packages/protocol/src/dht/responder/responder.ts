import { type Address, BoundedMap, type Ms, sipHash } from "@dure/base";
import {
  encodeKrpc,
  type KrpcError,
  type KrpcQuery,
  type KrpcResponse,
  Slab,
  signedBytes,
} from "../../krpc/index.ts";
import { Answers, type AnswerTo, type Asked, type UncheckedPut } from "./answers.ts";
import { copyOfItem, type Put } from "./item-store.ts";
import { copyOf } from "./key-bytes.ts";
import { responderLimits } from "./limits.ts";
import type {
  Answering,
  PendingPut,
  ResponderAnswer,
  ResponderOptions,
  ResponderStatus,
  ResponderView,
} from "./messages.ts";
import { RateGuard, type Verdict } from "./rate-guard.ts";
import { Source } from "./source.ts";

/**
 * The answering half of a DHT node: who is answered, with what, and what is kept. One for all endpoints of a node.
 *
 *     query -> limits -> stores, tokens -> datagram
 *                            |
 *                            +-> a signature to check -> `verified` -> datagram
 */
export class Responder implements Answering {
  readonly #answers: Answers;
  readonly #guard: RateGuard;
  readonly #source: Source;
  readonly #slab = new Slab(slabBytes);
  readonly #jobs = new BoundedMap<number, Job>({
    max: responderLimits.signatureJobsMax,
    full: "drop-oldest",
  });
  #lastJob = 0;
  #answered = 0;
  #dropped = 0;

  constructor(options: ResponderOptions) {
    this.#answers = new Answers(options);
    this.#source = new Source(options.countLocal ?? false);
    this.#guard = new RateGuard({
      answersPerSource: options.answersPerSource ?? responderLimits.sourceAnswersPerSecond,
      bytesPerSecond: options.answerRate ?? responderLimits.answerBytesPerSecond,
      seed: sipHash(options.tokenSecret.subarray(0, 16))(Uint8Array.of(0x67)).low,
    });
  }

  banned(now: Ms, from: Address): boolean {
    if (!this.#source.read(from) || !this.#guard.isBanned(now, this.#source)) return false;
    this.#dropped += 1;
    return true;
  }

  answer(now: Ms, from: Address, query: KrpcQuery, view: ResponderView): ResponderAnswer {
    const source = this.#source;
    if (!source.read(from)) return this.#drop();
    const verdict = this.#guard.admit(now, source);
    if (verdict === "none") return this.#drop();
    const asked: Asked = { now, from, source, query, view };
    if (verdict === "reserve" && !this.#isKnown(asked)) return this.#drop();
    const reply = this.#answers.respond(asked);
    if (reply.kind === "unchecked") return this.#ask(asked, reply, verdict);
    if (provesToken(asked, reply)) this.#guard.prove(source);
    return this.#send(reply, verdict);
  }

  verified(now: Ms, job: number, good: boolean): Uint8Array | undefined {
    const pending = this.#jobs.get(job);
    if (pending === undefined || !this.#source.read(pending.to.from)) return undefined;
    this.#jobs.delete(job);
    const reply = this.#answers.finish(now, this.#source, pending.put, good, pending.to);
    return this.#send(reply, pending.verdict);
  }

  deadline(): Ms | undefined {
    return this.#answers.deadline();
  }

  wake(now: Ms): void {
    this.#answers.wake(now);
  }

  status(): ResponderStatus {
    return { ...this.#answers.counts, answered: this.#answered, dropped: this.#dropped };
  }

  /** Sources whose rate is being watched, for those who count memory. */
  get sourcesCount(): number {
    return this.#guard.sourcesCount;
  }

  #isKnown(asked: Asked): boolean {
    if (this.#guard.isProven(asked.source)) return true;
    return asked.view.knows?.(asked.from) === true || this.#answers.hasToken(asked);
  }

  #ask(asked: Asked, { put }: UncheckedPut, verdict: Verdict): PendingPut {
    this.#guard.prove(asked.source);
    // The query's bytes and ids are views into memory that is not ours for longer than this call.
    const item = copyOfItem(put.item);
    const ownId = copyOf(put.ownId);
    this.#lastJob += 1;
    this.#jobs.set(this.#lastJob, {
      put: { ...put, item, ownId },
      to: { from: asked.from, transaction: copyOf(asked.query.transaction), ownId },
      verdict,
    });
    const { publicKey, signature } = item;
    return { type: "verify", job: this.#lastJob, publicKey, signature, message: signedBytes(item) };
  }

  #send(reply: KrpcResponse | KrpcError, verdict: Verdict): Uint8Array {
    const bytes = encodeKrpc(reply, this.#slab);
    this.#guard.spend(verdict, bytes.length);
    this.#answered += 1;
    return bytes;
  }

  #drop(): undefined {
    this.#dropped += 1;
    return undefined;
  }
}

// Some thirty answers; small, since a simulator has ten thousand nodes.
const slabBytes = 8 * 1024;

/** A put that waits for the verdict on its signature. */
interface Job {
  readonly put: Put;
  readonly to: AnswerTo;
  readonly verdict: Verdict;
}

// An announce or a put is only ever done with a right token.
function provesToken({ query: { body } }: Asked, reply: KrpcResponse | KrpcError): boolean {
  return (body.type === "announce-peer" || body.type === "put") && reply.kind === "response";
}
