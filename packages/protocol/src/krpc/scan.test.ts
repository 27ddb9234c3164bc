import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, utf8 } from "@dure/base";
import { Names, skipValue } from "./scan.ts";

test("a value ends where it ends, whatever follows", () => {
  for (const value of ["i0e", "i-12e", "0:", "10:0123456789", "le", "l1:ai1ee", "de", "d1:al0:ee"]) {
    equal(skipValue(utf8(value), 0), value.length, value);
    equal(skipValue(utf8(`xx${value}1:z`), 2), value.length + 2, value);
  }
});

test("a thousand levels end the walk, not the stack", () => {
  equal(skipValue(utf8("l".repeat(1000)), 0) < 0, true);
  equal(skipValue(utf8("d0:".repeat(1000)), 0) < 0, true);
});

test("names are found whole and nothing near them is", () => {
  const names = new Names(["id", "target", "token", "a"]);
  const find = (text: string) => names.find(fromLatin1(`<${text}>`), 1, text.length + 1);
  equal(find("id"), 0);
  equal(find("target"), 1);
  equal(find("token"), 2);
  equal(find("a"), 3);
  for (const near of ["", "b", "i", "ida", "tarzet", "targe", "tokin", "ID", "\xe9d"])
    equal(find(near), -1, near);
});

test("two names that the table could not tell apart are our own mistake", () => {
  throws(() => new Names(["seed", "said"]), /two names differ/);
});
