import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { disagreements, type Matrix, type Outcome } from "./matrix.ts";
import { plans, titleOf } from "./plan.ts";
import { markers, readmes, showsMatrix, withMatrix } from "./readme.ts";
import { schedule } from "./run.ts";

const words = readmes["README.md"] ?? never("README.md is one of the READMEs");
const korean = readmes["README.ko.md"] ?? never("README.ko.md is one of the READMEs");

const whole: Matrix = {
  versions: { aria2: "1.36.0", opentracker: "0.0~git20210823.110868e-3" },
  cells: Object.fromEntries(plans.map((plan): [string, Outcome] => [titleOf(plan), plan.limit ?? "passed"])),
};

test("every cell is run once, and no two have the same name", () => {
  equal(new Set(plans.map(titleOf)).size, plans.length);
  deepEqual(schedule().map(titleOf).sort(), plans.map(titleOf).sort());
});

test("versions and cells that could not be tried are no disagreement; a changed, lost or new cell is", () => {
  const cells = { ...whole.cells };
  deepEqual(disagreements(whole, { versions: {}, cells }), []);
  const title = "aria2 → dure: magnet";
  deepEqual(disagreements(whole, { ...whole, cells: { ...cells, [title]: "absent" } }), []);
  deepEqual(disagreements(whole, { ...whole, cells: { ...cells, [title]: "failed" } }), [
    `${title}: committed as passed, found failed`,
  ]);
  deepEqual(disagreements({ ...whole, cells: { ...cells, "old: one": "passed" } }, whole), [
    "old: one: committed as passed, found no cell",
  ]);
  deepEqual(disagreements(whole, { ...whole, cells: { ...cells, "new: one": "passed" } }), [
    "new: one: committed as no cell, found passed",
  ]);
});

test("the tables stand between the markers, written again they do not change, and all else stays", () => {
  const before = `# Title\n\n${markers.start}\nold\n${markers.end}\n\nAfter.\n`;
  const once = withMatrix(before, whole, words) ?? never("there are markers");
  match(once, /^# Title\n\n/);
  match(once, /\n\nAfter\.\n$/);
  match(once, /\n\| aria2 1\.36\.0 → Dure \| ✓ \|/);
  match(once, /\n\| opentracker 0\.0~git20210823, UDP \| ✓ \| –<sup>1<\/sup> \|\n/);
  equal(once.includes("old"), false);
  equal(withMatrix(once, whole, words), once);
  equal(withMatrix("no markers", whole, words), undefined);
});

test("a formatter may move the borders of the tables, and nobody may change what is in them", () => {
  const text = withMatrix(`${markers.start}${markers.end}`, whole, words) ?? never("there are markers");
  equal(showsMatrix(text, whole, words), true);
  const aligned = text.replaceAll(" | ✓ |", " |       ✓       |").replaceAll(":-:|", " :-----------: |");
  equal(showsMatrix(aligned, whole, words), true);
  equal(showsMatrix(text.replace("✓", "–"), whole, words), false);
});

test("both languages have a word for every column and every note", () => {
  const columns = plans.map(({ column }) => column).filter((column) => !column.startsWith("IPv"));
  for (const column of columns) {
    equal(typeof words.columns[column], "string");
    equal(typeof korean.columns[column], "string");
  }
  deepEqual(Object.keys(korean.notes), Object.keys(words.notes));
});

function never(belief: string): never {
  throw new Error(belief);
}
