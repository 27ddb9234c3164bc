import { equalBytes, type Ms, ms } from "@dure/base";
import type { DhtItem, DhtKey } from "../../krpc/index.ts";
import { copyOf, distancePrefix, keyText } from "./key-bytes.ts";
import { responderLimits } from "./limits.ts";
import { Shelf, type Shelved } from "./shelf.ts";
import type { Source } from "./source.ts";

const { founderShare, itemLifetime, puttersMax } = responderLimits;

/** A put whose token was right. */
export interface Put {
  readonly target: DhtKey;
  /** Of the endpoint it came to: how close an item is counts from there. */
  readonly ownId: DhtKey;
  readonly item: DhtItem;
  readonly cas: number | undefined;
}

/** What is to be done with a put, by what is stored now (BEP 44). */
export type PutVerdict =
  /** New or newer: store it, once the signature of a mutable one is found good. */
  | "store"
  /** The very same bytes as stored, whose signature was checked then: its two hours begin again. */
  | "same"
  | "cas-mismatch"
  | "sequence-too-low"
  | "no-place";

/**
 * What was put (BEP 44): at most 700 items of at most 1,000 bytes of value and 180 beside, under 2 MB. Whether an item
 * may be stored is asked first (`judge`), done second (`store`), so that a signature is checked only where it matters.
 */
export class ItemStore {
  readonly #items: Shelf<StoredItem>;

  constructor(itemsMax: number) {
    this.#items = new Shelf({ max: itemsMax, lifetime: itemLifetime, founderShare });
  }

  get itemsCount(): number {
    return this.#items.size;
  }

  get(now: Ms, target: DhtKey): DhtItem | undefined {
    return this.#items.get(now, keyText(target))?.item;
  }

  /** Whether a put would be kept: if not, who asks gets no token. */
  admits(now: Ms, source: Source, target: DhtKey, ownId: DhtKey): boolean {
    if (this.#items.get(now, keyText(target)) !== undefined) return true;
    return this.#items.admits(now, distancePrefix(target, ownId), founderOf(source));
  }

  judge(now: Ms, source: Source, put: Put): PutVerdict {
    const stored = this.get(now, put.target);
    if (stored === undefined) {
      const distance = distancePrefix(put.target, put.ownId);
      return this.#items.admits(now, distance, founderOf(source)) ? "store" : "no-place";
    }
    const { item } = put;
    // One target cannot be of both kinds: it would take a collision of SHA-1. Who has one may have the error.
    if (stored.type !== item.type) return "no-place";
    if (item.type === "immutable" || stored.type === "immutable") return "same";
    // "MUST emit 301 errors if the cas mismatches": before all else.
    if (put.cas !== undefined && put.cas !== stored.sequence) return "cas-mismatch";
    if (item.sequence > stored.sequence) return "store";
    if (item.sequence < stored.sequence || !equalBytes(item.value, stored.value)) return "sequence-too-low";
    return equalBytes(item.signature, stored.signature) ? "same" : "store";
  }

  /** Does what `judge` allows; `good` says that a mutable item's signature has been checked. Tells what it came to. */
  store(now: Ms, source: Source, put: Put): PutVerdict {
    const verdict = this.judge(now, source, put);
    if (verdict !== "store" && verdict !== "same") return verdict;
    const key = keyText(put.target);
    const stored = this.#items.get(now, key);
    if (stored !== undefined) {
      if (verdict === "store") stored.item = copyOfItem(put.item);
      stored.wasPutFrom(source.subnet);
      this.#items.touch(now, key, stored);
      return verdict;
    }
    this.#items.wake(now); // an expired item of this target is no longer in the way
    return this.#items.add(now, key, new StoredItem(source, put)) ? verdict : "no-place";
  }

  deadline(): Ms | undefined {
    return this.#items.deadline();
  }

  wake(now: Ms): void {
    this.#items.wake(now);
  }
}

/** What is put are views into a datagram, whose memory is not ours. */
export function copyOfItem<Item extends DhtItem>(item: Item): Item;
export function copyOfItem(item: DhtItem): DhtItem {
  const value = copyOf(item.value);
  if (item.type === "immutable") return { type: "immutable", value };
  const { publicKey, signature, salt } = item;
  return {
    ...item,
    value,
    publicKey: copyOf(publicKey),
    signature: copyOf(signature),
    salt: copyOf(salt),
  };
}

class StoredItem implements Shelved {
  item: DhtItem;
  readonly distance: number;
  readonly founder: number | undefined;
  touchedAt = ms(0);
  readonly #putters: number[]; // at most `puttersMax`: see `wasPutFrom`

  constructor(source: Source, put: Put) {
    this.item = copyOfItem(put.item);
    this.distance = distancePrefix(put.target, put.ownId);
    this.founder = founderOf(source);
    this.#putters = [source.subnet];
  }

  /** Distinct /24 and /48 that put it; no more than 8 are told apart. */
  get subnets(): number {
    return this.#putters.length;
  }

  wasPutFrom(subnet: number): void {
    if (this.#putters.length < puttersMax && !this.#putters.includes(subnet)) this.#putters.push(subnet);
  }
}

function founderOf(source: Source): number | undefined {
  return source.exempt ? undefined : source.subnet;
}
