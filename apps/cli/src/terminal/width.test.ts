import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { printable } from "./printable.ts";
import { displayWidth, padEnd, padStart, truncate, wrap } from "./width.ts";

test("Hangul, Han, kana, fullwidth forms and emoji take two columns, other letters one", () => {
  const widths: readonly (readonly [string, number])[] = [
    ["", 0],
    ["album", 5],
    ["앨범", 4],
    ["두레 dure", 9],
    ["漢字かな", 8],
    ["Ａ１", 4],
    ["🎵", 2],
    ["é", 1],
    ["↓━─…", 4],
  ];
  for (const [text, width] of widths) equal(displayWidth(text), width, text);
});

test("decomposed Hangul and combining accents take what the composed letters take", () => {
  for (const text of ["앨범", "값", "두레", "é", "ñandú"]) {
    equal(displayWidth(text.normalize("NFD")), displayWidth(text), text);
  }
});

test("control and format characters take no column", () => {
  equal(displayWidth("a\u0000\u001b\u0085\u200b\u202eb"), 2);
});

test("padding counts columns, not characters", () => {
  equal(padEnd("앨범", 6), "앨범  ");
  equal(padStart("앨범", 6), "  앨범");
  equal(padEnd("too long", 3), "too long");
});

test("a cut text fits its columns, also when a wide letter stands at the edge", () => {
  equal(truncate("두레두레", 8), "두레두레");
  equal(truncate("두레두레", 6), "두레…");
  equal(truncate("두레두레", 5), "두레…");
  equal(truncate("abc", 0), "");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), fc.nat(20), (text, columns) => {
      ok(displayWidth(truncate(text, columns)) <= Math.max(columns, 0));
    }),
  );
});

test("wrapped lines fit, and no word is lost", () => {
  const text = "Dure(두레)는 비트토렌트 피어입니다. 토렌트를 내려받고, 나눠 주고, 만들고, 검사합니다.";
  for (const columns of [20, 33, 60, 200]) {
    const lines = wrap(text, columns);
    ok(lines.every((line) => displayWidth(line) <= columns));
    equal(lines.join(" "), text);
  }
});

test("names of strangers cannot repaint the terminal or turn themselves around", () => {
  equal(printable("a\u001b[2Jb\r\nc"), "a�[2Jb��c");
  equal(printable("gpj\u202eexe"), "gpj�exe");
  equal(printable("두레 – naïve 🎵"), "두레 – naïve 🎵");
});
