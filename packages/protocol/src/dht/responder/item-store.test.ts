import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { hex, type Ms, minutes, ms, Prng, utf8 } from "@dure/base";
import { type DhtItem, type DhtKey, itemTarget } from "../../krpc/index.ts";
import { ItemStore, type PutVerdict } from "./item-store.ts";
import { distancePrefix } from "./key-bytes.ts";
import type { Source } from "./source.ts";
import { ownId, sourceAt } from "./testing/asking.ts";

const start = ms(1_000_000);

const immutable = (text: string): DhtItem => ({ type: "immutable", value: utf8(`${text.length}:${text}`) });
const mutable = (owner: number, sequence: number, text: string, signature = 1): DhtItem => ({
  type: "mutable",
  value: utf8(`${text.length}:${text}`),
  publicKey: new Uint8Array(32).fill(owner),
  signature: new Uint8Array(64).fill(signature),
  sequence,
  salt: new Uint8Array(),
});
const from = (index: number) => sourceAt(`62.${index >>> 8}.${index & 255}.1`);
const putting = (item: DhtItem, cas?: number) => ({ target: itemTarget(item), ownId, item, cas });

test("an item is kept for two hours after it was last put (BEP 44)", () => {
  const store = new ItemStore(700);
  const item = immutable("a");
  equal(store.store(start, from(1), putting(item)), "store");
  equal(store.store(ms(start + minutes(60)), from(1), putting(item)), "same");
  equal(store.deadline(), start + minutes(180));
  deepEqual(store.get(ms(start + minutes(180) - 1), itemTarget(item)), item);
  equal(store.get(ms(start + minutes(180)), itemTarget(item)), undefined);
  store.wake(ms(start + minutes(180)));
  equal(store.itemsCount, 0);
});

test("what is stored shares no memory with what was put", () => {
  const store = new ItemStore(700);
  // A Node buffer, whose `slice` is a view.
  const item = { ...mutable(1, 1, "a"), value: Buffer.from("1:a") } as DhtItem;
  store.store(start, from(1), putting(item));
  item.value[2] = 0x62;
  deepEqual(store.get(start, itemTarget(item))?.value, utf8("1:a"));
});

test("of 700 items the farthest that one subnet cares for makes room for a closer one, and for none farther", () => {
  const store = new ItemStore(40);
  const items = Array.from({ length: 60 }, (_, index) => immutable(`item ${index}`));
  const byDistance = items.sort((a, b) => distance(a) - distance(b));
  const [closest, ...others] = byDistance;
  const kept = others.slice(0, 40);
  for (const [index, item] of kept.entries()) equal(store.store(start, from(index), putting(item)), "store");
  const beyond = others.slice(40).at(-1) ?? immutable("");
  equal(store.store(start, from(99), putting(beyond)), "no-place");
  equal(store.admits(start, from(99), itemTarget(beyond), ownId), false, "so it gets no token");
  // Another subnet cares for the farthest: the next one goes.
  store.store(start, from(98), putting(kept[39] ?? beyond));
  equal(store.store(start, from(99), putting(closest ?? beyond)), "store");
  equal(store.get(start, itemTarget(kept[39] ?? beyond)) !== undefined, true);
  equal(store.get(start, itemTarget(kept[38] ?? beyond)), undefined);
  equal(store.itemsCount, 40);
});

test("one /24 begins at most a sixteenth of the items once the store is half full", () => {
  const store = new ItemStore(160);
  const verdicts = Array.from({ length: 160 }, (_, index) =>
    store.store(start, from(1), putting(immutable(`item ${index}`))),
  );
  equal(verdicts.filter((verdict) => verdict === "store").length, 80);
  equal(store.store(start, from(2), putting(immutable("another"))), "store");
});

test("a put of the other kind under the same target is refused", () => {
  const store = new ItemStore(700);
  const item = mutable(1, 1, "a");
  store.store(start, from(1), putting(item));
  equal(store.judge(start, from(1), { ...putting(immutable("b")), target: itemTarget(item) }), "no-place");
});

test("random commands agree with a store of plain lists", () => {
  const seed = Number(process.env.DURE_SEED ?? 1);
  for (let run = 0; run < 30; run += 1) {
    const prng = new Prng(seed * 1000 + run, "items");
    const where = (step: number) =>
      `DURE_SEED=${seed} node --test item-store.test.ts: run ${run}, step ${step}`;
    const store = new ItemStore(8);
    const model = new ModelStore(8);
    let now = start;
    for (let step = 0; step < 1500; step += 1) {
      now = ms(now + 1000 + prng.below(prng.chance(0.02) ? 7_200_000 : 60_000));
      const item = prng.chance(0.3)
        ? immutable(`${prng.below(12)}`)
        : mutable(prng.below(8), prng.below(5), `${prng.below(2)}`, prng.below(2));
      const cas = prng.chance(0.2) ? prng.below(5) : undefined;
      const source = prng.chance(0.1) ? sourceAt("10.0.0.1") : from(prng.below(12));
      const put = putting(item, cas);
      equal(store.admits(now, source, put.target, ownId), model.admits(now, source, put.target), where(step));
      if (prng.chance(0.5)) {
        equal(store.judge(now, source, put), model.judge(now, source, put.target, item, cas), where(step));
      }
      equal(store.store(now, source, put), model.store(now, source, put.target, item, cas), where(step));
      deepEqual(store.get(now, put.target), model.get(now, put.target)?.item, where(step));
      if (prng.chance(0.05)) {
        store.wake(now);
        model.wake(now);
        equal(store.itemsCount, model.items.size, where(step));
      }
    }
  }
});

function distance(item: DhtItem): number {
  return distancePrefix(itemTarget(item), ownId);
}

interface ModelItem {
  item: DhtItem;
  touchedAt: number;
  readonly founder: number | undefined;
  readonly putters: Set<number>;
}

class ModelStore {
  readonly items = new Map<string, ModelItem>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(now: Ms, target: DhtKey): ModelItem | undefined {
    const stored = this.items.get(hex(target));
    return stored !== undefined && now - stored.touchedAt < minutes(120) ? stored : undefined;
  }

  admits(now: Ms, source: Source, target: DhtKey): boolean {
    return this.get(now, target) !== undefined || this.#place(now, target, source) !== undefined;
  }

  judge(now: Ms, source: Source, target: DhtKey, item: DhtItem, cas: number | undefined): PutVerdict {
    const stored = this.get(now, target)?.item;
    if (stored === undefined) return this.#place(now, target, source) === undefined ? "no-place" : "store";
    if (item.type === "immutable" || stored.type === "immutable") return "same";
    if (cas !== undefined && cas !== stored.sequence) return "cas-mismatch";
    if (item.sequence > stored.sequence) return "store";
    const sameValue = hex(item.value) === hex(stored.value);
    if (item.sequence < stored.sequence || !sameValue) return "sequence-too-low";
    return hex(item.signature) === hex(stored.signature) ? "same" : "store";
  }

  store(now: Ms, source: Source, target: DhtKey, item: DhtItem, cas: number | undefined): PutVerdict {
    const verdict = this.judge(now, source, target, item, cas);
    if (verdict !== "store" && verdict !== "same") return verdict;
    const stored = this.get(now, target);
    if (stored !== undefined) {
      if (verdict === "store") stored.item = item;
      stored.touchedAt = now;
      stored.putters.add(source.subnet);
      return verdict;
    }
    this.items.delete(this.#place(now, target, source) ?? "");
    const founder = source.exempt ? undefined : source.subnet;
    this.items.set(hex(target), { item, touchedAt: now, founder, putters: new Set([source.subnet]) });
    return verdict;
  }

  wake(now: Ms): void {
    for (const [name, stored] of this.items)
      if (now - stored.touchedAt >= minutes(120)) this.items.delete(name);
  }

  /** The item that a new one replaces, "" for none, undefined when it may not come. */
  #place(now: Ms, target: DhtKey, source: Source): string | undefined {
    this.wake(now);
    const founded = [...this.items.values()].filter((stored) => stored.founder === source.subnet).length;
    if (!source.exempt && this.items.size * 2 >= this.#max && founded >= 1) return undefined;
    if (this.items.size < this.#max) return "";
    const care = (stored: ModelItem) => Math.floor(Math.log2(Math.min(8, stored.putters.size)));
    const [worst] = [...this.items].sort(
      ([, a], [, b]) => care(a) - care(b) || distance(b.item) - distance(a.item),
    );
    if (worst === undefined) return "";
    const closer = distancePrefix(target, ownId) < distance(worst[1].item);
    return care(worst[1]) === 0 && closer ? worst[0] : undefined;
  }
}
