import { type Ms, ms, seconds } from "@dure/base";
import type { AnnounceAs, DhtCommand, DhtOutput, DhtRequestId, LookupReport } from "@dure/protocol";

type Command = Exclude<DhtCommand, { readonly type: "cancel" }>;
type WithoutRequest<Part> = Part extends Command ? Omit<Part, "request"> : never;
type PeersQuestion = Omit<Extract<WithoutRequest<Command>, { readonly type: "get-peers" }>, "announce">;

/** A command whose number, and whose port in an announce, are ours to give. */
export type DhtQuestion =
  | Exclude<WithoutRequest<Command>, { readonly type: "get-peers" }>
  | (PeersQuestion & { readonly announce?: { readonly seed: boolean } });

/** What comes of it; `done` is the last. */
export type DhtAnswer = Extract<DhtOutput, { readonly request: DhtRequestId }>;

/** At the top a question ends at once, as cancelled. More than the node itself would keep waiting. */
const questionsMax = 3000;
/**
 * A question waits so long for the node to know its neighbourhood: asked of nobody, it would find nothing. Enough for a
 * second try of the way in, five seconds after the first.
 */
const earlyWait = seconds(8);

/** Who asked what of the DHT, and those who asked before it was ready. */
export class DhtQuestions {
  readonly #announceAs: (seed: boolean) => AnnounceAs;
  readonly #hearers = new Map<DhtRequestId, (answer: DhtAnswer) => void>(); // bounded by questionsMax
  readonly #early = new Map<DhtRequestId, Command>(); // likewise
  #earlyUntil: Ms | undefined;
  #ready = false;
  #last = 0;

  constructor(announceAs: (seed: boolean) => AnnounceAs) {
    this.#announceAs = announceAs;
  }

  /** The command to give now, if any. */
  open(
    now: Ms,
    question: DhtQuestion,
    hear: (answer: DhtAnswer) => void,
  ): { readonly request: DhtRequestId; readonly command: Command | undefined } {
    this.#last += 1;
    const request = this.#last;
    if (this.#hearers.size >= questionsMax) {
      hear({ type: "done", request, report: nothing });
      return { request, command: undefined };
    }
    this.#hearers.set(request, hear);
    const command = this.#commandOf(request, question);
    if (this.#ready) return { request, command };
    this.#early.set(request, command);
    this.#earlyUntil ??= ms(now + earlyWait);
    return { request, command: undefined };
  }

  /** Questions need not wait any more. */
  get ready(): boolean {
    return this.#ready;
  }

  deadline(): Ms | undefined {
    return this.#earlyUntil;
  }

  /** Those that have waited, once the node is ready or they have waited enough. */
  takeEarly(now: Ms, ready: boolean): Command[] {
    this.#ready ||= ready;
    if (this.#earlyUntil === undefined || !(this.#ready || this.#earlyUntil <= now)) return [];
    this.#earlyUntil = undefined;
    const commands = [...this.#early.values()];
    this.#early.clear();
    return commands;
  }

  answered(answer: DhtAnswer): void {
    const hear = this.#hearers.get(answer.request);
    if (answer.type === "done") this.#hearers.delete(answer.request);
    hear?.(answer);
  }

  /** True when the node has to be told. */
  cancel(request: DhtRequestId): boolean {
    if (!this.#early.delete(request)) return this.#hearers.has(request);
    this.answered({ type: "done", request, report: nothing });
    return false;
  }

  all(): DhtRequestId[] {
    return [...this.#hearers.keys()];
  }

  #commandOf(request: DhtRequestId, question: DhtQuestion): Command {
    if (question.type !== "get-peers") return { ...question, request };
    const { announce, ...rest } = question;
    return {
      ...rest,
      request,
      ...(announce === undefined ? {} : { announce: this.#announceAs(announce.seed) }),
    };
  }
}

/** Of a question that was never asked. */
const nothing: LookupReport = {
  closest: [],
  hops: 0,
  queries: 0,
  responses: 0,
  timeouts: 0,
  elapsed: 0,
  firstResult: undefined,
  stored: 0,
  refused: [],
  networkSize: 0,
  cancelled: true,
};
