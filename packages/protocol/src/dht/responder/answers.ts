import { type Address, earliest, type Ms, Prng, sipHash } from "@dure/base";
import {
  type DhtItem,
  type DhtKey,
  itemTarget,
  type KrpcError,
  type KrpcQuery,
  type KrpcResponse,
  type QueryBody,
  type ResponseBody,
  type Want,
} from "../../krpc/index.ts";
import { type Fitting, fitNodes, roomForValues } from "./answer-size.ts";
import { ItemStore, type Put, type PutVerdict } from "./item-store.ts";
import { responderLimits } from "./limits.ts";
import type { ResponderOptions, ResponderView } from "./messages.ts";
import type { Source } from "./source.ts";
import { TokenIssuer } from "./token-issuer.ts";
import { TopicStore } from "./topic-store.ts";

const { answerBytesMax, itemAnswerBytesMax, saltBytesMax, valueBytesMax, valuesMax } = responderLimits;

/** A query that gets an answer. */
export interface Asked {
  readonly now: Ms;
  readonly from: Address;
  /** The same as `from`. */
  readonly source: Source;
  readonly view: ResponderView;
  readonly query: KrpcQuery;
}

/** To whom an answer goes and what it repeats of the question. */
export interface AnswerTo {
  readonly from: Address;
  readonly transaction: Uint8Array;
  readonly ownId: DhtKey;
}

/** A put that is in order but for its signature, which nobody has checked yet. */
export interface UncheckedPut {
  readonly kind: "unchecked";
  readonly put: Put & { readonly item: DhtItem & { readonly type: "mutable" } };
}

type Body<Type extends QueryBody["type"]> = QueryBody & { readonly type: Type };

/** What is said to each query, and what it changes in the stores. Who is answered at all is not decided here. */
export class Answers {
  readonly #tokens: TokenIssuer;
  readonly #topics: TopicStore;
  readonly #items: ItemStore;
  readonly #version: Uint8Array | undefined;
  readonly #denied: (key: DhtKey) => boolean;

  constructor(options: ResponderOptions) {
    this.#tokens = new TokenIssuer(options.tokenSecret);
    this.#topics = new TopicStore({
      topicsMax: options.topicsMax ?? responderLimits.topicsMax,
      peersPerTopicMax: options.peersPerTopicMax ?? responderLimits.peersPerTopicMax,
      prng: new Prng(choiceSeed(options.tokenSecret), "answers"),
    });
    this.#items = new ItemStore(options.itemsMax ?? responderLimits.itemsMax);
    this.#version = options.version;
    this.#denied = options.denied ?? (() => false);
  }

  get counts(): { readonly topics: number; readonly peers: number; readonly items: number } {
    return {
      topics: this.#topics.topicsCount,
      peers: this.#topics.peersCount,
      items: this.#items.itemsCount,
    };
  }

  respond(asked: Asked): KrpcResponse | KrpcError | UncheckedPut {
    const { body } = asked.query;
    switch (body.type) {
      case "ping":
        return this.#response(toAsker(asked), {});
      case "find-node":
        return this.#response(toAsker(asked), nodesFor(asked.view, body.target, body.want));
      case "get-peers":
        return this.#getPeers(asked, body);
      case "announce-peer":
        return this.#announcePeer(asked, body);
      case "get":
        return this.#get(asked, body);
      case "put":
        return this.#put(asked, body);
      case "sample-infohashes":
        return this.#sample(asked, body);
      case "unknown":
        // Deployed nodes answer a method of the future that has a target as if it were find_node.
        return body.target === undefined
          ? this.#error(toAsker(asked), unknownMethod)
          : this.#response(toAsker(asked), nodesFor(asked.view, body.target, body.want));
      case "malformed":
        return this.#error(toAsker(asked), malformed[body.code]);
    }
  }

  /** Whether the query brings back a token that was given to its sender, who therefore receives what we send. */
  hasToken({ now, source, query: { body } }: Asked): boolean {
    if (body.type === "announce-peer") return this.#tokens.accepts(now, source.ip, body.infoHash, body.token);
    return body.type === "put" && this.#tokens.accepts(now, source.ip, itemTarget(body.item), body.token);
  }

  /** The end of a put whose signature has been checked since. */
  finish(now: Ms, source: Source, put: Put, good: boolean, to: AnswerTo): KrpcResponse | KrpcError {
    return good ? this.#told(to, this.#items.store(now, source, put)) : this.#error(to, badSignature);
  }

  deadline(): Ms | undefined {
    return earliest(this.#topics.deadline(), this.#items.deadline());
  }

  wake(now: Ms): void {
    this.#topics.wake(now);
    this.#items.wake(now);
  }

  #getPeers(asked: Asked, body: Body<"get-peers">): KrpcResponse {
    const { now, source, view } = asked;
    const { infoHash } = body;
    const nodes = nodesFor(view, infoHash, body.want);
    if (this.#denied(infoHash)) return this.#response(toAsker(asked), nodes);
    const admitted = this.#topics.admits(now, source, infoHash, view.ownId);
    const blooms = body.scrape ? this.#topics.blooms(now, infoHash) : undefined;
    const fitting: Fitting = { bytesMax: answerBytesMax, family: source.family };
    const answer = this.#fitted(asked, fitting, {
      ...nodes,
      ...(admitted && { token: this.#tokens.issue(now, source.ip, infoHash) }),
      ...(blooms && { bloomSeeds: blooms.seeds.toBytes(), bloomPeers: blooms.peers.toBytes() }),
    });
    const countMax = Math.min(valuesMax, roomForValues(answer, fitting));
    const values = this.#topics.peers(infoHash, source.family, { now, countMax, noSeed: body.noSeed });
    if (values.length === 0) return answer;
    return { ...answer, body: { ...answer.body, [source.family === 4 ? "values" : "values6"]: values } };
  }

  #announcePeer(asked: Asked, body: Body<"announce-peer">): KrpcResponse | KrpcError {
    const { now, from, source, view } = asked;
    const { infoHash, seed } = body;
    if (!this.hasToken(asked)) return this.#error(toAsker(asked), badToken);
    if (this.#denied(infoHash)) return this.#error(toAsker(asked), notKept);
    const port = body.port ?? from.port;
    if (port < 1 || port > 0xffff) return this.#error(toAsker(asked), badPort);
    const kept = this.#topics.announce(now, source, { infoHash, ownId: view.ownId, port, seed });
    return kept ? this.#response(toAsker(asked), {}) : this.#error(toAsker(asked), noPlace);
  }

  #get(asked: Asked, body: Body<"get">): KrpcResponse {
    const { now, source, view } = asked;
    const { target } = body;
    const nodes = nodesFor(view, target, body.want);
    if (this.#denied(target)) return this.#response(toAsker(asked), nodes);
    const admitted = this.#items.admits(now, source, target, view.ownId);
    const item = this.#items.get(now, target);
    const fitting: Fitting = { bytesMax: itemAnswerBytesMax, family: source.family };
    return this.#fitted(asked, fitting, {
      ...nodes,
      ...(admitted && { token: this.#tokens.issue(now, source.ip, target) }),
      ...(item && whatIsNewer(item, body.sequence)),
    });
  }

  #put(asked: Asked, body: Body<"put">): KrpcResponse | KrpcError | UncheckedPut {
    const { now, source, view } = asked;
    const { item, cas } = body;
    const to = toAsker(asked);
    const target = itemTarget(item);
    if (item.value.length > valueBytesMax) return this.#error(to, malformed[205]);
    if (item.type === "mutable" && item.salt.length > saltBytesMax) return this.#error(to, malformed[207]);
    if (!this.#tokens.accepts(now, source.ip, target, body.token)) return this.#error(to, badToken);
    if (this.#denied(target)) return this.#error(to, notKept);
    const put = { target, ownId: view.ownId, item, cas };
    const verdict = this.#items.judge(now, source, put);
    if (verdict === "store" && item.type === "mutable") return { kind: "unchecked", put: { ...put, item } };
    return this.#told(to, this.#items.store(now, source, put));
  }

  #sample(asked: Asked, body: Body<"sample-infohashes">): KrpcResponse {
    const { infoHashes, wait } = this.#topics.sample(asked.now);
    const fitting: Fitting = { bytesMax: answerBytesMax, family: asked.source.family };
    return this.#fitted(asked, fitting, {
      ...nodesFor(asked.view, body.target, body.want),
      samples: infoHashes.filter((key) => !this.#denied(key)),
      interval: Math.ceil(wait / 1000),
      storedCount: this.#topics.topicsCount,
    });
  }

  #told(to: AnswerTo, verdict: PutVerdict): KrpcResponse | KrpcError {
    switch (verdict) {
      case "store":
      case "same":
        return this.#response(to, {});
      case "cas-mismatch":
        return this.#error(to, casMismatch);
      case "sequence-too-low":
        return this.#error(to, sequenceTooLow);
      case "no-place":
        return this.#error(to, noPlace);
    }
  }

  #fitted(asked: Asked, fitting: Fitting, body: ResponseBody): KrpcResponse {
    const answer = this.#response(toAsker(asked), body);
    return { ...answer, body: fitNodes(answer, fitting) };
  }

  #response({ from, transaction, ownId }: AnswerTo, body: ResponseBody): KrpcResponse {
    return { kind: "response", transaction, version: this.#version, id: ownId, seenAs: from, body };
  }

  #error({ from, transaction }: AnswerTo, { code, message }: Complaint): KrpcError {
    return { kind: "error", transaction, version: this.#version, code, message, id: undefined, seenAs: from };
  }
}

interface Complaint {
  readonly code: number;
  readonly message: string;
}

const notKept: Complaint = { code: 201, message: "not kept here" };
const noPlace: Complaint = { code: 202, message: "no place for it" };
const badToken: Complaint = { code: 203, message: "bad token" };
const badPort: Complaint = { code: 203, message: "bad port" };
const unknownMethod: Complaint = { code: 204, message: "unknown method" };
const badSignature: Complaint = { code: 206, message: "invalid signature" };
const casMismatch: Complaint = { code: 301, message: "cas mismatch, re-read and try again" };
const sequenceTooLow: Complaint = { code: 302, message: "sequence number less than current" };
const malformed: Readonly<Record<203 | 205 | 207, Complaint>> = {
  203: { code: 203, message: "malformed arguments" },
  205: { code: 205, message: "v too big" },
  207: { code: 207, message: "salt too big" },
};

function toAsker({ from, query, view }: Asked): AnswerTo {
  return { from, transaction: query.transaction, ownId: view.ownId };
}

/** BEP 32: what is wanted, or else what the question's own network has. */
function nodesFor(view: ResponderView, target: DhtKey, want: Want | undefined): ResponseBody {
  const wants4 = want === undefined ? view.family === 4 : want.nodes4;
  const wants6 = want === undefined ? view.family === 6 : want.nodes6;
  if (wants4 && wants6) return { nodes: view.closest4(target), nodes6: view.closest6(target) };
  if (wants4) return { nodes: view.closest4(target) };
  return wants6 ? { nodes6: view.closest6(target) } : {};
}

/** BEP 44: "an item's value should only be sent if its sequence number is greater than the given value". */
function whatIsNewer(item: DhtItem, than: number | undefined): ResponseBody {
  const old = item.type === "mutable" && than !== undefined && item.sequence <= than;
  return old ? { sequence: item.sequence } : { item };
}

// Which peers are chosen need not be a secret, but two nodes should not choose alike.
function choiceSeed(secret: Uint8Array): number {
  const { high, low } = sipHash(secret.subarray(0, 16))(Uint8Array.of(0x63));
  return (high & 0x1f_ffff) * 0x1_0000_0000 + low;
}
