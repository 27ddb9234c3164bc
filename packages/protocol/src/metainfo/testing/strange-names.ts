import { ok } from "node:assert/strict";
import { fromLatin1, latin1, type Prng, utf8 } from "@dure/base";

/** A name of the kinds that have escaped folders, collided, or fooled people; often an ordinary one. */
export function strangeName(prng: Prng): string {
  let name = "";
  const parts = prng.between(0, 4);
  for (let part = 0; part < parts; part += 1) name += prng.pick(pieces) ?? "";
  if (prng.chance(0.02)) name = name.repeat(prng.between(1, 60)).slice(0, 1200);
  if (prng.chance(0.1)) name = prng.chance(0.5) ? name.toUpperCase() : name.normalize("NFD");
  if (prng.chance(0.05)) name += String.fromCodePoint(prng.below(0x11_0000));
  return name;
}

const pieces: readonly string[] = [
  ...'abcABC019 ._-~$()/\\:*?"<>|\0\n\x1b\x7f\x85',
  ...[
    "..",
    "...",
    " .",
    "../",
    "..\\",
    "/",
    "C:",
    "~1",
    "~12.txt",
    "PROGRA~1",
    "readme",
    "README",
    "file",
    ".txt",
  ],
  ...[
    "CON",
    "con",
    "AUX",
    "nul",
    "COM1",
    "com¹",
    "LPT9",
    "PRN",
    "CONIN$",
    ".tar.gz",
    " (2)",
    " (3).txt",
    "$MFT",
  ],
  ...[
    "é",
    "e\u0301",
    "É",
    "ß",
    "SS",
    "ẞ",
    "ss",
    "İ",
    "i̇",
    "ı",
    "I",
    "K",
    "k",
    "ſ",
    "s",
    "Σ",
    "ς",
    "σ",
    "ﬁ",
    "fi",
  ],
  ...[
    "Å",
    "Å",
    "A\u030a",
    "가",
    "가",
    "각",
    "한글",
    "漢",
    "𝒳",
    "👨‍👩‍👧",
    "\u{1f1f0}\u{1f1f7}",
    "\ufe0f",
    "\u3164",
    "\u034f",
  ],
  ...[
    "\u200b",
    "\u200c",
    "\u200d",
    "\u200e",
    "\u202a",
    "\u202e",
    "\u2066",
    "\u2069",
    "\ufeff",
    "\u00ad",
    "\u061c",
  ],
  ...[
    "\u2028",
    "\u2029",
    "\ud800",
    "\udfff",
    "\u{e0001}",
    "\u{e0041}",
    "\ufff9",
    "\uffff",
    "\u0345",
    "ᾳ",
    "\u1e9b\u0323",
  ],
  ...["x".repeat(120), "한".repeat(60), ".".repeat(20), " ".repeat(20), "x".repeat(255)],
  latin1(fromLatin1("caf\xe9")),
];

/** The promises at the head of safe-component.ts, written down a second time and without its code. */
export function assertSafe(name: string): void {
  ok(name !== "" && name !== "." && name !== "..");
  ok(utf8(name).length <= 255);
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    ok(code >= 0x20 && !(code >= 0x7f && code < 0xa0) && !'/\\<>:"|?*'.includes(character));
    ok(!(code >= 0xd800 && code <= 0xdfff) && !hiddenCodes.has(code));
  }
  ok(!name.endsWith(".") && !name.endsWith(" "));
  const stem = (name.split(".")[0] ?? "").trim().toUpperCase();
  ok(!deviceNames.has(stem));
  const [alias = "", extension = "", ...more] = name.split(".");
  ok(!(/.~\d+$/.test(alias) && alias.length <= 8 && extension.length <= 3 && more.length === 0));
}

const hiddenCodes: ReadonlySet<number> = new Set([
  ...[0xad, 0x61c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x2060, 0xfeff, 0xfff9, 0xfffa, 0xfffb, 0xe0001],
  ...range(0x202a, 0x202e),
  ...range(0x2066, 0x2069),
  ...range(0xe0020, 0xe007f),
]);

const deviceNames: ReadonlySet<string> = new Set([
  ...["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"],
  ...[..."0123456789¹²³"].flatMap((digit) => [`COM${digit}`, `LPT${digit}`]),
]);

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
