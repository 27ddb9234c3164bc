import { type Address, type Ms, viewOf } from "@dure/base";
import { type DhtKey, decodeKrpc, encodeKrpc } from "@dure/protocol";
import type { Listener, Place } from "./datagram-net.ts";
import type { DhtLab } from "./dht-lab.ts";
import type { StolenToken } from "./forgeries.ts";

/** Asks a node for peers as anybody may, and keeps the tokens. */
export class Thief implements Listener {
  readonly place: Place;
  readonly tokens: StolenToken[] = []; // one for each question
  readonly #lab: DhtLab;
  readonly #keys: DhtKey[] = []; // by transaction; bounded by the scenario

  constructor(lab: DhtLab) {
    this.#lab = lab;
    this.place = lab.net.place(lab.addresses.next());
    this.place.listener = this;
  }

  ask(to: Address): void {
    const { net, prng } = this.#lab;
    const infoHash = prng.bytes(20);
    const transaction = new Uint8Array(4);
    viewOf(transaction).setUint32(0, this.#keys.length);
    this.#keys.push(infoHash);
    const body = { type: "get-peers", infoHash, want: undefined, noSeed: false, scrape: false } as const;
    const query = {
      kind: "query",
      transaction,
      version: undefined,
      id: prng.bytes(20),
      readOnly: true,
      body,
    } as const;
    net.send(this.place, to, encodeKrpc(query));
  }

  hear(_now: Ms, _from: Address, bytes: Uint8Array): void {
    const message = decodeKrpc(bytes);
    if (!message.ok || message.value.kind !== "response" || message.value.body.token === undefined) return;
    const key = this.#keys[viewOf(message.value.transaction).getUint32(0)];
    if (key !== undefined) this.tokens.push({ key, token: Uint8Array.from(message.value.body.token) });
  }
}
