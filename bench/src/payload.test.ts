import { equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { firstDifference, writePayload } from "./payload.ts";

const folder = mkdtempSync(join(tmpdir(), "dure-payload-"));
after(() => rmSync(folder, { recursive: true }));

const bytes = 2_500_000; // two whole MiB and a part of one

test("the payload has the hashes it names, whatever the piece size, and does not compress", () => {
  for (const pieceBytes of [16_384, 1 << 20, 4 << 20]) {
    const path = join(folder, `pieces-${pieceBytes}`);
    const hashes = writePayload(path, { bytes, pieceBytes });
    const written = readFileSync(path);
    equal(written.length, bytes);
    const expected = [];
    for (let start = 0; start < bytes; start += pieceBytes) {
      expected.push(
        createHash("sha1")
          .update(written.subarray(start, start + pieceBytes))
          .digest(),
      );
    }
    equal(hashes.toString("hex"), Buffer.concat(expected).toString("hex"));
    equal(gzipSync(written, { level: 1 }).length >= bytes, true);
  }
});

test("the comparison finds nothing in a true copy, and the first wrong, missing or surplus byte in others", () => {
  const path = join(folder, "copy");
  writePayload(path, { bytes, pieceBytes: 1 << 20 });
  equal(firstDifference(path, bytes), undefined);
  equal(firstDifference(path, bytes - 1), bytes - 1);
  const original = readFileSync(path);
  writeSync(openSync(path, "r+"), Buffer.from([(original[1_234_567] ?? 0) ^ 1]), 0, 1, 1_234_567);
  equal(firstDifference(path, bytes), 1_234_567);
  writeSync(openSync(path, "r+"), original);
  appendFileSync(path, "x");
  equal(firstDifference(path, bytes), bytes);
  truncateSync(path, 2_000_000);
  equal(firstDifference(path, bytes), 2_000_000);
});
