import { deepEqual, equal, ok } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { differences, makeSample } from "./sample.ts";

const folder = mkdtempSync(join(tmpdir(), "dure-sample-"));
after(() => rmSync(folder, { recursive: true }));

const files = [
  { path: "a", bytes: 40_000 },
  { path: "empty", bytes: 0 },
  { path: "deep/b", bytes: 20_000 },
];

test("pad files fill the last piece of every file but the last, and are counted but not written (BEP 47)", () => {
  const sample = makeSample(join(folder, "padded"), { name: "x", files, pieceBytes: 32_768, pad: true });
  deepEqual(sample.files, [
    { path: "a", index: 0 },
    { path: "empty", index: 2 },
    { path: "deep/b", index: 3 },
  ]);
  const torrent = readFileSync(sample.torrent, "latin1");
  ok(torrent.includes("d4:attr1:p6:lengthi25536e4:pathl4:.pad5:25536ee"));
  equal(/6:pieces(\d+):/.exec(torrent)?.[1], String(3 * 20)); // two pieces of file and pad, one of the last file
  deepEqual(differences(sample, sample.dir), []);
});

test("a file that is missing, short or changed is named; one that was not wanted is not looked at", () => {
  const sample = makeSample(join(folder, "original"), { name: "x", files, pieceBytes: 16_384 });
  const copy = makeSample(join(folder, "copy"), { name: "x", files, pieceBytes: 16_384 });
  truncateSync(join(copy.dir, "x", "a"), 39_999);
  rmSync(join(copy.dir, "x", "empty"));
  deepEqual(differences(sample, copy.dir), ["a: differs", "empty: missing"]);
  deepEqual(differences(sample, copy.dir, sample.files.slice(2)), []);
});

test("one file with an empty path makes a single-file torrent, and the magnet link names hash and tracker", () => {
  const announce = "http://10.0.0.1/announce";
  const only = [{ path: "", bytes: 100 }];
  const sample = makeSample(join(folder, "one"), {
    name: "one.bin",
    files: only,
    pieceBytes: 16_384,
    announce,
  });
  ok(readFileSync(sample.torrent, "latin1").includes("6:lengthi100e4:name7:one.bin"));
  equal(readFileSync(join(sample.dir, "one.bin")).length, 100);
  equal(
    sample.magnet,
    `magnet:?xt=urn:btih:${sample.infoHash}&dn=one.bin&tr=http%3A%2F%2F10.0.0.1%2Fannounce`,
  );
});
