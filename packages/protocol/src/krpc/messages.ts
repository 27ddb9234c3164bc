import type { Address } from "@dure/base";

/** A 20-byte key of the DHT's space: a node id, an info-hash or the target of an item. */
export type DhtKey = Uint8Array;

/** Which families a query wants nodes of (BEP 32, `want`). Undefined: that of the socket it came over. */
export interface Want {
  readonly nodes4: boolean;
  readonly nodes6: boolean;
}

/**
 * A BEP 44 item as it travels. `value` is the bencoded `v`, byte for byte: hashes and signatures are over these
 * bytes. It is canonical bencode (sorted keys), at most 1,000 bytes.
 */
export type DhtItem =
  | { readonly type: "immutable"; readonly value: Uint8Array }
  | {
      readonly type: "mutable";
      readonly value: Uint8Array;
      /** ed25519 public key, 32 bytes. */
      readonly publicKey: Uint8Array;
      /** 64 bytes. */
      readonly signature: Uint8Array;
      /** 0 to 2^53 - 1: what a JavaScript number holds exactly. Larger ones on the wire are refused. */
      readonly sequence: number;
      /** At most 64 bytes; empty when there is none, and in a response, which never repeats it: who asked knows it. */
      readonly salt: Uint8Array;
    };

export type QueryBody =
  | { readonly type: "ping" }
  | { readonly type: "find-node"; readonly target: DhtKey; readonly want: Want | undefined }
  | {
      readonly type: "get-peers";
      readonly infoHash: DhtKey;
      readonly want: Want | undefined;
      /** BEP 33: seeds need not be among the values. */
      readonly noSeed: boolean;
      /** BEP 33: bloom filters are asked for. */
      readonly scrape: boolean;
    }
  | {
      readonly type: "announce-peer";
      readonly infoHash: DhtKey;
      readonly token: Uint8Array;
      /** Undefined with `implied_port`: the source port of the datagram counts. */
      readonly port: number | undefined;
      /**
       * Only beside an undefined `port`: the port we believe in, for nodes that do not know `implied_port` or ask for a
       * port nevertheless, as libtorrent does. Who announces gives it; who stores ignores it.
       */
      readonly fallbackPort?: number;
      /** BEP 33. */
      readonly seed: boolean;
    }
  /** BEP 44. `sequence`: the value is not wanted unless it is newer. */
  | {
      readonly type: "get";
      readonly target: DhtKey;
      readonly want: Want | undefined;
      readonly sequence: number | undefined;
    }
  | {
      readonly type: "put";
      readonly token: Uint8Array;
      readonly item: DhtItem;
      readonly cas: number | undefined;
    }
  /** BEP 51. */
  | { readonly type: "sample-infohashes"; readonly target: DhtKey; readonly want: Want | undefined }
  /** A method this version does not know; with a `target` or `info_hash` it may be answered like find_node (BEP 5 practice). */
  | {
      readonly type: "unknown";
      readonly method: string;
      readonly target: DhtKey | undefined;
      readonly want: Want | undefined;
    }
  /**
   * A known method with arguments that are missing or wrong. The sender's id and transaction are known, so that it
   * can be told: 203 protocol error, 205 value too big, 207 salt too big. Only decoded, never encoded.
   */
  | { readonly type: "malformed"; readonly method: string; readonly code: 203 | 205 | 207 };

/** The `r` dictionary. Everything but `id` is absent unless its query asks for it. */
export interface ResponseBody {
  /** Compact node info, 26 bytes each: id, IPv4, port (BEP 5). Length checked. */
  readonly nodes?: Uint8Array;
  /** 38 bytes each (BEP 32). Length checked. */
  readonly nodes6?: Uint8Array;
  /** Peers of `values`, 6 bytes each, one after the other. Those of port 0 are left out. Empty is written as an empty list. */
  readonly values?: Uint8Array;
  /** Peers of `values` that are 18 bytes each (BEP 32 allows a mixed list). */
  readonly values6?: Uint8Array;
  readonly token?: Uint8Array;
  /** BEP 33, 256 bytes each. */
  readonly bloomSeeds?: Uint8Array;
  readonly bloomPeers?: Uint8Array;
  /** BEP 44, a get that found something. Not verified here. */
  readonly item?: DhtItem;
  /** BEP 44: what the node has, also when the value itself is withheld as not newer. */
  readonly sequence?: number;
  /** BEP 51: 20 bytes each. */
  readonly samples?: readonly DhtKey[];
  /** BEP 51: seconds, 0 to 21,600. */
  readonly interval?: number;
  /** BEP 51: how many info-hashes the node holds. */
  readonly storedCount?: number;
}

interface Common {
  /** `t`, 1 to 20 bytes. */
  readonly transaction: Uint8Array;
  /** `v`, at most 16 bytes. */
  readonly version: Uint8Array | undefined;
}

export interface KrpcQuery extends Common {
  readonly kind: "query";
  readonly id: DhtKey;
  /** BEP 43: the sender answers nothing and must not enter a routing table. */
  readonly readOnly: boolean;
  readonly body: QueryBody;
}

export interface KrpcResponse extends Common {
  readonly kind: "response";
  readonly id: DhtKey;
  /** BEP 42, `ip`: how the sender sees us. */
  readonly seenAs: Address | undefined;
  readonly body: ResponseBody;
}

export interface KrpcError extends Common {
  readonly kind: "error";
  /** 201 generic, 202 server, 203 protocol, 204 unknown method (BEP 5); 205 to 302 (BEP 44). */
  readonly code: number;
  /** At most 100 characters, printable. */
  readonly message: string;
  /** The sender, where an implementation says it. */
  readonly id: DhtKey | undefined;
  readonly seenAs: Address | undefined;
}

/** One datagram of BEP 5. */
export type KrpcMessage = KrpcQuery | KrpcResponse | KrpcError;
