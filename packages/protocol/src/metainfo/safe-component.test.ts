import { equal } from "node:assert/strict";
import { test } from "node:test";
import { Prng, utf8 } from "@dure/base";
import { componentBytesMax, cutText, safeComponent, splitExtension } from "./safe-component.ts";
import { assertSafe, strangeName } from "./testing/strange-names.ts";

test("ordinary names stay as they are", () => {
  for (const name of [
    "a",
    "File 1 (final) [2024].mkv",
    ".hidden",
    "archive.tar.gz",
    "  two leading spaces",
    "두레 문서.txt",
    "Ünïcödé – “quoted”",
    "e\u0301te\u0301", // decomposed, as macOS writes it
    "می\u200cخواهم.txt", // Persian: the joiner separates letters
    "👨‍👩‍👧.png", // a family is held together by joiners
    "1\ufe0f\u20e3",
    "console.log",
    "auxiliary",
    "com10",
    "nullable.ts",
    "backup~1 of 3.tar",
    "backup~123.tar",
    "~1",
  ]) {
    equal(safeComponent(name), name);
  }
});

const cases: readonly (readonly [string, string])[] = [
  ["", "_"],
  [".", "_"],
  ["..", "_"],
  ["...", "_"],
  [". .", "_"],
  [".\u200b.", "_"], // dots with nothing visible between
  ["/etc/passwd", "_etc_passwd"],
  ["..\\..\\boot.ini", ".._.._boot.ini"],
  ["C:\\Windows", "C__Windows"],
  ["a\0b", "a_b"],
  ["line\nbreak\ttab\x7f\x9b", "line_break_tab__"],
  ["a\u2028b\u2029c", "a_b_c"],
  ['<>:"|?*', "_______"],
  ["name.", "name"],
  ["name ", "name"],
  ["name. . .", "name"],
  ["CON", "_CON"],
  ["con", "_con"],
  ["AUX.txt", "_AUX.txt"],
  ["nul .tar.gz", "_nul .tar.gz"],
  ["Com1", "_Com1"],
  ["LPT².doc", "_LPT².doc"],
  ["CONIN$", "_CONIN$"],
  ["CON.\u202e", "_CON"],
  ["PROGRA~1", "PROGRA_1"],
  ["LONGFI~2.TXT", "LONGFI_2.TXT"],
  ["a~b~1", "a_b_1"],
  ["photo\u202egpj.exe", "photogpj.exe"], // would be shown as photoexe.jpg
  ["a\u2066b\u2069c", "abc"],
  ["\ufeffbom", "bom"],
  ["soft\u00adhyphen", "softhyphen"],
  ["lone\ud800surrogate", "lone_surrogate"],
  ["joiner\u200d", "joiner"],
  ["\u200cjoiner", "joiner"],
  ["a\u200db", "ab"],
  ["é\u200d\u200dé", "éé"],
];

for (const [spelled, safe] of cases) {
  test(`${JSON.stringify(spelled)} becomes ${JSON.stringify(safe)}`, () => {
    equal(safeComponent(spelled), safe);
    equal(safeComponent(safe), safe);
  });
}

test("a long name is cut to 255 bytes between characters, and keeps a short extension", () => {
  equal(safeComponent("x".repeat(255)), "x".repeat(255));
  equal(safeComponent("x".repeat(256)), "x".repeat(255));
  equal(safeComponent(`${"x".repeat(300)}.mkv`), `${"x".repeat(251)}.mkv`);
  equal(safeComponent(`${"한".repeat(100)}.txt`), `${"한".repeat(83)}.txt`);
  equal(safeComponent(`${"한".repeat(85)}`), "한".repeat(85));
  equal(safeComponent(`a.${"e".repeat(300)}`), `a.${"e".repeat(253)}`);
  equal(safeComponent(`${"x".repeat(254)}. tail`), `${"x".repeat(249)}. tail`);
  equal(safeComponent(`CON.${"x".repeat(300)}`), `_CON.${"x".repeat(250)}`);
  equal(utf8(safeComponent("👨‍👩‍👧".repeat(50))).length <= componentBytesMax, true);
});

test("what stands in for nothing is given by the caller", () => {
  equal(safeComponent("..", "0123abcd"), "0123abcd");
});

test("text is cut within bytes and never inside a character", () => {
  equal(cutText("abc", 2), "ab");
  equal(cutText("é", 1), "");
  equal(cutText("aé", 3), "aé");
  equal(cutText("👨x", 4), "👨");
  equal(cutText("👨x", 3), "");
});

test("an extension is the last part after a dot, when it is short and something stands before it", () => {
  const parts = (name: string) => Object.values(splitExtension(name)).join("|");
  equal(parts("a.tar.gz"), "a.tar|.gz");
  equal(parts(".hidden"), ".hidden|");
  equal(parts("none"), "none|");
  equal(parts("a.a-very-long-extension"), "a.a-very-long-extension|");
});

test("100,000 strange names come out safe, and the same when made safe again", () => {
  const seed = 5;
  const prng = new Prng(seed, "names");
  for (let run = 0; run < 100_000; run += 1) {
    const spelled = strangeName(prng);
    const safe = safeComponent(spelled);
    try {
      assertSafe(safe);
      equal(safeComponent(safe), safe);
    } catch (cause) {
      throw new Error(`seed ${seed}, name ${run}: ${JSON.stringify(spelled)}`, { cause });
    }
  }
});
