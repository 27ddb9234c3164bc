import type { Address, Family, Ms } from "@dure/base";
import type { DhtKey, KrpcQuery } from "../../krpc/index.ts";

/** What the answering half needs of the asking half, for one query. Endpoints of one family share nothing but stores. */
export interface ResponderView {
  readonly ownId: DhtKey;
  /** Of the endpoint that heard the query. */
  readonly family: Family;
  /** The 8 closest nodes that may be told, 26 bytes each, closest first (BEP 5); fewer or none where there are not as many. */
  closest4(target: DhtKey): Uint8Array;
  /** 38 bytes each (BEP 32). */
  closest6(target: DhtKey): Uint8Array;
  /** Whether this address has answered a query of ours, so that it is no forged one. Asked when bytes are short. */
  knows?(from: Address): boolean;
}

export interface ResponderOptions {
  /** 16 bytes or more of true chance, the host's: tokens are made with it, so that nobody can forge one. */
  readonly tokenSecret: Uint8Array;
  /** Loopback and private sources are limited as others are. Default false. */
  readonly countLocal?: boolean;
  /** All answers together, in bytes a second. Default 32,000. Infinity: no cap. */
  readonly answerRate?: number;
  /** Answers a second to one source, before it is not heard for a while. Default 5. */
  readonly answersPerSource?: number;
  readonly topicsMax?: number;
  readonly peersPerTopicMax?: number;
  readonly itemsMax?: number;
  /** `v` of each answer. Left out: none is sent. */
  readonly version?: Uint8Array;
  /** Info-hashes and targets that are neither kept nor served. */
  readonly denied?: (key: DhtKey) => boolean;
}

/** A signature must be checked before the put is stored and answered: `Responder.verified` completes it. */
export interface PendingPut {
  readonly type: "verify";
  /** The responder's own number for it. */
  readonly job: number;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
}

/** The datagram to send back to where the query came from; undefined: silence. */
export type ResponderAnswer = Uint8Array | PendingPut | undefined;

export interface ResponderStatus {
  readonly topics: number;
  readonly peers: number;
  readonly items: number;
  readonly answered: number;
  /** Queries that met a limit and got silence. */
  readonly dropped: number;
}

/** The answering half as the node uses it: `class Responder implements Answering`. */
export interface Answering {
  /** Cheap, so that the datagrams of a flood need not be decoded: such a source gets silence. */
  banned(now: Ms, from: Address): boolean;
  answer(now: Ms, from: Address, query: KrpcQuery, view: ResponderView): ResponderAnswer;
  /** The verdict on a pending put gives its answer. Who asked, and over which endpoint, the node remembers by job. */
  verified(now: Ms, job: number, good: boolean): Uint8Array | undefined;
  deadline(): Ms | undefined;
  wake(now: Ms): void;
  status(): ResponderStatus;
}
