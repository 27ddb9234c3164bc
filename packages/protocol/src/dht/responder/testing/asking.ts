import { type Address, type Ms, ms, Prng } from "@dure/base";
import {
  type DhtItem,
  type DhtKey,
  decodeKrpc,
  type KrpcMessage,
  type KrpcQuery,
  type QueryBody,
  type ResponseBody,
} from "../../../krpc/index.ts";
import type { PendingPut, ResponderOptions, ResponderView } from "../messages.ts";
import { Responder } from "../responder.ts";
import { Source } from "../source.ts";

export const ownId = new Uint8Array(20).fill(0x11);
export const asker = new Uint8Array(20).fill(0x22);
export const secret = new Prng(99).bytes(16);

export function key(seed: number): DhtKey {
  return new Prng(seed, "key").bytes(20);
}

/** What is close to us: the first `bits / 8` bytes are ours. */
export function keyNear(bytes: number, seed: number): DhtKey {
  const near = key(seed);
  near.set(ownId.subarray(0, bytes));
  return near;
}

export function sourceAt(ip: string, port = 6881, countLocal = false): Source {
  const source = new Source(countLocal);
  source.read({ ip, port });
  return source;
}

/** A table that knows eight nodes of each family. */
export function viewOf4(over: Partial<ResponderView> = {}): ResponderView {
  const nodes = new Uint8Array(8 * 26).fill(4);
  const nodes6 = new Uint8Array(8 * 38).fill(6);
  return { ownId, family: 4, closest4: () => nodes, closest6: () => nodes6, ...over };
}

export function query(body: QueryBody, over: Partial<KrpcQuery> = {}): KrpcQuery {
  const transaction = Uint8Array.of(0x61, 0x61);
  return { kind: "query", transaction, version: undefined, id: asker, readOnly: false, body, ...over };
}

export const getPeers = (infoHash: DhtKey, over: Partial<QueryBody & { type: "get-peers" }> = {}) =>
  query({ type: "get-peers", infoHash, want: undefined, noSeed: false, scrape: false, ...over });

export const announce = (
  infoHash: DhtKey,
  token: Uint8Array,
  over: Partial<QueryBody & { type: "announce-peer" }> = {},
) => query({ type: "announce-peer", infoHash, token, port: 6881, seed: false, ...over });

export const get = (target: DhtKey, sequence?: number) =>
  query({ type: "get", target, want: undefined, sequence });

export const put = (item: DhtItem, token: Uint8Array, cas?: number) =>
  query({ type: "put", token, item, cas });

/** One node and a clock; what it says comes back decoded. */
export class Bench {
  now: Ms = ms(1_000_000);
  readonly responder: Responder;
  readonly view: ResponderView;

  constructor(options: Partial<ResponderOptions> = {}, view: ResponderView = viewOf4()) {
    this.responder = new Responder({ tokenSecret: secret, ...options });
    this.view = view;
  }

  /** `ip` or `ip` and port; the port is 6881 unless said. */
  ask(from: string | Address, asked: KrpcQuery): KrpcMessage | PendingPut | undefined {
    const address = typeof from === "string" ? { ip: from, port: 6881 } : from;
    const answer = this.responder.answer(this.now, address, asked, this.view);
    return answer instanceof Uint8Array ? decoded(answer) : answer;
  }

  /** The body of a response; throws when it is none. */
  heard(from: string | Address, asked: KrpcQuery): ResponseBody {
    const answer = this.ask(from, asked);
    if (answer === undefined || !("kind" in answer) || answer.kind !== "response") {
      throw new Error(`no response but ${JSON.stringify(answer)}`);
    }
    return answer.body;
  }

  /** "ok", the code of an error, "unchecked" or "silence". */
  outcome(from: string | Address, asked: KrpcQuery): "ok" | "unchecked" | "silence" | number {
    const answer = this.ask(from, asked);
    if (answer === undefined) return "silence";
    if (!("kind" in answer)) return "unchecked";
    return answer.kind === "error" ? answer.code : "ok";
  }

  token(from: string | Address, infoHash: DhtKey): Uint8Array {
    return this.heard(from, getPeers(infoHash)).token ?? new Uint8Array();
  }

  announced(
    from: string,
    infoHash: DhtKey,
    port = 6881,
    seed = false,
  ): "ok" | "unchecked" | "silence" | number {
    return this.outcome(from, announce(infoHash, this.token(from, infoHash), { port, seed }));
  }
}

export function decoded(bytes: Uint8Array): KrpcMessage {
  const message = decodeKrpc(bytes);
  if (!message.ok) throw new Error(`undecodable answer: ${message.reason}`);
  return message.value;
}
