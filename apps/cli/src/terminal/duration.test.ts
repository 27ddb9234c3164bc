import { equal } from "node:assert/strict";
import { test } from "node:test";
import { loadMessages } from "../messages/index.ts";
import { formatDuration } from "./duration.ts";

test("durations read like a clock, and from a day on like words", async () => {
  const [en, ko] = [await loadMessages("en"), await loadMessages("ko")];
  equal(formatDuration(7_400, en), "0:07");
  equal(formatDuration(754_000, en), "12:34");
  equal(formatDuration(3_723_000, en), "1:02:03");
  equal(formatDuration(86_400_000 * 3 + 3_600_000 * 4, en), "3d 4h");
  equal(formatDuration(86_400_000 * 3 + 3_600_000 * 4, ko), "3일 4시간");
  equal(formatDuration(Number.MAX_SAFE_INTEGER, ko), "오래");
});
