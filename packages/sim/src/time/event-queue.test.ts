import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { ms, Prng, seconds } from "@dure/base";
import { EventQueue } from "./event-queue.ts";

test("things happen by time, and those of one moment in the order they were planned", () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const prng = new Prng(seed);
    const queue = new EventQueue();
    const planned = Array.from({ length: 200 }, (_, order) => ({ at: prng.below(20), order }));
    const happened: { at: number; order: number }[] = [];
    for (const plan of planned)
      queue.at(ms(plan.at), () => happened.push({ at: queue.now, order: plan.order }));
    while (queue.step());
    deepEqual(
      happened,
      planned.toSorted((a, b) => a.at - b.at || a.order - b.order),
    );
  }
});

test("what was called off does not happen, and what happens may plan more for the same moment", () => {
  const queue = new EventQueue();
  const happened: string[] = [];
  const timer = queue.after(5, () => happened.push("called off"));
  queue.after(5, () => {
    happened.push("first");
    queue.after(0, () => happened.push("third"));
  });
  queue.after(5, () => happened.push("second"));
  timer.cancel();
  while (queue.step());
  deepEqual(happened, ["first", "second", "third"]);
  equal(queue.now, 5);
});

test("nothing is planned for the past or jumped over", () => {
  const queue = new EventQueue();
  queue.at(seconds(1), () => {});
  throws(() => queue.jump(seconds(2)), /nothing is jumped over/);
  queue.step();
  queue.jump(seconds(3));
  equal(queue.now, 3000);
  throws(() => queue.at(seconds(2), () => {}), /past/);
});
