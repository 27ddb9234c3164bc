import type { Ms } from "@dure/base";
import type { DhtItem, DhtKey, KrpcResponse, QueryBody } from "../krpc/index.ts";
import type { Candidate } from "./candidate.ts";
import type { DhtOutput } from "./messages.ts";

/** What a request wants of the nodes near its target: what they are asked, what is made of it, what is left there. */
export interface Quest {
  readonly target: DhtKey;
  readonly question: QueryBody;
  /** Something is stored from each of our addresses, not only from one of each family (BEP 45). */
  readonly fromEverywhere: boolean;
  /** `enough`: nothing better can come. */
  heard(now: Ms, candidate: Candidate, response: KrpcResponse): "go-on" | "enough";
  /** The signature of the item that was given to the host is right. */
  verified(now: Ms, item: DhtItem): void;
  /** What to store at a node that gave a token; undefined: nothing. */
  gift(candidate: Candidate): QueryBody | undefined;
  /** Everything was heard: last words. */
  finish(now: Ms): void;
}

export interface QuestHost {
  /** `counts`: it is what was looked for. */
  tell(now: Ms, output: DhtOutput, counts: boolean): void;
  /** Has the signature checked; `verified` is called if it is right. */
  verify(item: DhtItem & { readonly type: "mutable" }): void;
}
