import { equal } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatRate, formatSize, parseRate, parseSize } from "./index.ts";

test("sizes take decimal and binary units, in any case", () => {
  for (const [text, bytes] of [
    ["0", 0],
    ["123", 123],
    ["500k", 500_000],
    ["500KB", 500_000],
    ["4MiB", 4 * 1024 * 1024],
    ["1.5 GB", 1_500_000_000],
    ["  2 gib ", 2 * 1024 ** 3],
    ["1t", 1e12],
    ["1TiB", 1024 ** 4],
    ["7b", 7],
  ] as const) {
    equal(parseSize(text), bytes, text);
  }
});

test("what is not a size, or is past 2^53, is none", () => {
  for (const text of [
    "",
    "k",
    "-1",
    "1.",
    ".5",
    "1e3",
    "1 2",
    "4 MiBs",
    "1x",
    "9007199254740992",
    "9999TiB",
    "1constructor",
  ]) {
    equal(parseSize(text), undefined, text);
  }
});

test("rates may end in /s", () => {
  equal(parseRate("10MB/s"), 10_000_000);
  equal(parseRate("500k"), 500_000);
  equal(parseRate("1MiB/S "), 1024 * 1024);
  equal(parseRate("/s"), undefined);
});

test("sizes are written in three figures", () => {
  for (const [bytes, text] of [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "0.98 KiB"],
    [1024, "1.00 KiB"],
    [10 * 1024, "10.0 KiB"],
    [100 * 1024, "100 KiB"],
    [1023 * 1024, "1.00 MiB"],
    [1.5 * 1024 ** 3, "1.50 GiB"],
    [2 ** 53 - 1, "8.00 PiB"],
  ] as const) {
    equal(formatSize(bytes), text);
  }
  equal(formatRate(2048), "2.00 KiB/s");
});

test("what is written is within one part in a hundred of what was meant", () => {
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (bytes) => {
      const text = formatSize(bytes);
      if (text.endsWith("PiB")) return;
      const read = parseSize(text) ?? Number.NaN;
      equal(Math.abs(read - bytes) <= Math.max(0.01 * bytes, 0.5), true, text);
    }),
  );
});
