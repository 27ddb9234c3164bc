import { equal } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { median } from "./statistics.ts";

test("the median is the middle run, or between the two in the middle, or nothing", () => {
  equal(median([3, 1, 2]), 2);
  equal(median([4, 1, 2, 3]), 2.5);
  equal(median([7]), 7);
  equal(median([]), undefined);
});

test("as many values lie below the median as above it, and their order does not matter", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1, maxLength: 30 }), (values) => {
      const middle = median(values) ?? Number.NaN;
      equal(median([...values].reverse()), middle);
      const below = values.filter((value) => value < middle).length;
      const above = values.filter((value) => value > middle).length;
      equal(below <= values.length / 2 && above <= values.length / 2, true);
    }),
  );
});
