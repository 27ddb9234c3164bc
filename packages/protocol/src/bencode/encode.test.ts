import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { latin1, utf8 } from "@dure/base";
import { type BencodeInput, encodeBencode, RawBencode } from "./index.ts";

const encoded = (value: BencodeInput) => latin1(encodeBencode(value));

test("numbers, text, bytes, lists and dictionaries are written as BEP 3 has them", () => {
  equal(encoded(-3), "i-3e");
  equal(encoded(-0), "i0e");
  equal(encoded("spam"), "4:spam");
  equal(encoded("é"), "2:\xc3\xa9");
  equal(encoded(Uint8Array.of(0xff, 0)), "2:\xff\0");
  equal(encoded(["a", 1, []]), "l1:ai1elee");
  equal(encoded({ cow: "moo", spam: ["a"] }), "d3:cow3:moo4:spaml1:aee");
});

test("keys are sorted by their raw bytes, and what is undefined is left out", () => {
  equal(encoded({ b: 1, a: 2, c: undefined, B: 3 }), "d1:Bi3e1:ai2e1:bi1ee");
  const raw = new Map<string, BencodeInput>([
    ["\xff", 1],
    ["a", 2],
    ["", 3],
    ["ab", 4],
  ]);
  equal(encoded(raw), "d0:i3e1:ai2e2:abi4e1:\xffi1ee");
});

test("a long value is written whole", () => {
  const long = Array.from({ length: 5000 }, (_, index) => "x".repeat(index % 90));
  equal(encoded(long), `l${long.map((text) => `${text.length}:${text}`).join("")}e`);
  equal(encoded(new Uint8Array(10_000).fill(97)), `10000:${"a".repeat(10_000)}`);
});

test("what is bencode already is written as it stands", () => {
  equal(encoded({ info: new RawBencode(utf8("d1:zi1e1:ai2ee")) }), "d4:infod1:zi1e1:ai2eee");
});

test("a value that is not bencode is a mistake of ours, and thrown", () => {
  throws(() => encodeBencode(1.5), /bencode has integers only/);
  throws(() => encodeBencode({ 두레: 1 }), /a key spells one byte a character/);
  let deep: BencodeInput = [];
  for (let depth = 0; depth < 40; depth += 1) deep = [deep];
  throws(() => encodeBencode(deep), /a value of ours that our decoder accepts/);
});
