import type { Address, Family, Ms, Prng } from "@dure/base";
import type { DhtItem, DhtKey, KrpcQuery } from "../../krpc/index.ts";

/** What the answering half needs to know of the asking half, for the endpoint a query came in on. */
export interface ResponderView {
  readonly id: DhtKey;
  /** BEP 43: we answer nothing. */
  readonly readOnly: boolean;
  /** Compact node info (26 or 38 bytes each) of the at most 8 good nodes closest to `target`; may be empty. */
  closest(target: DhtKey, family: Family): Uint8Array;
  /** Whether this address has answered one of our queries. Asked only when answers are short of bytes. */
  knows?(from: Address): boolean;
}

export interface ResponderOptions {
  /** 16 bytes that only this process knows: tokens are made from them. */
  readonly secret: Uint8Array;
  /** For choices that need no secrecy: which peers, which samples. */
  readonly prng: Prng;
  /** `v` of every answer: at most 16 bytes, none when undefined. */
  readonly version?: Uint8Array;
  /** All answers together; 32,000 when undefined, `Infinity` for no limit. */
  readonly answerBytesPerSecond?: number;
  /** To one source; 5 when undefined, `Infinity` for no limit. */
  readonly sourceAnswersPerSecond?: number;
  /** Loopback and private addresses are limited like all others: for tests. */
  readonly countLocal?: boolean;
  /** Keys that are neither stored nor served. */
  readonly denied?: (key: DhtKey) => boolean;
}

/** What becomes of a query. */
export type Answer =
  /** To be sent where the query came from. */
  | { readonly type: "send"; readonly bytes: Uint8Array }
  /** Nothing is said. */
  | { readonly type: "drop"; readonly reason: DropReason }
  /** A signature must be checked before there is an answer: hand the job back through `verified`, once. */
  | { readonly type: "verify"; readonly job: SignatureJob };

export type DropReason =
  /** BEP 43: this endpoint answers nothing. */
  | "read-only"
  /** The source asked too often and is not heard for a while. */
  | "banned"
  /** The source had its answers of this second. */
  | "source-rate"
  /** All sources together had their bytes. */
  | "total-rate"
  /** An address nobody can be answered at: port 0, multicast and the like. */
  | "unanswerable"
  /** Too many signatures wait to be checked. */
  | "busy"
  /** An error that would be larger than what it complains of. */
  | "amplifies";

/** An ed25519 check. The host reads the first three fields; the rest is for `verified`. */
export interface SignatureJob {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  /** What was signed: salt, sequence and value (BEP 44). */
  readonly message: Uint8Array;
  readonly put: PendingPut;
}

export interface PendingPut {
  readonly from: Address;
  readonly transaction: Uint8Array;
  readonly ownId: DhtKey;
  readonly target: DhtKey;
  readonly item: DhtItem & { readonly type: "mutable" };
  readonly cas: number | undefined;
}

/** What the stores and limits hold now. */
export interface ResponderCounts {
  readonly topics: number;
  readonly peers: number;
  readonly items: number;
  readonly sources: number;
  readonly signatureJobs: number;
}

/** The contract of `Responder`, for those who call it. */
export interface Responding {
  /** Cheap: ask before decoding a datagram, and do not decode it when true. */
  isBanned(now: Ms, from: Address): boolean;
  answer(now: Ms, from: Address, query: KrpcQuery, view: ResponderView): Answer;
  /** A datagram that looked like a query and could not be read. `code` 203 unless the codec knows better (BEP 44: 205, 207). */
  malformed(now: Ms, from: Address, complaint: Complaint, view: ResponderView): Answer;
  verified(now: Ms, job: SignatureJob, good: boolean): Answer;
  /** When to call `wake` next; undefined when nothing is stored. */
  deadline(): Ms | undefined;
  wake(now: Ms): void;
  readonly counts: ResponderCounts;
}

export interface Complaint {
  /** Of the datagram; an error larger than this is not sent. */
  readonly bytes: number;
  /** `t`, where it could be read; nothing is answered without one. */
  readonly transaction: Uint8Array | undefined;
  readonly code: number;
  readonly message: string;
}
