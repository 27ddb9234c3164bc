import { latin1, utf8 } from "@dure/base";
import { type BencodeFields, type BencodeInput, encodeBencode, RawBencode } from "../../bencode/index.ts";
import { fileRoot, leavesOf, smallFileRoot } from "../../merkle/index.ts";
import type { TorrentReason } from "../index.ts";
import type { HostileTorrent } from "./hostile-torrent.ts";

/*
 * The good torrent that each of these spoils: a.bin of 40,000 bytes (three pieces, so that it has a layer), then
 * sub/b.bin of 100 bytes and sub/empty, with pieces of 16 KiB.
 */
const content = new Uint8Array(40_000).map((_, index) => index >> 8);
const layer = leavesOf(content);
const root = fileRoot(layer, 16_384);
const smallRoot = smallFileRoot(leavesOf(content.subarray(0, 100)));

const large = { length: 40_000, "pieces root": root };
const small = { length: 100, "pieces root": smallRoot };
const goodTree: BencodeFields = {
  "a.bin": { "": large },
  sub: { "b.bin": { "": small }, empty: { "": { length: 0 } } },
};
const goodLayers: BencodeFields = { [latin1(root)]: layer };

/** What `v1` adds to an info dictionary to make it a hybrid of the same files. */
const v1List: readonly BencodeFields[] = [
  { length: 40_000, path: ["a.bin"] },
  { attr: "p", length: 9152, path: [".pad", "9152"] },
  { length: 100, path: ["sub", "b.bin"] },
  { attr: "p", length: 16_284, path: [".pad", "16284"] },
  { length: 0, path: ["sub", "empty"] },
];

/** The good one, v2 alone, with fields of its info dictionary or around it changed. */
export function v2Torrent(info: BencodeFields = {}, around: BencodeFields = {}): Uint8Array {
  return encodeBencode({
    info: { "file tree": goodTree, "meta version": 2, name: "both", "piece length": 16_384, ...info },
    "piece layers": goodLayers,
    ...around,
  });
}

export function hybridTorrent(info: BencodeFields = {}, around: BencodeFields = {}): Uint8Array {
  return v2Torrent({ files: v1List, pieces: new Uint8Array(4 * 20), ...info }, around);
}

/** Small hostile v2 and hybrid torrents. */
export function hostileV2(): readonly HostileTorrent[] {
  return [...brokenTrees(), ...brokenNodes(), ...brokenLayers(), ...brokenHybrids()];
}

function hostile(name: string, reason: TorrentReason, bytes: Uint8Array): HostileTorrent {
  return { name: `v2-${name}`, reason, bytes };
}

const withTree = (tree: BencodeInput) => v2Torrent({ "file tree": tree });
const withFile = (file: BencodeInput) => withTree({ ...goodTree, odd: { "": file } });
const withLayers = (layers: BencodeInput | undefined) => v2Torrent({}, { "piece layers": layers });
const withList = (files: readonly BencodeInput[], pieces = 4) =>
  hybridTorrent({ files, pieces: new Uint8Array(20 * pieces) });

function brokenTrees(): HostileTorrent[] {
  return [
    hostile("no-file-tree", "no-file-tree", v2Torrent({ "file tree": undefined })),
    hostile("file-tree-a-list", "bad-file-tree", withTree(["a.bin"])),
    hostile("file-tree-a-string", "bad-file-tree", withTree("a.bin")),
    hostile("file-tree-a-number", "bad-file-tree", withTree(2)),
    hostile("file-tree-empty", "no-content", withTree({})),
    hostile("file-tree-of-empty-folders", "no-content", withTree({ a: { b: {} } })),
    hostile("file-tree-of-empty-files", "no-content", withTree({ a: { "": { length: 0 } } })),
    hostile("root-is-a-file", "root-is-file", withTree({ "": large })),
    hostile("root-is-a-file-with-names", "root-is-file", withTree({ ...goodTree, "": large })),
    hostile("file-that-is-a-folder", "file-and-folder", withTree({ a: { "": large, below: { "": small } } })),
    hostile("folder-a-list", "bad-file", withTree({ a: ["b"] })),
    hostile("folder-a-number", "bad-file", withTree({ a: 1 })),
    hostile("tree-40-deep", "too-deep", rawNested(40)),
    hostile("name-of-5000-bytes", "key-too-long", longName()),
    hostile("same-name-twice", "duplicate-key", sameNameTwice()),
    hostile("path-of-5000-bytes", "path-too-long", withTree(nested(20, "p".repeat(250)))),
    hostile("piece-length-of-8-kibibytes", "piece-length-range", v2Torrent({ "piece length": 8192 })),
    hostile("piece-length-of-three-blocks", "piece-length-not-power", v2Torrent({ "piece length": 49_152 })),
    hostile("piece-length-odd", "piece-length-not-power", v2Torrent({ "piece length": 16_385 })),
    hostile("piece-length-negative", "piece-length-range", v2Torrent({ "piece length": -16_384 })),
    hostile("meta-version-1", "meta-version", v2Torrent({ "meta version": 1 })),
    hostile("meta-version-3-and-broken", "meta-version", v2Torrent({ "meta version": 3, name: 5 })),
    hostile("meta-version-a-list", "meta-version", v2Torrent({ "meta version": [2] })),
    hostile("without-meta-version", "no-pieces", v2Torrent({ "meta version": undefined })),
  ];
}

function brokenNodes(): HostileTorrent[] {
  const roots = { "pieces root": root };
  return [
    hostile("file-a-list", "bad-file", withFile([1])),
    hostile("file-a-string", "bad-file", withFile("x")),
    hostile("file-without-length", "no-length", withFile(roots)),
    hostile("length-negative", "bad-length", withFile({ ...roots, length: -1 })),
    hostile("length-a-string", "bad-length", withFile({ ...roots, length: "1" })),
    hostile("length-of-65-bits", "integer-range", withFile({ ...roots, length: huge })),
    hostile(
      "lengths-past-2-to-the-53",
      "total-range",
      withFile({ ...roots, length: Number.MAX_SAFE_INTEGER }),
    ),
    hostile("too-many-pieces", "too-many-pieces", withFile({ ...roots, length: 2 ** 45 })),
    hostile("no-pieces-root", "no-pieces-root", withFile({ length: 1 })),
    hostile(
      "pieces-root-of-20-bytes",
      "bad-pieces-root",
      withFile({ length: 1, "pieces root": new Uint8Array(20) }),
    ),
    hostile(
      "pieces-root-of-64-digits",
      "bad-pieces-root",
      withFile({ length: 1, "pieces root": "a".repeat(64) }),
    ),
    hostile("pieces-root-a-number", "bad-pieces-root", withFile({ length: 1, "pieces root": 5 })),
    hostile("pad-in-the-tree", "pad-in-file-tree", withFile({ ...small, attr: "p" })),
    hostile("attr-a-number", "bad-attr", withFile({ ...small, attr: 1 })),
    hostile("symlink", "symlink", withFile({ attr: "l", length: 0, "symlink path": ["..", "etc"] })),
    hostile("symlink-without-attr", "symlink", withFile({ length: 0, "symlink path": ["a.bin"] })),
  ];
}

function brokenLayers(): HostileTorrent[] {
  const key = latin1(root);
  const bent = layer.slice();
  bent[40] = 0;
  const swapped = new Uint8Array([
    ...layer.subarray(32, 64),
    ...layer.subarray(0, 32),
    ...layer.subarray(64),
  ]);
  const balanced = new Uint8Array(4 * 32);
  balanced.set(layer);
  return [
    hostile("no-piece-layers", "no-piece-layers", withLayers(undefined)),
    hostile("piece-layers-a-list", "bad-piece-layers", withLayers([layer])),
    hostile("piece-layers-a-string", "bad-piece-layers", withLayers(layer)),
    hostile("piece-layers-empty", "missing-piece-layer", withLayers({})),
    hostile("layer-a-number", "bad-piece-layers", withLayers({ [key]: 96 })),
    hostile("layer-a-list", "bad-piece-layers", withLayers({ [key]: [layer] })),
    hostile("layer-empty", "wrong-piece-layer-length", withLayers({ [key]: "" })),
    hostile("layer-one-hash-short", "wrong-piece-layer-length", withLayers({ [key]: layer.subarray(0, 64) })),
    hostile("layer-of-95-bytes", "wrong-piece-layer-length", withLayers({ [key]: layer.subarray(0, 95) })),
    hostile("layer-with-its-padding", "wrong-piece-layer-length", withLayers({ [key]: balanced })),
    hostile("layer-with-a-wrong-hash", "wrong-piece-layer", withLayers({ [key]: bent })),
    hostile("layer-with-two-hashes-swapped", "wrong-piece-layer", withLayers({ [key]: swapped })),
    hostile("layer-of-another-file-size", "wrong-piece-layer-length", withFile({ ...large, length: 70_000 })),
    hostile("layer-of-nobody", "unknown-piece-layer", withLayers({ ...goodLayers, ["x".repeat(32)]: layer })),
    hostile("layer-of-a-short-name", "unknown-piece-layer", withLayers({ ...goodLayers, x: layer })),
    hostile("layer-of-the-wrong-height", "wrong-piece-layer-length", v2Torrent({ "piece length": 32_768 })),
  ];
}

function brokenHybrids(): HostileTorrent[] {
  const [first, firstPad, second, secondPad, third] = v1List.map((entry): BencodeInput => entry);
  const list = (...entries: readonly (BencodeInput | undefined)[]) =>
    entries.filter((entry) => entry !== undefined);
  const all = list(first, firstPad, second, secondPad, third);
  return [
    hostile("hybrid-without-tree", "no-file-tree", hybridTorrent({ "file tree": undefined })),
    hostile(
      "hybrid-file-missing-in-v1",
      "hybrid-differs",
      withList(list(first, firstPad, second, secondPad)),
    ),
    hostile("hybrid-file-missing-in-v2", "hybrid-differs", withList([...all, { length: 0, path: ["more"] }])),
    hostile(
      "hybrid-other-name",
      "hybrid-differs",
      withList([{ length: 40_000, path: ["A.bin"] }, ...all.slice(1)]),
    ),
    hostile(
      "hybrid-other-folder",
      "hybrid-differs",
      withList([{ length: 40_000, path: ["sub", "a.bin"] }, ...all.slice(1)]),
    ),
    hostile(
      "hybrid-other-length",
      "hybrid-differs",
      withList([{ length: 39_999, path: ["a.bin"] }, ...all.slice(1)]),
    ),
    hostile(
      "hybrid-other-order",
      "hybrid-differs",
      withList(list(third, first, firstPad, second, secondPad)),
    ),
    hostile("hybrid-without-pads", "hybrid-not-aligned", withList(list(first, second, third), 3)),
    hostile(
      "hybrid-pad-too-short",
      "hybrid-not-aligned",
      withList(list(first, { attr: "p", length: 9000 }, second, third)),
    ),
    hostile(
      "hybrid-pad-a-piece-too-long",
      "hybrid-not-aligned",
      withList(list(first, { attr: "p", length: 25_536 }, second, third), 5),
    ),
    hostile(
      "hybrid-pad-in-front",
      "hybrid-not-aligned",
      withList([{ attr: "p", length: 16_384 }, ...all], 5),
    ),
    hostile(
      "hybrid-one-v1-piece-too-few",
      "wrong-piece-count",
      hybridTorrent({ pieces: new Uint8Array(60) }),
    ),
    hostile(
      "hybrid-single-in-v1-folder-in-v2",
      "hybrid-differs",
      hybridTorrent({ files: undefined, length: 40_000 }),
    ),
    hostile("hybrid-with-empty-layers", "missing-piece-layer", hybridTorrent({}, { "piece layers": {} })),
    hostile("hybrid-length-and-files", "length-and-files", hybridTorrent({ length: 40_000 })),
  ];
}

const huge = new RawBencode(utf8("i18446744073709551616e"));

function nested(depth: number, name = "d"): BencodeFields {
  let tree: BencodeFields = { "": small };
  for (let level = 0; level < depth; level += 1) tree = { [name]: tree };
  return tree;
}

// Our encoder writes nothing that our decoder refuses.
function rawNested(depth: number): Uint8Array {
  return utf8(`d4:infod9:file tree${"d1:a".repeat(depth)}de${"e".repeat(depth)}12:meta versioni2eee`);
}

function longName(): Uint8Array {
  return utf8(`d4:infod9:file treed5000:${"n".repeat(5000)}d0:d6:lengthi0eeeeee`);
}

function sameNameTwice(): Uint8Array {
  const file = "1:ad0:d6:lengthi0eee";
  return utf8(`d4:infod9:file treed${file}${file}e12:meta versioni2eee`);
}
