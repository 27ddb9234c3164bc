import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { BoundedMap, BoundedSet } from "./index.ts";

test("a map that refuses keeps the old entries, and still lets them change", () => {
  const map = new BoundedMap<string, number>({ max: 2, full: "refuse" });
  deepEqual(
    [map.set("a", 1), map.set("b", 2), map.full, map.set("c", 3), map.set("a", 9)],
    [true, true, true, false, true],
  );
  deepEqual(
    [...map],
    [
      ["a", 9],
      ["b", 2],
    ],
  );
  deepEqual([map.get("a"), map.get("c"), map.has("b"), map.size], [9, undefined, true, 2]);
});

test("a map that drops lets go of the oldest", () => {
  const map = new BoundedMap<string, number>({ max: 2, full: "drop-oldest" });
  for (const [index, key] of ["a", "b", "a", "c"].entries()) equal(map.set(key, index), true);
  deepEqual([...map.keys()], ["b", "c"]);
  deepEqual([...map.values()], [1, 3]);
});

test("what is deleted makes room", () => {
  const map = new BoundedMap<string, number>({ max: 1, full: "refuse" });
  map.set("a", 1);
  deepEqual([map.delete("a"), map.delete("a"), map.set("b", 2)], [true, false, true]);
  map.clear();
  deepEqual([map.size, map.full], [0, false]);
});

test("a set is bounded in the same ways", () => {
  const set = new BoundedSet<number>({ max: 2, full: "drop-oldest" });
  deepEqual([set.add(1), set.add(2), set.add(3), set.has(1), set.size], [true, true, true, false, 2]);
  deepEqual([...set], [2, 3]);
  equal(set.delete(2), true);
  set.clear();
  equal(set.size, 0);
  const strict = new BoundedSet<number>({ max: 1, full: "refuse" });
  deepEqual([strict.add(1), strict.add(2), strict.add(1)], [true, false, true]);
});

test("a bound of nothing is a mistake", () => {
  throws(() => new BoundedMap({ max: 0, full: "refuse" }), /at least one entry/);
});
