import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { idBytes, infoHash, must, peerId } from "./index.ts";

test("an id is forty hex digits in either case, or twenty bytes, and becomes lower case", () => {
  const digits = "00112233445566778899aAbBcCdDeEfF01234567";
  const bytes = Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  equal(infoHash(digits), digits.toLowerCase());
  equal(infoHash(bytes), digits.toLowerCase());
  equal(peerId(bytes), digits.toLowerCase());
  deepEqual(idBytes(must(infoHash(digits), "an id")), bytes);
});

test("anything else is no id", () => {
  for (const wrong of [
    "",
    "0".repeat(39),
    "0".repeat(41),
    "g".repeat(40),
    ` ${"0".repeat(39)}`,
    `${"0".repeat(40)}\n`,
  ]) {
    equal(infoHash(wrong), undefined, wrong);
  }
  for (const length of [0, 19, 21, 32]) equal(peerId(new Uint8Array(length)), undefined);
});
