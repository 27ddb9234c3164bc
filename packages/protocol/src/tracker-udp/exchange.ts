import {
  type Address,
  assert,
  type Family,
  familyOf,
  type InfoHash,
  type Machine,
  type Ms,
  ms,
  type Prng,
  Queue,
} from "@dure/base";
import type { AnnounceRequest, TrackerAnswer } from "../tracker/index.ts";
import type { ConnectionIds } from "./connection-ids.ts";
import { decodeUdpTrackerReply, type UdpTrackerReply } from "./replies.ts";
import { encodeUdpTrackerRequest } from "./requests.ts";

// BEP 15: the wait is 15 * 2^n seconds, n from 0 to 8.
const retryWaitFirst = ms(15_000);
const retriesMax = 8;

export type UdpQuestion =
  | { readonly type: "announce"; readonly announce: AnnounceRequest; readonly urlData: string }
  | { readonly type: "scrape"; readonly infoHashes: readonly InfoHash[] };

export type UdpExchangeInput =
  | { readonly type: "start" }
  /** Anything that came from the tracker's endpoint. */
  | { readonly type: "datagram"; readonly bytes: Uint8Array }
  | { readonly type: "wake" };

export type UdpExchangeOutput =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | TrackerAnswer
  | { readonly type: "gave-up" };

interface Connecting {
  readonly name: "connecting";
  readonly transactionId: number;
  readonly retries: number;
  /** The question's own count of retries: it survives a new connect, so that giving up is certain. */
  readonly asked: number;
  readonly until: Ms;
}

interface Asking {
  readonly name: "asking";
  readonly transactionId: number;
  readonly retries: number;
  readonly until: Ms;
  readonly connectionId: bigint;
  /** When the id may no longer be used. */
  readonly expires: Ms;
  /** Whether this exchange obtained the id itself, or took it from the cache. */
  readonly fresh: boolean;
}

type State = { readonly name: "idle" } | Connecting | Asking | { readonly name: "done" };

/** One announce or scrape to one tracker endpoint, with the connect before it where needed (BEP 15). */
export class UdpExchange implements Machine<UdpExchangeInput, UdpExchangeOutput> {
  readonly #endpoint: Address;
  readonly #family: Family;
  readonly #question: UdpQuestion;
  readonly #connectionIds: ConnectionIds;
  readonly #prng: Prng;
  readonly #outbox = new Queue<UdpExchangeOutput>(); // bounded: at most one entry per handled input
  #state: State = { name: "idle" };

  constructor(options: {
    readonly endpoint: Address;
    readonly question: UdpQuestion;
    readonly connectionIds: ConnectionIds;
    readonly prng: Prng;
  }) {
    this.#endpoint = options.endpoint;
    this.#family = familyOf(options.endpoint.ip);
    this.#question = options.question;
    this.#connectionIds = options.connectionIds;
    this.#prng = options.prng;
  }

  handle(now: Ms, input: UdpExchangeInput): void {
    switch (input.type) {
      case "start":
        assert(this.#state.name === "idle", "an exchange is started once");
        return this.#begin(now);
      case "datagram":
        return this.#receive(now, input.bytes);
      case "wake":
        return this.#expire(now);
    }
  }

  poll(): UdpExchangeOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    const state = this.#state;
    return state.name === "connecting" || state.name === "asking" ? state.until : undefined;
  }

  #begin(now: Ms): void {
    const known = this.#connectionIds.get(now, this.#endpoint);
    if (known === undefined) this.#connect(now, { retries: 0, asked: 0 });
    else this.#ask(now, { connectionId: known.connectionId, expires: known.until, fresh: false, retries: 0 });
  }

  #connect(now: Ms, counts: { readonly retries: number; readonly asked: number }): void {
    this.#sendConnect(now, { name: "connecting", transactionId: this.#prng.uint32(), ...counts });
  }

  #ask(now: Ms, using: Pick<Asking, "connectionId" | "expires" | "fresh" | "retries">): void {
    this.#sendQuestion(now, { name: "asking", transactionId: this.#prng.uint32(), ...using });
  }

  // A retry is the same transaction sent again, so that the answer to either copy counts.

  #sendConnect(now: Ms, state: Omit<Connecting, "until">): void {
    this.#state = { ...state, until: retryAt(now, state.retries) };
    this.#send(encodeUdpTrackerRequest({ action: "connect", transactionId: state.transactionId }));
  }

  #sendQuestion(now: Ms, state: Omit<Asking, "until">): void {
    this.#state = { ...state, until: retryAt(now, state.retries) };
    const question = this.#question;
    const ids = { transactionId: state.transactionId, connectionId: state.connectionId };
    if (question.type === "scrape") {
      return this.#send(
        encodeUdpTrackerRequest({ action: "scrape", infoHashes: question.infoHashes, ...ids }),
      );
    }
    const { announce, urlData } = question;
    this.#send(encodeUdpTrackerRequest({ ...announce, action: "announce", urlData, ...ids }));
  }

  #send(bytes: Uint8Array): void {
    this.#outbox.push({ type: "send", bytes });
  }

  #receive(now: Ms, bytes: Uint8Array): void {
    const state = this.#state;
    if (state.name !== "connecting" && state.name !== "asking") return; // a late answer is no error
    const reply = decodeUdpTrackerReply(bytes, this.#family);
    // UDP is spoofable: what is not our answer is ignored, never fatal.
    if (!reply.ok || reply.value.transactionId !== state.transactionId) return;
    if (reply.value.action === "error") return this.#refuse(now, reply.value.message);
    if (state.name === "asking") return this.#answer(reply.value);
    if (reply.value.action !== "connect") return;
    const { connectionId } = reply.value;
    const expires = this.#connectionIds.set(now, this.#endpoint, connectionId);
    this.#ask(now, { connectionId, expires, fresh: true, retries: state.asked });
  }

  #refuse(now: Ms, failure: string): void {
    const state = this.#state;
    if (state.name !== "asking" || state.fresh) return this.#finish({ type: "refused", failure });
    // An id out of the cache may be what it dislikes (tracker restarted, our address changed): get a new one, once.
    this.#connectionIds.delete(this.#endpoint);
    this.#connect(now, { retries: 0, asked: state.retries });
  }

  #answer(reply: UdpTrackerReply): void {
    if (reply.action === "announce" && this.#question.type === "announce") {
      const { interval, seeders, leechers, peers } = reply;
      this.#finish({ type: "announced", reply: { interval, seeders, leechers, peers } });
    } else if (reply.action === "scrape" && this.#question.type === "scrape") {
      this.#finish({ type: "scraped", swarms: reply.swarms });
    }
  }

  #finish(output: UdpExchangeOutput): void {
    this.#state = { name: "done" };
    this.#outbox.push(output);
  }

  #expire(now: Ms): void {
    const state = this.#state;
    if ((state.name !== "connecting" && state.name !== "asking") || now < state.until) return;
    const retries = state.retries + 1;
    if (retries > retriesMax) return this.#finish({ type: "gave-up" });
    if (state.name === "connecting") return this.#sendConnect(now, { ...state, retries });
    if (now < state.expires) return this.#sendQuestion(now, { ...state, retries });
    // BEP 15, "Announce times out": the id has expired, and the back-off goes on where it was.
    this.#connect(now, { retries, asked: retries });
  }
}

function retryAt(now: Ms, retries: number): Ms {
  return ms(now + retryWaitFirst * 2 ** retries);
}
