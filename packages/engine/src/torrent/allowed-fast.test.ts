import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { infoHash, must } from "@dure/base";
import fc from "fast-check";
import { allowedFastSet } from "./allowed-fast.ts";

const hash = must(infoHash("aa".repeat(20)), "an info-hash");

test("the two example sets of BEP 6", () => {
  deepEqual(allowedFastSet("80.4.4.200", hash, 1313, 7), [1059, 431, 808, 1217, 287, 376, 1188]);
  deepEqual(allowedFastSet("80.4.4.200", hash, 1313, 9), [1059, 431, 808, 1217, 287, 376, 1188, 353, 508]);
});

test("the set hangs on the /24, so that a neighbour's address gains nothing", () => {
  deepEqual(allowedFastSet("80.4.4.1", hash, 1313), allowedFastSet("80.4.4.254", hash, 1313));
  ok(allowedFastSet("80.4.5.1", hash, 1313).join() !== allowedFastSet("80.4.4.1", hash, 1313).join());
});

test("any set names different pieces of the torrent, as many as there are or as were wanted", () => {
  const inputs = [fc.ipV4(), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 20 })] as const;
  fc.assert(
    fc.property(...inputs, (ip, pieceCount, size) => {
      const set = allowedFastSet(ip, hash, pieceCount, size);
      equal(new Set(set).size, set.length);
      equal(set.length, Math.min(size, pieceCount));
      ok(set.every((piece) => piece >= 0 && piece < pieceCount));
    }),
  );
});

test("IPv6 peers have none: the BEP leaves them out", () => {
  deepEqual(allowedFastSet("2001:db8::1", hash, 1313), []);
  deepEqual(allowedFastSet("not an address", hash, 1313), []);
});
