import { deepEqual, equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { cases, wantedFiles } from "./cases.ts";
import { differences, oneFile, type Payload, padded, torrentOf, writePayload } from "./payload.ts";

const folder: Payload = {
  name: "folder",
  layout: "folder",
  pieceBytes: 16_384,
  files: padded(
    [
      { path: "a", bytes: 100_000 },
      { path: "empty", bytes: 0 },
      { path: "b/c", bytes: 20_000 },
      { path: "b/d", bytes: 16_384 },
    ],
    16_384,
  ),
};
const real = folder.files.filter(({ pad }) => pad !== true);
const all = { expected: real, nothingElse: true };

test("each file that has bytes begins with a piece, and an empty one costs no pad", () => {
  deepEqual(
    folder.files.map(({ path, bytes }) => [path, bytes]),
    [
      ["a", 100_000],
      ["empty", 0],
      [".pad/14688", 14_688],
      ["b/c", 20_000],
      [".pad/12768", 12_768],
      ["b/d", 16_384],
    ],
  );
});

test("a payload that was written is found whole, with its pads or without", (context) => {
  for (const pads of [false, true]) {
    const dir = temporary(context);
    writePayload(folder, dir, { pads });
    deepEqual(differences(folder, dir, { ...all, nothingElse: !pads }), []);
  }
});

test("one wrong byte, one byte too many, a missing file and a file too many are each named", (context) => {
  const dir = temporary(context);
  writePayload(folder, dir, { pads: false });
  const path = join(dir, "folder/a");
  const bytes = readFileSync(path);
  bytes[99_999] = (bytes[99_999] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  appendFileSync(join(dir, "folder/b/c"), "x");
  rmSync(join(dir, "folder/b/d"));
  writeFileSync(join(dir, "folder/a.part"), "");
  deepEqual(differences(folder, dir, all), [
    "folder/a has wrong bytes",
    "folder/b/c has wrong bytes",
    "folder/b/d is missing",
    "folder/a.part should not be here",
  ]);
});

test("a file nobody wanted is named, unless it shares a piece with one that was", (context) => {
  const part = cases.find(({ name }) => name === "part");
  const wanted = part && wantedFiles(part);
  if (part === undefined || wanted === undefined) throw new Error("the case of a part is among the cases");
  const dir = temporary(context);
  writePayload(part.payload, dir, { pads: false });
  deepEqual(differences(part.payload, dir, { expected: wanted, nothingElse: false }), [
    "album/01 first.bin is here though nobody wanted it",
    "album/05 fifth.bin is here though nobody wanted it",
    "album/09 ninth.bin is here though nobody wanted it",
  ]);
});

test("a torrent is the file that BEP 3 describes, to the byte", () => {
  const { torrent, infoHash } = torrentOf(
    oneFile("x", { bytes: 20_000, pieceBytes: 16_384, private: true }),
    "http://t/",
  );
  const info =
    /^d8:announce9:http:\/\/t\/4:info(d6:lengthi20000e4:name1:x12:piece lengthi16384e6:pieces40:[\s\S]{40}7:privatei1ee)e$/;
  const found = info.exec(torrent.toString("latin1"))?.[1];
  equal(
    createHash("sha1")
      .update(Buffer.from(found ?? "", "latin1"))
      .digest("hex"),
    infoHash,
  );
});

function temporary(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "dure-payload-"));
  context.after(() => rmSync(dir, { recursive: true }));
  deepEqual(readdirSync(dir), []);
  return dir;
}
