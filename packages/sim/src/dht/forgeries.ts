import { type Address, must, type Prng } from "@dure/base";
import { type DhtItem, type DhtKey, encodeKrpc, type QueryBody } from "@dure/protocol";
import type { Addresses } from "./addresses.ts";

export interface Forgery {
  readonly from: Address;
  readonly bytes: Uint8Array;
}

export interface StolenToken {
  readonly key: DhtKey;
  readonly token: Uint8Array;
}

export interface ForgeryOptions {
  readonly prng: Prng;
  readonly addresses: Addresses;
  /** Whom they are sent to. */
  readonly victim: DhtKey;
  /** Honest nodes, in whose name some are sent. */
  readonly honest: readonly Address[];
  /** Hostile nodes that exist, and are named in forged answers. */
  readonly named: Uint8Array;
  /** Tokens that the victim gave, long ago and for these keys, to somebody at this address. */
  readonly stolen: { readonly by: Address; readonly tokens: readonly StolenToken[] };
}

/** Datagrams as a flooder sends them: noise, damaged messages, and valid ones under false names. */
export class Forgeries {
  readonly #options: ForgeryOptions;
  #sent = 0;

  constructor(options: ForgeryOptions) {
    this.#options = options;
  }

  next(): Forgery {
    const { prng } = this.#options;
    this.#sent += 1;
    switch (this.#sent % 8) {
      case 0:
        return { from: this.#anybody(), bytes: this.#noise() };
      case 1:
      case 2:
        return { from: this.#anybody(), bytes: damaged(prng, this.#query(this.#question())) };
      case 3:
      case 4:
        return { from: this.#anybody(), bytes: this.#query(this.#question()) };
      case 5:
        return { from: this.#honest(), bytes: this.#answer() };
      case 6:
        return { from: this.#honest(), bytes: this.#query(this.#question()) };
      default:
        return this.#store();
    }
  }

  #noise(): Uint8Array {
    const { prng } = this.#options;
    const bytes = prng.bytes(prng.below(300));
    if (prng.chance(0.5)) bytes[0] = 0x64; // looks like a dictionary
    return bytes;
  }

  #question(): QueryBody {
    const { prng } = this.#options;
    const key = prng.bytes(20);
    switch (prng.below(5)) {
      case 0:
        return { type: "ping" };
      case 1:
        return { type: "find-node", target: key, want: undefined };
      case 2:
        return { type: "get-peers", infoHash: key, want: undefined, noSeed: false, scrape: true };
      case 3:
        return { type: "get", target: key, want: undefined, sequence: undefined };
      default:
        return { type: "sample-infohashes", target: key, want: undefined };
    }
  }

  // With a token that was guessed, or given to somebody else, or given to him long ago.
  #store(): Forgery {
    const { prng, stolen } = this.#options;
    const theft = prng.chance(0.5) ? prng.pick(stolen.tokens) : undefined;
    const token = theft?.token ?? prng.bytes(8);
    const from = theft !== undefined && prng.chance(0.1) ? stolen.by : this.#anybody();
    if (theft !== undefined || prng.chance(0.5)) {
      const infoHash = theft?.key ?? prng.bytes(20);
      return {
        from,
        bytes: this.#query({ type: "announce-peer", infoHash, token, port: 6881, seed: false }),
      };
    }
    const value = Uint8Array.of(0x31, 0x30, 0x3a, ...prng.bytes(10)); // "10:" and ten bytes
    const item: DhtItem = { type: "immutable", value };
    return { from, bytes: this.#query({ type: "put", token, item, cas: undefined }) };
  }

  // Half of the ids lie near the victim's own, where its buckets have room.
  #query(body: QueryBody): Uint8Array {
    const { prng, victim } = this.#options;
    const id = prng.bytes(20);
    if (prng.chance(0.5)) id.set(victim.subarray(0, prng.below(8)));
    return encodeKrpc({
      kind: "query",
      transaction: prng.bytes(2),
      version: undefined,
      id,
      readOnly: false,
      body,
    });
  }

  // To a question that was perhaps never asked, from somebody who was perhaps asked one.
  #answer(): Uint8Array {
    const { prng, named } = this.#options;
    return encodeKrpc({
      kind: "response",
      transaction: prng.bytes(4),
      version: undefined,
      id: prng.bytes(20),
      seenAs: this.#anybody(),
      body: { nodes: named, token: prng.bytes(4) },
    });
  }

  #honest(): Address {
    return must(this.#options.prng.pick(this.#options.honest), "somebody honest is there");
  }

  // Nobody lives there.
  #anybody(): Address {
    return this.#options.addresses.unused();
  }
}

/** A few bytes changed, or cut off, or doubled. */
function damaged(prng: Prng, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let count = prng.between(1, 4); count > 0; count -= 1) copy[prng.below(copy.length)] = prng.below(256);
  return prng.chance(0.3) ? copy.subarray(0, prng.below(copy.length)) : copy;
}
