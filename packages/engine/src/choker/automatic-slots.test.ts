import { equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AutomaticSlots, slotsDefault } from "./automatic-slots.ts";

const manyRounds = 300;

test("eight slots to begin with, and no more while nobody waits", () => {
  const slots = new AutomaticSlots();
  equal(slots.slots, 8);
  for (let round = 0; round < 50; round += 1)
    equal(slots.round({ limit: undefined, upRate: 0, waiting: 0 }), 8);
  for (let round = 0; round < 50; round += 1)
    equal(slots.round({ limit: 1_000_000, upRate: 0, waiting: 0 }), 8);
});

test("a low limit makes fewer slots, so that each still carries something", () => {
  equal(new AutomaticSlots().round({ limit: 20_000, upRate: 20_000, waiting: 5 }), 4);
  equal(new AutomaticSlots().round({ limit: 1000, upRate: 1000, waiting: 5 }), 2);
  equal(new AutomaticSlots().round({ limit: 40_000, upRate: 40_000, waiting: 5 }), 8);
});

test("under a limit slots rise while peers wait and a tenth of it lies idle, and sink again when it is used", () => {
  const slots = new AutomaticSlots();
  // Each peer takes 50 kB/s of the 1 MB/s that may be sent: eighteen fill nine tenths.
  for (let round = 0; round < manyRounds; round += 1) {
    slots.round({ limit: 1_000_000, upRate: Math.min(1_000_000, slots.slots * 50_000), waiting: 30 });
  }
  ok(slots.slots >= 17 && slots.slots <= 18, `${slots.slots}`);
  for (let round = 0; round < manyRounds; round += 1) {
    slots.round({ limit: 1_000_000, upRate: 1_000_000, waiting: 30 });
  }
  equal(slots.slots, 8);
});

test("without a limit slots rise while each brings more, and stop where the line is full", () => {
  const slots = new AutomaticSlots();
  let most = 0;
  for (let round = 0; round < manyRounds; round += 1) {
    const upRate = Math.min(slots.slots, 20) * 50_000;
    most = Math.max(most, slots.round({ limit: undefined, upRate, waiting: 30 }));
  }
  ok(slots.slots >= 20 && slots.slots <= 21, `${slots.slots}`);
  equal(most, 21);
});

test("a line that is full from the start is tried with one slot more, seldom", () => {
  const slots = new AutomaticSlots();
  let tried = 0;
  for (let round = 0; round < manyRounds; round += 1) {
    if (slots.round({ limit: undefined, upRate: 5e6, waiting: 30 }) > 8) tried += 1;
  }
  equal(slots.slots <= 9, true);
  ok(tried <= manyRounds / 8, `${tried} of ${manyRounds} rounds`);
});

test("never outside its bounds, whatever it is told", () => {
  const told = fc.record({
    limit: fc.option(fc.integer({ min: 0, max: 10_000_000 }), { nil: undefined }),
    upRate: fc.integer({ min: 0, max: 20_000_000 }),
    waiting: fc.integer({ min: 0, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(told, { maxLength: 300 }), (rounds) => {
      const slots = new AutomaticSlots();
      for (const round of rounds) {
        const count = slots.round(round);
        ok(Number.isInteger(count) && count >= slotsDefault.min && count <= slotsDefault.max);
        equal(count, slots.slots);
      }
    }),
  );
});

test("the ceiling holds when everything brings more", () => {
  const slots = new AutomaticSlots({ min: 1, start: 2, max: 6 });
  for (let round = 0; round < manyRounds; round += 1)
    slots.round({ limit: undefined, upRate: slots.slots * 1000, waiting: 9 });
  equal(slots.slots, 6);
  throws(() => new AutomaticSlots({ min: 3, start: 2, max: 6 }));
});
