import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { percentOf, renderBar } from "./bar.ts";
import { redraw } from "./live.ts";
import { columnsOf } from "./screen.ts";
import { displayWidth } from "./width.ts";

const plain = { columns: 80, unicode: true, color: false };
const line = {
  before: [{ text: "album", rank: 10 }],
  fraction: 0.5,
  after: [
    { text: " 50%", rank: 60 },
    { text: "8 peers", rank: 20 },
  ],
};

test("the bar takes the room that the fields leave, up to forty columns", () => {
  equal(renderBar(line, plain), `album  ${"━".repeat(20)}${"─".repeat(20)}   50%  8 peers`);
  equal(renderBar(line, { ...plain, columns: 40 }), `album  ${"━".repeat(8)}${"─".repeat(9)}   50%  8 peers`);
});

test("a narrow terminal loses the fields of low rank first, and the bar before the per cent", () => {
  equal(renderBar(line, { ...plain, columns: 29 }), "━━━━━━───────   50%  8 peers");
  equal(renderBar(line, { ...plain, columns: 16 }), "━━━━─────   50%");
  equal(renderBar(line, { ...plain, columns: 10 }), " 50%");
});

test("no line is as wide as the terminal, whatever stands in it", () => {
  const field = fc.record({ text: fc.string({ unit: "grapheme", maxLength: 20 }), rank: fc.nat(100) });
  const drawn = fc.record({
    before: fc.array(field, { maxLength: 3 }),
    fraction: fc.double({ min: -1, max: 2, noNaN: true }),
    after: fc.array(field, { maxLength: 6 }),
  });
  fc.assert(
    fc.property(drawn, fc.integer({ min: 1, max: 200 }), (bar, columns) => {
      ok(displayWidth(renderBar(bar, { ...plain, columns })) < Math.max(columns, 2));
    }),
  );
});

test("without UTF-8 the bar is ASCII", () => {
  const drawn = renderBar({ ...line, before: [] }, { ...plain, unicode: false, columns: 30 });
  equal(drawn, "#######-------   50%  8 peers");
});

test("a hundred per cent, and a full bar, only when nothing is missing", () => {
  equal(percentOf(0.9999), 99);
  equal(percentOf(1), 100);
  equal(percentOf(-0.1), 0);
  ok(renderBar({ ...line, fraction: 0.9999 }, plain).includes("─"));
  ok(!renderBar({ ...line, fraction: 1 }, plain).includes("─"));
});

test("lines drawn again go over the ones before, and what is left of those is cleared", () => {
  equal(redraw(0, ["a"]), "\ra\u001b[K\n\u001b[J");
  equal(redraw(2, ["a"]), "\u001b[2A\ra\u001b[K\n\u001b[J");
  equal(redraw(1, []), "\u001b[1A\r\u001b[J");
});

test("COLUMNS goes before what the terminal says; without both a line has eighty columns", () => {
  equal(columnsOf("50", 120), 50);
  equal(columnsOf("wide", 120), 120);
  equal(columnsOf("0", 120), 120);
  equal(columnsOf(undefined, 0), 80);
  equal(columnsOf(undefined, undefined), 80);
});
