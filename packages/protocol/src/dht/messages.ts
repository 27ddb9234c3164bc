import type { Address, Family, Prng } from "@dure/base";
import type { DhtItem, DhtKey } from "../krpc/index.ts";
import type { Defences } from "./defences.ts";
import type { ResponderOptions } from "./responder/index.ts";

/** Which of the node's endpoints: its place in `DhtOptions.endpoints`. */
export type EndpointIndex = number;
/** Chosen by the caller; unique among the requests that are running. */
export type DhtRequestId = number;

/** One local address of one family: a routing table and an id of its own (BEP 32, BEP 45). */
export interface DhtEndpointOptions {
  readonly family: Family;
  /** The id of last time. Left out: one valid for `externalIp` (BEP 42) or, without that, a random one. */
  readonly id?: DhtKey;
  /** How the world sees this endpoint, where the host knows it (port mapping, a public address of its own). */
  readonly externalIp?: string;
}

/** A node that has answered us, as kept over a restart. */
export interface DhtContact {
  readonly id: DhtKey;
  readonly address: Address;
}

export interface DhtOptions {
  /** At least one. The order gives each its index. */
  readonly endpoints: readonly DhtEndpointOptions[];
  /** For choices and ids. Transaction ids come from the responder's secret. */
  readonly prng: Prng;
  /** Nodes to begin with when the table knows none; names are resolved by the host. May be empty. */
  readonly bootstrap: readonly Address[];
  /** The table of last time, from `snapshot()`; both families mixed. */
  readonly contacts?: readonly DhtContact[];
  /** BEP 43: ask only, answer nothing. Default false. */
  readonly readOnly?: boolean;
  /** Loopback and private addresses are held to the per-address rules too. Default false. */
  readonly countLocal?: boolean;
  /** What is done against hostile nodes; each can be switched off to see what it is worth. */
  readonly defences?: Partial<Defences>;
  /** `v`, the version in each message. Left out: none is sent. */
  readonly version?: Uint8Array;
  readonly responder: ResponderOptions;
}

export interface AnnounceAs {
  /** Undefined: `implied_port`, the UDP port that the storing node sees. */
  readonly port: number | undefined;
  /** Only beside an undefined `port`: for nodes that want a port all the same, as libtorrent does. */
  readonly fallbackPort?: number;
  readonly seed: boolean;
}

/** What the caller wants of the network. All are told by `done`; `cancel` ends one early. */
export type DhtCommand =
  /** Peers of a torrent, as they are heard; with `announce`, we are among them afterwards. */
  | {
      readonly type: "get-peers";
      readonly request: DhtRequestId;
      readonly infoHash: DhtKey;
      readonly announce?: AnnounceAs;
      /** BEP 33: a seed looks for leechers only. */
      readonly noSeed?: boolean;
    }
  /** BEP 33: how many seeds and peers a torrent has. */
  | { readonly type: "scrape"; readonly request: DhtRequestId; readonly infoHash: DhtKey }
  /** BEP 44. For a mutable item `salt` must be what the target was made of: signatures cover it. */
  | {
      readonly type: "get";
      readonly request: DhtRequestId;
      readonly target: DhtKey;
      readonly salt?: Uint8Array;
      /** Only a value newer than this is wanted. */
      readonly sequence?: number;
    }
  /** BEP 44. A mutable item comes signed; a newer one met on the way is told as `value` and ours is not stored over it. */
  | {
      readonly type: "put";
      readonly request: DhtRequestId;
      readonly item: DhtItem;
      /** Sent only to nodes that hold an older value. */
      readonly cas?: number;
    }
  /** BEP 51: the nodes near a key are asked for samples of what they store. */
  | { readonly type: "sample"; readonly request: DhtRequestId; readonly target: DhtKey }
  /** The live nodes closest to a key. */
  | { readonly type: "find-node"; readonly request: DhtRequestId; readonly target: DhtKey }
  | { readonly type: "cancel"; readonly request: DhtRequestId };

export type DhtInput =
  /** Once, first. */
  | { readonly type: "start" }
  | {
      readonly type: "datagram";
      readonly endpoint: EndpointIndex;
      readonly from: Address;
      /** Kept only as long as the call: the host may use the memory again afterwards. */
      readonly bytes: Uint8Array;
    }
  | DhtCommand
  /** Nodes somebody told us of (a `nodes` list, a PORT message, late DNS): asked, and kept when they answer. */
  | { readonly type: "add-nodes"; readonly addresses: readonly Address[] }
  /** The verdict on a `verify-signature`. */
  | { readonly type: "signature"; readonly job: number; readonly good: boolean }
  /** The host learnt how the world sees an endpoint. Voting stops there. */
  | { readonly type: "external-address"; readonly endpoint: EndpointIndex; readonly ip: string }
  /** Another network (a new interface, back from sleep): time-outs of now say nothing about nodes. */
  | { readonly type: "network-changed" }
  | { readonly type: "wake" };

export type DhtOutput =
  | {
      readonly type: "send";
      readonly endpoint: EndpointIndex;
      readonly to: Address;
      readonly bytes: Uint8Array;
    }
  /** ed25519; answer with `signature`. */
  | {
      readonly type: "verify-signature";
      readonly job: number;
      readonly publicKey: Uint8Array;
      readonly signature: Uint8Array;
      readonly message: Uint8Array;
    }
  /** Each address once a request. */
  | { readonly type: "peers"; readonly request: DhtRequestId; readonly addresses: readonly Address[] }
  /** Hash or signature was right. Of mutable items each newer one is told, so the last is the newest. */
  | { readonly type: "value"; readonly request: DhtRequestId; readonly item: DhtItem }
  | {
      readonly type: "samples";
      readonly request: DhtRequestId;
      readonly from: DhtContact;
      readonly infoHashes: readonly DhtKey[];
      /** How many the node holds. */
      readonly storedCount: number;
      /** Seconds until asking again is worth anything. */
      readonly interval: number;
    }
  | {
      readonly type: "scraped";
      readonly request: DhtRequestId;
      readonly seeds: number;
      readonly peers: number;
    }
  | { readonly type: "done"; readonly request: DhtRequestId; readonly report: LookupReport }
  /** The first time, and after the network changed: the node knows its neighbourhood. */
  | { readonly type: "ready"; readonly endpoint: EndpointIndex; readonly nodes: number }
  /** The id to save. Told at start, and when it moves to fit a new external address (BEP 42). */
  | { readonly type: "id"; readonly endpoint: EndpointIndex; readonly id: DhtKey };

/** What a request came to. Counts are sums over its families. */
export interface LookupReport {
  /** The closest live nodes, closest first, IPv4 before IPv6; at most 20 of each family. */
  readonly closest: readonly DhtContact[];
  /** Nodes on the longest chain from our own table to a node among the closest. */
  readonly hops: number;
  readonly queries: number;
  readonly responses: number;
  readonly timeouts: number;
  /** Virtual time from the command to the end. */
  readonly elapsed: number;
  /** Until the first peer or value; undefined when there was none. */
  readonly firstResult: number | undefined;
  /** Nodes that confirmed an announce or a put. */
  readonly stored: number;
  /** Nodes that refused a put, by KRPC error code: 301 means that somebody else was faster. */
  readonly refused: readonly { readonly code: number; readonly count: number }[];
  /** Nodes the network seems to have, as estimated when the request ended; the larger family. */
  readonly networkSize: number;
  readonly cancelled: boolean;
}

export interface DhtEndpointStatus {
  readonly family: Family;
  readonly id: DhtKey;
  /** As the host said or the votes agree; undefined while unknown. */
  readonly externalIp: string | undefined;
  readonly nodes: number;
  readonly goodNodes: number;
  /** Nodes per shared prefix length with our id, for a picture: index is the count of shared bits. */
  readonly buckets: readonly number[];
  readonly networkSize: number;
  readonly ready: boolean;
}

export interface DhtStatus {
  readonly endpoints: readonly DhtEndpointStatus[];
  readonly lookups: number;
  readonly queriesSent: number;
  readonly queriesAnswered: number;
  readonly queriesDropped: number;
  readonly topics: number;
  readonly peers: number;
  readonly items: number;
}

/** To be kept over a restart. */
export interface DhtSnapshot {
  readonly ids: readonly DhtKey[];
  /** The most reliable first. */
  readonly contacts: readonly DhtContact[];
}
