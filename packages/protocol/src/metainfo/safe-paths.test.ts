import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@dure/base";
import { foldName } from "./fold-name.ts";
import { type SpelledPath, safePaths } from "./safe-paths.ts";
import { assertSafe, strangeName } from "./testing/strange-names.ts";

test("names that some system takes for one get a number, the first keeps its own", () => {
  deepEqual(safe("a.txt", "A.TXT", "b", "a.txt"), ["a.txt", "A (2).TXT", "b", "a (3).txt"]);
  deepEqual(safe("straße", "STRASSE"), ["straße", "STRASSE (2)"]);
  deepEqual(safe("é", "e\u0301"), ["é", "e\u0301 (2)"]);
  deepEqual(safe("a\ufe0f", "a"), ["a\ufe0f", "a (2)"]);
  deepEqual(safe("what?", "what*"), ["what_", "what_ (2)"]);
});

test("who can keep a name keeps it, wherever it stands in the list", () => {
  deepEqual(safe("a", "A", "a (2)", "a (3)"), ["a", "A (4)", "a (2)", "a (3)"]);
});

test("folders that fold to one name are one folder", () => {
  deepEqual(safe("Music/a", "music/b", "MUSIC/A"), ["Music/a", "Music/b", "Music/A (2)"]);
  deepEqual(safe("x/../y", "x/../z"), ["x/_/y", "x/_/z"]);
});

test("a file that is also a folder of another file gives way, before or after it", () => {
  deepEqual(safe("a", "a/b"), ["a (2)", "a/b"]);
  deepEqual(safe("a/b", "A"), ["a/b", "A (2)"]);
  deepEqual(safe("a/b/c", "a/b"), ["a/b/c", "a/b (2)"]);
});

test("a numbered name still fits and stays safe", () => {
  const long = `${"x".repeat(251)}.mkv`;
  deepEqual(safe(long, long), [long, `${"x".repeat(242)} (2).mkv`]);
  deepEqual(safe("é\u200dé", "é\u200dé"), ["é\u200dé", "é\u200dé (2)"]);
});

test("pads take no name from a file, and a single file has no path below its name", () => {
  const pad = { path: [".pad", "5/"], pad: true };
  const list = [pad, { path: [".pad", "5_"], pad: false }, pad, { path: [], pad: false }];
  deepEqual(safePaths(list), [[".pad", "5_"], [".pad", "5_"], [".pad", "5_"], []]);
});

test("fifty thousand files of one name cost no search", () => {
  const started = performance.now();
  const paths = safePaths(Array.from({ length: 50_000 }, () => ({ path: ["same.txt"], pad: false })));
  equal(paths[49_999]?.[0], "same (50000).txt");
  ok(performance.now() - started < 5000);
});

test("100,000 generated trees: none leaves the folder, nothing collides, no name is reserved, twice is as once", () => {
  const seed = 11;
  const prng = new Prng(seed, "trees");
  for (let run = 0; run < 100_000; run += 1) {
    const tree = strangeTree(prng);
    const paths = safePaths(tree);
    try {
      assertApart(paths);
      const again = safePaths(paths.map((path) => ({ path, pad: false })));
      equal(JSON.stringify(again), JSON.stringify(paths)); // deepEqual takes ten times as long
    } catch (cause) {
      throw new Error(`seed ${seed}, tree ${run}: ${JSON.stringify(tree)}`, { cause });
    }
  }
});

function safe(...paths: readonly string[]): string[] {
  const list = paths.map((path) => ({ path: path.split("/"), pad: false }));
  return safePaths(list).map((path) => path.join("/"));
}

function strangeTree(prng: Prng): SpelledPath[] {
  const names = Array.from({ length: prng.between(1, 4) }, () => strangeName(prng));
  const files = prng.between(1, 6);
  return Array.from({ length: files }, () => {
    const depth = prng.between(1, 3);
    return { path: Array.from({ length: depth }, () => prng.pick(names) ?? ""), pad: false };
  });
}

// Every prefix of every path is one thing: a folder (one spelling) or a file (once).
function assertApart(paths: readonly (readonly string[])[]): void {
  const folders = new Map<string, string>();
  const files = new Set<string>();
  for (const path of paths) {
    for (const component of path) assertSafe(component);
    let key = "";
    for (const [index, component] of path.entries()) {
      key += `/${foldName(component)}`;
      const spelling = path.slice(0, index + 1).join("/");
      if (index < path.length - 1) {
        ok((folders.get(key) ?? spelling) === spelling);
        folders.set(key, spelling);
      } else {
        ok(!files.has(key));
        files.add(key);
      }
    }
  }
  for (const file of files) ok(!folders.has(file));
}
