import { equal, notEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import { foldName } from "./fold-name.ts";

test("names that differ by case, composition or invisible characters have one key", () => {
  for (const [a, b] of [
    ["readme", "README"],
    ["straße", "STRASSE"],
    ["STRAẞE", "strasse"],
    ["é", "E\u0301"],
    ["Å", "\u212b"], // the angstrom sign
    ["k", "\u212a"], // the kelvin sign
    ["σ", "ς"],
    ["İ", "i\u0307"],
    ["가", "\u1100\u1161"],
    [".git", ".g\u200cit"],
    ["a\ufe0f", "a"],
  ] as const) {
    equal(foldName(a), foldName(b), `${a} ${b}`);
  }
});

test("names that no system takes for one have two keys", () => {
  for (const [a, b] of [
    ["a", "b"],
    ["e", "é"],
    ["o", "ö"],
    ["a", "а"], // Cyrillic
    ["1", "¹"],
  ] as const) {
    notEqual(foldName(a), foldName(b), `${a} ${b}`);
  }
});

test("every character has the key of its upper case, lower case and normal forms, and a key is its own key", () => {
  for (let code = 0x20; code < 0x3_0000; code += 1) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const character = String.fromCodePoint(code);
    const key = foldName(character);
    const forms = [
      character.toUpperCase(),
      character.toLowerCase(),
      character.normalize("NFC"),
      character.normalize("NFD"),
      key,
    ];
    for (const form of forms) ok(foldName(form) === key, `U+${code.toString(16)}`);
  }
});
