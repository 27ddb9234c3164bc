import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  buildInfo,
  choosePieceBytes,
  encodeTorrent,
  formatOf,
  type InfoPlan,
  type PlannedFile,
  parseInfo,
  parseTorrent,
  withEndPads,
  withPads,
} from "./index.ts";

const single: InfoPlan = {
  name: "a.bin",
  content: { type: "file", bytes: 20_000, executable: true },
  pieceBytes: 16_384,
  pieces: new Uint8Array(40).fill(7),
  private: true,
  source: "club",
};

/** A hybrid's files as they must be listed: in byte order, aligned. */
const treeFiles: readonly PlannedFile[] = [
  { path: ["a"], bytes: 20_000, piecesRoot: new Uint8Array(32).fill(1), executable: true },
  { path: ["b", "empty"], bytes: 0 },
  { path: ["b", "둘"], bytes: 16_384, piecesRoot: new Uint8Array(32).fill(2) },
  { path: ["c"], bytes: 5, piecesRoot: new Uint8Array(32).fill(3) },
];

test("a hybrid and a torrent that is v2 alone are built with the same tree, and lie the same (BEP 52)", () => {
  const plan = { name: "t", pieceBytes: 16_384, private: false, source: null, fileTree: true };
  const files = withEndPads(treeFiles, 16_384);
  deepEqual(
    files.map(({ bytes }) => bytes),
    [20_000, 12_768, 0, 16_384, 5, 16_379],
  );
  const content = { type: "folder", files } as const;
  const hybrid = parseInfo(buildInfo({ ...plan, content, pieces: new Uint8Array(4 * 20) }));
  const alone = parseInfo(buildInfo({ ...plan, content, pieces: null }));
  ok(hybrid.ok && alone.ok);
  deepEqual(
    [hybrid, alone].map(({ value }) => formatOf(value)),
    ["hybrid", "v2"],
  );
  deepEqual(hybrid.value.files, alone.value.files);
  deepEqual(
    alone.value.files.map(({ path, piecesRoot, executable }) => [path.at(-1), piecesRoot?.[0], executable]),
    [
      ["a", 1, true],
      ["12768", undefined, false],
      ["empty", undefined, false],
      ["둘", 2, false],
      ["c", 3, false],
      ["16379", undefined, false],
    ],
  );
});

test("a single file's tree holds it under the torrent's name", () => {
  const content = { type: "file", bytes: 9, piecesRoot: new Uint8Array(32), executable: true } as const;
  const info = parseInfo(buildInfo({ ...single, pieces: null, fileTree: true, content }));
  ok(info.ok);
  deepEqual(
    info.value.files.map(({ path, executable }) => [path, executable]),
    [[["a.bin"], true]],
  );
});

test("a file tree without a root, or a list that is not aligned, is a mistake of ours", () => {
  const content = { type: "folder", files: [{ path: ["a"], bytes: 5 }] } as const;
  throws(() => buildInfo({ ...single, pieces: null, fileTree: true, content }), /no-pieces-root/);
  const loose = { type: "folder", files: treeFiles } as const;
  const pieces = new Uint8Array(3 * 20);
  throws(() => buildInfo({ ...single, pieces, fileTree: true, content: loose }), /hybrid-not-aligned/);
});

test("what is built is read back as it was meant", () => {
  const result = parseInfo(buildInfo(single));
  ok(result.ok);
  const { name, private: isPrivate, source, pieces, totalBytes, files } = result.value;
  deepEqual([name, isPrivate, source, totalBytes], ["a.bin", true, "club", 20_000]);
  deepEqual(pieces, single.pieces);
  deepEqual([files.length, files[0]?.executable], [1, true]);
});

test("a folder is built with its pads and attributes", () => {
  const files = withPads(
    [
      { path: ["sub", "a"], bytes: 100, executable: true },
      { path: ["empty"], bytes: 0 },
      { path: ["b"], bytes: 16_384 },
      { path: ["c"], bytes: 5 },
    ],
    16_384,
  );
  deepEqual(
    files.map((file) => [file.path.join("/"), file.bytes]),
    [
      ["sub/a", 100],
      ["empty", 0],
      [".pad/16284", 16_284],
      ["b", 16_384],
      ["c", 5],
    ],
  );
  const plan = { ...single, private: false, source: null, content: { type: "folder", files } as const };
  const result = parseInfo(buildInfo({ ...plan, pieces: new Uint8Array(60) }));
  ok(result.ok);
  deepEqual(
    result.value.files.map((file) => [file.offset, file.pad, file.executable]),
    [
      [0, false, true],
      [100, false, false],
      [100, true, false],
      [16_384, false, false],
      [32_768, false, false],
    ],
  );
  deepEqual([result.value.private, result.value.source], [false, null]);
});

test("after pads every file with bytes begins with a piece, and nothing else is changed", () => {
  const fileBytes = fc.oneof(fc.nat(70_000), fc.constantFrom(0, 16_384, 32_768));
  fc.assert(
    fc.property(fc.array(fileBytes, { maxLength: 20 }), (sizes) => {
      const files: PlannedFile[] = sizes.map((bytes, index) => ({ path: [`${index}`], bytes }));
      let offset = 0;
      const padded = withPads(files, 16_384);
      for (const file of padded) {
        if (file.bytes > 0 && file.pad !== true) equal(offset % 16_384, 0);
        offset += file.bytes;
      }
      deepEqual(
        padded.filter((file) => file.pad !== true),
        files,
      );
      ok(padded[padded.length - 1]?.pad !== true, "no pad at the end");
    }),
  );
});

test("a plan that no peer could use is a mistake of ours, and thrown", () => {
  throws(() => buildInfo({ ...single, pieces: new Uint8Array(20) }), /wrong-piece-count/);
  throws(() => buildInfo({ ...single, content: { type: "folder", files: [] } }), /no-content/);
});

test("a torrent keeps its info dictionary byte for byte, and leaves out what it has not", () => {
  const infoBytes = buildInfo(single);
  const full = {
    infoBytes,
    pieceLayers: new Map(),
    trackers: [["http://a.example/announce", "udp://b.example:1"], ["wss://c.example"]],
    webSeeds: ["http://w.example/"],
    comment: "주석",
    createdBy: "Dure",
    createdAt: 1_700_000_000,
  };
  const result = parseTorrent(encodeTorrent(full));
  ok(result.ok);
  const { info, ...around } = result.value;
  deepEqual({ infoBytes: info.infoBytes, ...around }, full);
  const bare = { infoBytes, trackers: [], webSeeds: [], comment: null, createdBy: null, createdAt: null };
  equal(encodeTorrent(bare).length, infoBytes.length + "d4:infoe".length);
  const one = parseTorrent(encodeTorrent({ ...bare, trackers: [["http://a.example/announce"]] }));
  deepEqual(one.ok && one.value.trackers, [["http://a.example/announce"]]);
});

test("pieces are a power of two from 16 KiB to 16 MiB, 1,000 to 2,000 of them between", () => {
  equal(choosePieceBytes(0), 16 * 1024);
  equal(choosePieceBytes(2000 * 16 * 1024), 16 * 1024);
  equal(choosePieceBytes(2000 * 16 * 1024 + 1), 32 * 1024);
  equal(choosePieceBytes(2 ** 50), 16 * 1024 * 1024);
  fc.assert(
    fc.property(fc.integer({ min: 2000 * 16 * 1024, max: 2000 * 16 * 1024 * 1024 }), (totalBytes) => {
      const pieceBytes = choosePieceBytes(totalBytes);
      const pieces = Math.ceil(totalBytes / pieceBytes);
      ok(pieces >= 1000 && pieces <= 2000 && Number.isInteger(Math.log2(pieceBytes)), `${pieces}`);
    }),
  );
});
