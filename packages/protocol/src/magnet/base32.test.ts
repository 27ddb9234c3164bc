import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@dure/base";
import { decodeBase32 } from "./base32.ts";

test("whole groups are decoded in either case (RFC 4648)", () => {
  deepEqual(decodeBase32(""), utf8(""));
  deepEqual(decodeBase32("MZXW6YTB"), utf8("fooba"));
  deepEqual(decodeBase32("mzxw6ytbmzxw6ytb"), utf8("foobafooba"));
  deepEqual(decodeBase32("77777777"), Uint8Array.of(255, 255, 255, 255, 255));
});

test("anything else is not base32", () => {
  for (const text of ["M", "MZXW6YQ=", "MZXW6YT1", "MZXW6YT!", "MZXW6YTß", "MZXW6YTB\n"]) {
    equal(decodeBase32(text), undefined, text);
  }
});
