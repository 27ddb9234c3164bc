import type { Address, Ms } from "@dure/base";
import type { KrpcError, KrpcResponse } from "../krpc/index.ts";
import type { Candidate } from "./candidate.ts";
import type { CompactNode } from "./compact-node.ts";

/** What a query in flight is for. Who asked hears how it ended. */
export interface Purpose {
  readonly asker: Asker;
  readonly to: Address;
  /** Who is expected to answer; undefined for an address whose id is not known yet. */
  readonly node: CompactNode | undefined;
  /** Where the node stands in the lookup that asked. */
  readonly candidate: Candidate | undefined;
}

/** Whoever asks something of nodes. For each query: perhaps `slow`, then one of the other three. */
export interface Asker {
  /** `node`: who answered. Its id is the expected one. */
  answered(now: Ms, purpose: Purpose, response: KrpcResponse, node: CompactNode): void;
  refused(now: Ms, purpose: Purpose, error: KrpcError): void;
  slow(now: Ms, purpose: Purpose): void;
  /** No answer, or somebody else's. */
  silent(now: Ms, purpose: Purpose): void;
}
