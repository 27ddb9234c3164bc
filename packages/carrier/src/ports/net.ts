import type { Address, Family } from "@dure/base";

/** Outgoing sockets are numbered by the carrier with even numbers, incoming ones by the host with odd numbers. */
export type SocketId = number;

/** What a stranger's URL may reach (CONTRACT.md, "Local URLs"); checked on the resolved address at connect time. */
export type UrlTrust =
  /** The user named it as a tracker: a local address only when the path ends in `/announce` or `/scrape`. */
  | "named-tracker"
  /** The user named this very URL: any address; where it redirects to is a stranger's word. */
  | "named-source"
  /** A stranger sent it: never a local address. */
  | "stranger"
  /** The user allowed local URLs. */
  | "any";

export type NetEffect =
  | { readonly type: "tcp-connect"; readonly socket: SocketId; readonly remote: Address }
  /**
   * The bytes belong to the host until it has said `tcp-written` for them; writes of a socket are told in order.
   * They may lie in pooled (shared) memory.
   */
  | { readonly type: "tcp-write"; readonly socket: SocketId; readonly bytes: Uint8Array }
  /** Stop or go on reading: how a full pool reaches the sender. */
  | { readonly type: "tcp-read"; readonly socket: SocketId; readonly flowing: boolean }
  /** Ends at once; no `tcp-closed` follows. */
  | { readonly type: "tcp-close"; readonly socket: SocketId }
  | { readonly type: "udp-send"; readonly to: Address; readonly bytes: Uint8Array }
  /** Join the groups of local discovery (BEP 14) on each local interface that may be used, or leave them. */
  | { readonly type: "lsd-listen"; readonly on: boolean }
  /** To the group of this family, once on each of these interfaces; one's own copy may come back. */
  | { readonly type: "lsd-send"; readonly family: Family; readonly bytes: Uint8Array }
  | {
      readonly type: "resolve";
      readonly request: number;
      readonly host: string;
      readonly family: Family;
      readonly trust: UrlTrust;
    }
  | {
      readonly type: "http-get";
      readonly request: number;
      readonly url: string;
      /** Connect over this family only. */
      readonly family: Family;
      readonly trust: UrlTrust;
      readonly bytesMax: number;
      readonly timeout: number;
    }
  | { readonly type: "http-cancel"; readonly request: number };

export type NetEvent =
  | { readonly type: "tcp-incoming"; readonly socket: SocketId; readonly remote: Address }
  | { readonly type: "tcp-open"; readonly socket: SocketId }
  /** The bytes are the host's static read buffer: good only until `handle` returns, and deciphered where they lie. */
  | { readonly type: "tcp-data"; readonly socket: SocketId; readonly bytes: Uint8Array }
  /** The oldest `count` writes have left: their memory is free. */
  | { readonly type: "tcp-written"; readonly socket: SocketId; readonly count: number }
  /** Also the answer to a `tcp-connect` that failed. */
  | { readonly type: "tcp-closed"; readonly socket: SocketId; readonly reason: TcpCloseReason }
  | { readonly type: "udp-data"; readonly from: Address; readonly bytes: Uint8Array }
  /** `neighbour`: the source lies on a network of one of our interfaces, whatever its address looks like. */
  | {
      readonly type: "lsd-data";
      readonly from: Address;
      readonly neighbour: boolean;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "resolved"; readonly request: number; readonly ips: readonly string[] }
  | { readonly type: "resolve-failed"; readonly request: number; readonly reason: HttpFailure }
  | {
      readonly type: "http-reply";
      readonly request: number;
      readonly status: number;
      readonly body: Uint8Array;
      readonly ip: string;
    }
  | {
      readonly type: "http-failed";
      readonly request: number;
      readonly reason: HttpFailure;
      readonly detail: string;
    };

export type TcpCloseReason = "end" | "reset" | "refused" | "unreachable" | "timeout" | "other";

export type HttpFailure =
  | "no-address" // the name has none in this family
  | "name-not-found"
  | "local-address" // the trust does not reach it
  | "refused"
  | "unreachable"
  | "timeout"
  | "tls"
  | "too-long"
  | "redirects"
  | "bad-reply"
  | "other";
