import { type Address, concat, encodeCompact, familyOf, type Ms } from "@dure/base";
import { type DhtKey, decodeKrpc, encodeKrpc, type KrpcQuery, type ResponseBody } from "@dure/protocol";
import type { DatagramNet, Listener, Place } from "./datagram-net.ts";
import type { Neighbours } from "./neighbours.ts";

/** Told in one answer: as many as anybody takes. */
const toldCount = 20;
const token = Uint8Array.of(1, 2, 3, 4);

/**
 * A node that answers each query validly and at once, names those of its crew that lie closest to what is sought,
 * confirms each announce and put, and gives back nothing that was stored. It sends when it is told to.
 */
export class Sybil implements Listener {
  readonly id: DhtKey;
  /** Compact node info (BEP 5). */
  readonly compact: Uint8Array;
  readonly place: Place;
  readonly #crew: Neighbours<Sybil>;
  readonly #net: DatagramNet;
  #asked = 0;

  constructor(options: {
    readonly id: DhtKey;
    readonly place: Place;
    readonly crew: Neighbours<Sybil>;
    readonly net: DatagramNet;
  }) {
    this.id = options.id;
    this.place = options.place;
    this.compact = concat([this.id, encodeCompact(this.place.address)]);
    this.#crew = options.crew;
    this.#net = options.net;
    this.place.listener = this;
  }

  /** Asks as a newcomer does, so that it is met, tried and taken into tables. What is answered does not matter. */
  greet(to: Address, target: DhtKey): void {
    this.#asked += 1;
    const transaction = Uint8Array.of(this.#asked >>> 8, this.#asked & 0xff);
    const body = { type: "find-node", target, want: undefined } as const;
    const query: KrpcQuery = {
      kind: "query",
      transaction,
      version: undefined,
      id: this.id,
      readOnly: false,
      body,
    };
    this.#net.send(this.place, to, encodeKrpc(query));
  }

  hear(_now: Ms, from: Address, bytes: Uint8Array): void {
    const message = decodeKrpc(bytes);
    if (!message.ok || message.value.kind !== "query") return;
    const { transaction } = message.value;
    const body = this.#bodyFor(message.value);
    const response = {
      kind: "response",
      transaction,
      version: undefined,
      id: this.id,
      seenAs: from,
      body,
    } as const;
    this.#net.send(this.place, from, encodeKrpc(response));
  }

  leave(): void {
    this.#net.remove(this.place);
  }

  #bodyFor({ body }: KrpcQuery): ResponseBody {
    switch (body.type) {
      case "find-node":
        return this.#nodes(body.target);
      case "get-peers":
        return { ...this.#nodes(body.infoHash), token };
      case "get":
        return { ...this.#nodes(body.target), token };
      case "sample-infohashes":
        return { ...this.#nodes(body.target), samples: [], interval: 60, storedCount: 0 };
      default:
        return {};
    }
  }

  #nodes(target: DhtKey): ResponseBody {
    const told = concat(this.#crew.closest(target, toldCount).map(({ compact }) => compact));
    return familyOf(this.place.address.ip) === 4 ? { nodes: told } : { nodes6: told };
  }
}
