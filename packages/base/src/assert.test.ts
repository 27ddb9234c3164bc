import { doesNotThrow, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { AssertionFailure, assert, at, earliest, minutes, ms, must, seconds, unreachable } from "./index.ts";

test("a false belief is thrown by its name, and a true one is silent", () => {
  doesNotThrow(() => assert(true, "never said"));
  throws(() => assert(false, "the belief that failed"), new AssertionFailure("the belief that failed"));
  throws(() => unreachable("surprise" as never), /unreachable: surprise/);
});

test("at and must give what is there and throw for what is not", () => {
  equal(at(["a", "b"], 1), "b");
  throws(() => at(["a"], 1), /index 1 outside 0\.\.0/);
  equal(must(0, "zero is a value"), 0);
  throws(() => must(undefined, "it is there"), /it is there/);
  throws(() => must(null, "it is there"), AssertionFailure);
});

test("the earlier of two deadlines is the one that exists or comes first", () => {
  equal(seconds(2), 2000);
  equal(minutes(1), 60_000);
  equal(earliest(ms(5), ms(3)), 3);
  equal(earliest(ms(3), ms(5)), 3);
  equal(earliest(undefined, ms(5)), 5);
  equal(earliest(ms(5), undefined), 5);
  equal(earliest(undefined, undefined), undefined);
});
