import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Queue } from "./index.ts";

test("after any commands a queue is the array it was told", () => {
  const command = fc.oneof(
    fc.record({ name: fc.constant("push"), value: fc.nat() }),
    fc.record({ name: fc.constantFrom("shift", "peek", "clear", "filter"), value: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 100 }), (commands) => {
      const queue = new Queue<number>();
      let model: number[] = [];
      for (const { name, value } of commands) {
        if (name === "push") {
          queue.push(value);
          model.push(value);
        } else if (name === "shift") equal(queue.shift(), model.shift());
        else if (name === "peek") equal(queue.peek(), model[0]);
        else if (name === "clear") {
          queue.clear();
          model = [];
        } else {
          queue.filter((item) => item % 4 !== value);
          model = model.filter((item) => item % 4 !== value);
        }
        equal(queue.size, model.length);
      }
      deepEqual([...queue], model);
    }),
  );
});

test("a queue that is never empty does not grow with what has passed through it", () => {
  const queue = new Queue<number>();
  for (let index = 0; index < 100; index += 1) queue.push(index);
  const started = performance.now();
  for (let index = 100; index < 1_000_000; index += 1) {
    queue.push(index);
    if (queue.shift() !== index - 100) equal(index, -1, "out of order");
  }
  equal(queue.size, 100);
  ok(performance.now() - started < 5000, "a million items in linear time");
});
