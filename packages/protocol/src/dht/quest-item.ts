import { equalBytes, type Ms } from "@dure/base";
import {
  type DhtItem,
  type DhtKey,
  immutableTarget,
  itemTarget,
  type KrpcResponse,
  mutableTarget,
  type QueryBody,
} from "../krpc/index.ts";
import type { Candidate } from "./candidate.ts";
import type { DhtRequestId } from "./messages.ts";
import type { Quest, QuestHost } from "./quest.ts";

type Mutable = DhtItem & { readonly type: "mutable" };

interface ItemOptions {
  readonly request: DhtRequestId;
  readonly host: QuestHost;
  readonly target: DhtKey;
  readonly salt: Uint8Array;
  /** Only newer ones are told. */
  readonly newerThan: number;
}

/**
 * Takes items out of answers (BEP 44): an immutable one must hash to the target; a mutable one's key and salt must,
 * and its signature must be right. Each newer one is told.
 */
class ItemReader {
  readonly #options: ItemOptions;
  #newest: Mutable | undefined;

  constructor(options: ItemOptions) {
    this.#options = options;
  }

  get newest(): Mutable | undefined {
    return this.#newest;
  }

  heard(now: Ms, response: KrpcResponse): "go-on" | "enough" {
    const { item } = response.body;
    const { target, request, host, salt } = this.#options;
    if (item === undefined) return "go-on";
    if (item.type === "immutable") {
      if (!equalBytes(immutableTarget(item.value), target)) return "go-on";
      host.tell(now, { type: "value", request, item: { type: "immutable", value: copy(item.value) } }, true);
      return "enough";
    }
    if (this.#isNewer(item) && equalBytes(mutableTarget(item.publicKey, salt), target)) {
      host.verify(kept(item, salt));
    }
    return "go-on";
  }

  verified(now: Ms, item: DhtItem): void {
    if (item.type !== "mutable" || !this.#isNewer(item)) return; // a newer one was verified meanwhile
    this.#newest = item;
    this.#options.host.tell(now, { type: "value", request: this.#options.request, item }, true);
  }

  #isNewer(item: Mutable): boolean {
    return item.sequence > (this.#newest?.sequence ?? this.#options.newerThan);
  }
}

/** The value under a key. */
export class GetQuest implements Quest {
  readonly target: DhtKey;
  readonly question: QueryBody;
  readonly fromEverywhere = false;
  readonly #reader: ItemReader;

  constructor(options: {
    readonly request: DhtRequestId;
    readonly host: QuestHost;
    readonly target: DhtKey;
    readonly salt: Uint8Array;
    readonly sequence: number | undefined;
  }) {
    const { request, host, target, salt, sequence } = options;
    this.target = target;
    this.question = { type: "get", target, want: undefined, sequence };
    this.#reader = new ItemReader({ request, host, target, salt, newerThan: sequence ?? -1 });
  }

  heard(now: Ms, _candidate: Candidate, response: KrpcResponse): "go-on" | "enough" {
    return this.#reader.heard(now, response);
  }

  verified(now: Ms, item: DhtItem): void {
    this.#reader.verified(now, item);
  }

  gift(): undefined {}

  finish(): void {}
}

/** Stores an item. A mutable one is not stored where a newer one exists; that one is told instead. */
export class PutQuest implements Quest {
  readonly target: DhtKey;
  readonly question: QueryBody;
  readonly fromEverywhere = false;
  readonly #item: DhtItem;
  readonly #cas: number | undefined;
  readonly #reader: ItemReader;

  constructor(options: {
    readonly request: DhtRequestId;
    readonly host: QuestHost;
    readonly item: DhtItem;
    readonly cas: number | undefined;
  }) {
    const { request, host, item, cas } = options;
    const target = itemTarget(item);
    const sequence = item.type === "mutable" ? item.sequence : undefined;
    const salt = item.type === "mutable" ? item.salt : new Uint8Array(0);
    this.#item = item;
    this.#cas = cas;
    this.target = target;
    this.question = { type: "get", target, want: undefined, sequence };
    this.#reader = new ItemReader({ request, host, target, salt, newerThan: sequence ?? -1 });
  }

  heard(now: Ms, candidate: Candidate, response: KrpcResponse): "go-on" {
    const { item, sequence } = response.body;
    candidate.heldSequence = sequence ?? (item?.type === "mutable" ? item.sequence : undefined);
    // An immutable item that is there already is stored again all the same: its time begins anew.
    if (item?.type === "mutable") this.#reader.heard(now, response);
    return "go-on";
  }

  verified(now: Ms, item: DhtItem): void {
    this.#reader.verified(now, item);
  }

  gift(candidate: Candidate): QueryBody | undefined {
    const { token } = candidate;
    if (token === undefined || this.#reader.newest !== undefined) return undefined;
    // BEP 44: to a node that returned nothing, no cas.
    const cas = candidate.heldSequence === undefined ? undefined : this.#cas;
    return { type: "put", token, item: this.#item, cas };
  }

  finish(): void {}
}

// What outlives the datagram is copied.
function kept(item: Mutable, salt: Uint8Array): Mutable {
  const { value, publicKey, signature, sequence } = item;
  return {
    type: "mutable",
    value: copy(value),
    publicKey: copy(publicKey),
    signature: copy(signature),
    sequence,
    salt,
  };
}

function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
