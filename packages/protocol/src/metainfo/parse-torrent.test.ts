import { deepEqual, equal, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hex, type Prng, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import { type BencodeFields, type BencodeInput, encodeBencode, RawBencode } from "../bencode/index.ts";
import { encodeTorrent, formatOf, type Metainfo, parseInfo, parseTorrent, pieceLength } from "./index.ts";
import { hostileTorrents } from "./testing/hostile.ts";
import { hybridTorrent, v2Torrent } from "./testing/hostile-v2.ts";
import { foreignFolder } from "./testing/vectors.ts";

const oneFile = { length: 40_000, name: "a.bin", "piece length": 16_384, pieces: new Uint8Array(60) };
const twoFiles = {
  files: [
    { attr: "x", length: 10_000, path: ["one"] },
    { attr: "p", length: 6384, path: [".pad", "6384"] },
    { attr: "zh", length: 23_616, path: ["sub", "two"] },
  ],
  name: "both",
  "piece length": 16_384,
  pieces: new Uint8Array(60),
};

test("the info-hash is the SHA-1 of the bytes as they stand, sorted or not", () => {
  const raw = "d4:name1:a6:lengthi1e12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae"; // name before length
  const { info } = read({ info: new RawBencode(utf8(raw)) });
  equal(info.infoHash, createHash("sha1").update(raw).digest("hex"));
  equal(Buffer.from(info.infoBytes).toString(), raw);
  equal(info.infoHashV2, null);
});

test("a hybrid is read as v1 and says its v2 hash, and each file has its root (BEP 52)", () => {
  const result = parseTorrent(hybridTorrent());
  ok(result.ok);
  const { info, pieceLayers } = result.value;
  equal(formatOf(info), "hybrid");
  equal(info.infoHash, createHash("sha1").update(info.infoBytes).digest("hex"));
  equal(info.infoHashV2, createHash("sha256").update(info.infoBytes).digest("hex"));
  deepEqual(
    info.files.map(({ path, offset, piecesRoot }) => [path.slice(1).join("/"), offset, piecesRoot?.length]),
    [
      ["a.bin", 0, 32],
      [".pad/9152", 40_000, undefined],
      ["sub/b.bin", 49_152, 32],
      [".pad/16284", 49_252, undefined],
      ["sub/empty", 65_536, undefined],
    ],
  );
  deepEqual(
    [...pieceLayers].map(([root, layer]) => [root, layer.length]),
    [[hex(info.files[0]?.piecesRoot ?? new Uint8Array()), 96]],
  );
});

test("a hybrid that was kept without its piece layers is used as v1; layers that are there must be right", () => {
  const result = parseTorrent(hybridTorrent({}, { "piece layers": undefined }));
  ok(result.ok);
  deepEqual([formatOf(result.value.info), result.value.pieceLayers.size], ["hybrid", 0]);
});

test("piece layers are written as they were read", () => {
  const result = parseTorrent(v2Torrent());
  ok(result.ok);
  const { info, ...around } = result.value;
  const again = parseTorrent(encodeTorrent({ infoBytes: info.infoBytes, ...around }));
  deepEqual(again, result);
});

test("a torrent that is v2 alone lies as its hybrid would, and is named by the first half of its hash (BEP 52)", () => {
  const result = parseTorrent(v2Torrent());
  const hybrid = parseTorrent(hybridTorrent());
  ok(result.ok && hybrid.ok);
  const { info } = result.value;
  equal(formatOf(info), "v2");
  equal(info.infoHashV2, createHash("sha256").update(info.infoBytes).digest("hex"));
  equal(info.infoHash, info.infoHashV2?.slice(0, 40));
  deepEqual(info.files, hybrid.value.info.files);
  deepEqual([info.pieceCount, info.pieces.length], [4, 0]);
});

test("a tree of one file is a single file, called as the tree calls it; in a folder of the tree it lies in one (BEP 52)", () => {
  const tree = (name: string) => ({ [name]: { "": { length: 100, "pieces root": new Uint8Array(32) } } });
  const only = parseTorrent(v2Torrent({ "file tree": tree("both") }, { "piece layers": {} }));
  const other = parseTorrent(v2Torrent({ "file tree": tree("else") }, { "piece layers": {} }));
  const below = parseTorrent(v2Torrent({ "file tree": { in: tree("else") } }, { "piece layers": {} }));
  ok(only.ok && other.ok && below.ok);
  deepEqual(
    [only, other, below].map(({ value }) => value.info.name),
    ["both", "else", "both"],
  );
  deepEqual(below.value.info.files[0]?.path, ["both", "in", "else"]);
  deepEqual(
    only.value.info.files.map(({ path }) => path),
    [["both"]],
  );
  deepEqual(
    other.value.info.files.map(({ path }) => path),
    [["else"]],
  );
});

test("names of a file tree follow the rules of all names: made safe, told apart, read as latin1 when not UTF-8", () => {
  const file = { "": { length: 1, "pieces root": new Uint8Array(32) } };
  const tree = { "..": { "../x": file }, CON: file, con: file, "caf\xe9": file };
  const result = parseTorrent(v2Torrent({ "file tree": tree }, { "piece layers": {} }));
  ok(result.ok);
  const paths = result.value.info.files.filter(({ pad }) => !pad).map(({ path }) => path.join("/"));
  deepEqual(paths, ["both/_/.._x", "both/_CON", "both/café", "both/_con (2)"]);
});

test("metadata that is v2 alone is read without its piece layers, which peers send by themselves (BEP 52)", () => {
  const result = parseTorrent(v2Torrent());
  ok(result.ok);
  const alone = parseInfo(result.value.info.infoBytes);
  const { merklePieces, ...info } = result.value.info;
  deepEqual(alone, { ok: true, value: info });
  equal(merklePieces?.length, 4 * 32);
});

test("files lie one after the other, pads among them, with their attributes (BEP 47)", () => {
  const { info } = read({ info: twoFiles });
  const plain = { pad: false, executable: false, hidden: false };
  deepEqual(
    info.files.map(({ spelledPath: _, ...file }) => file),
    [
      { ...plain, path: ["both", "one"], bytes: 10_000, offset: 0, executable: true },
      { ...plain, path: ["both", ".pad", "6384"], bytes: 6384, offset: 10_000, pad: true },
      { ...plain, path: ["both", "sub", "two"], bytes: 23_616, offset: 16_384, hidden: true },
    ],
  );
  equal(info.totalBytes, 40_000);
  deepEqual(
    [0, 1, 2].map((piece) => pieceLength(info, piece)),
    [16_384, 16_384, 7232],
  );
});

test("a torrent whose bytes fill its last piece ends with a whole piece", () => {
  const { info } = read({ info: { ...oneFile, length: 3 * 16_384 } });
  equal(pieceLength(info, 2), 16_384);
});

test("a pad needs no path (BEP 47)", () => {
  const files = [
    { length: 39_000, path: ["a"] },
    { attr: "p", length: 1000 },
  ];
  deepEqual(read({ info: { ...twoFiles, files } }).info.files[1]?.path, ["both", ".pad", "1000"]);
});

test("a path keeps the torrent's spelling beside the safe one, and shares it where they agree", () => {
  const files = [
    { length: 20_000, path: ["what?.txt"] },
    { length: 20_000, path: ["plain.txt"] },
  ];
  const { info } = read({ info: { ...twoFiles, files, name: "a/b" } });
  deepEqual(info.files[0]?.path, ["a_b", "what_.txt"]);
  deepEqual(info.files[0]?.spelledPath, ["a/b", "what?.txt"]);
  const agreed = read({ info: { ...twoFiles, files } }).info.files[1];
  ok(agreed !== undefined && agreed.path === agreed.spelledPath);
});

test("names of other code pages: the utf-8 key counts, else what is not UTF-8 is read as latin1", () => {
  const latin = Uint8Array.of(0x63, 0x61, 0x66, 0xe9);
  equal(read({ info: { ...oneFile, name: latin } }).info.name, "café");
  equal(read({ info: { ...oneFile, name: latin, "name.utf-8": "카페" } }).info.name, "카페");
  const files = [{ length: 40_000, path: [latin], "path.utf-8": ["폴더", "파일"] }];
  deepEqual(read({ info: { ...twoFiles, files } }).info.files[0]?.path, ["both", "폴더", "파일"]);
});

test("a name with nothing in it becomes the info-hash", () => {
  for (const name of ["", "...", "\u202e"]) {
    const { info } = read({ info: { ...oneFile, name } });
    equal(info.name, info.infoHash);
  }
});

test("private is what says so in any way but zero (BEP 27)", () => {
  const isPrivate = (value: BencodeInput) => read({ info: { ...oneFile, private: value } }).info.private;
  deepEqual([1, 2, "1", 0].map(isPrivate), [true, true, true, false]);
  equal(read({ info: oneFile }).info.private, false);
});

test("source, comment and creator are text or null, the date is seconds or null", () => {
  const full = read({
    comment: "c",
    "comment.utf-8": "주석",
    "created by": "someone",
    "creation date": 5,
    info: { ...oneFile, source: "club" },
  });
  deepEqual([full.comment, full.createdBy, full.createdAt, full.info.source], ["주석", "someone", 5, "club"]);
  const odd = read({ comment: 1, "created by": [], "creation date": -5, info: { ...oneFile, source: 7 } });
  deepEqual([odd.comment, odd.createdBy, odd.createdAt, odd.info.source], [null, null, null, null]);
  equal(read({ "creation date": "yesterday", info: oneFile }).createdAt, null);
});

test("tiers are kept in order, announce only counts without them (BEP 12)", () => {
  const trackersOf = (fields: BencodeFields) => read({ info: oneFile, ...fields }).trackers;
  const announce = "http://one.example/announce";
  deepEqual(trackersOf({}), []);
  deepEqual(trackersOf({ announce }), [[announce]]);
  const tiers = [["udp://a.example:1"], ["wss://b.example", "https://c.example/announce"]];
  deepEqual(trackersOf({ announce, "announce-list": tiers }), tiers);
  deepEqual(trackersOf({ announce, "announce-list": [] }), [[announce]]);
  deepEqual(trackersOf({ announce, "announce-list": "udp://a.example:1" }), [[announce]]);
});

test("a tracker that cannot be used is left out, and so is one named twice", () => {
  const tiers = [
    ["ftp://a.example", "not a url", 5, Uint8Array.of(0xff), " udp://a.example:1 "],
    ["udp://a.example:1", "javascript:alert(1)"],
    "http://bare.example/announce",
  ];
  const result = read({ "announce-list": tiers, info: oneFile });
  deepEqual(result.trackers, [["udp://a.example:1"], ["http://bare.example/announce"]]);
  deepEqual(read({ announce: "nothing", info: oneFile }).trackers, []);
});

test("web seeds come as one URL or as a list (BEP 19)", () => {
  const seedsOf = (list: BencodeInput) => read({ info: oneFile, "url-list": list }).webSeeds;
  deepEqual(seedsOf("http://a.example/"), ["http://a.example/"]);
  deepEqual(
    seedsOf(["http://a.example/", "https://b.example/f", "ftp://c.example/", "http://a.example/", 3]),
    ["http://a.example/", "https://b.example/f"],
  );
  deepEqual(seedsOf(""), []);
});

test("metadata from peers is read by the same rules (BEP 9)", () => {
  const infoBytes = encodeBencode(oneFile);
  const result = parseInfo(infoBytes);
  deepEqual(result.ok && result.value, read({ info: oneFile }).info);
  deepEqual(parseInfo(utf8("le")), { ok: false, reason: "not-a-dictionary" });
});

test("a torrent cut at any byte is truncated", () => {
  for (const answer of cutEverywhere(
    encodeBencode({ announce: "http://a/", info: twoFiles }),
    parseTorrent,
  )) {
    deepEqual(answer, { ok: false, reason: "truncated" });
  }
});

test("ten thousand hostile inputs: no throw, no hang, nothing kept; what is accepted holds together", () => {
  const foreign = readdirSync(foreignFolder).map((name) => readFileSync(join(foreignFolder, name)));
  const valid = [...foreign, encodeBencode({ announce: "http://a/", info: twoFiles })];
  const samples = [...Array(20).fill(valid).flat(), ...hostileTorrents().map(({ bytes }) => bytes)];
  const tally = fuzzCodec({
    name: "torrent",
    seed: 3,
    samples,
    decode: parseTorrent,
    check,
    grammar: oddTorrent,
  });
  const missing = hostileTorrents().filter(({ reason }) => !tally.reasons.has(reason));
  deepEqual(missing, []);
  ok(tally.accepted > 300, `${tally.accepted} accepted`);
});

// Sound bencode with one field of a torrent, its info dictionary or a file replaced by something.
function oddTorrent(prng: Prng): Uint8Array {
  const values: BencodeInput[] = [0, 1, -1, 2, 39_999, 2 ** 40, "", "x", [], ["a"], [["a"]], {}, { a: 1 }];
  const odd = (fields: object): BencodeFields => {
    const key = prng.pick([
      ...Object.keys(fields),
      "attr",
      "symlink path",
      "meta version",
      "private",
      "url-list",
    ]);
    return { ...fields, ...(prng.chance(0.5) ? { [key ?? "x"]: prng.pick(values) } : {}) };
  };
  const files = twoFiles.files.map((file) => odd(file));
  const info = prng.chance(0.5) ? odd(oneFile) : odd({ ...twoFiles, files });
  return encodeBencode(odd({ announce: "http://a/", "announce-list": [["udp://b:1"]], info }));
}

function check(answer: ReturnType<typeof parseTorrent>): void {
  if (!answer.ok) return;
  const { info } = answer.value;
  const v2 = formatOf(info) === "v2";
  const hash = createHash(v2 ? "sha256" : "sha1")
    .update(info.infoBytes)
    .digest("hex");
  equal(info.infoHash, hash.slice(0, 40));
  equal(info.pieces.length, v2 ? 0 : 20 * info.pieceCount);
  for (const { piecesRoot, bytes, offset } of info.files) {
    if (piecesRoot === undefined) continue;
    equal(offset % info.pieceBytes, 0);
    const layered = answer.value.pieceLayers.has(hex(piecesRoot));
    equal(layered, bytes > info.pieceBytes && !(answer.value.pieceLayers.size === 0 && !v2));
  }
  let offset = 0;
  for (const file of info.files) {
    equal(file.offset, offset);
    equal(file.path[0], info.name);
    ok(file.bytes >= 0 && file.path.every((component) => !/[/\\\0]|^\.{0,2}$/.test(component)));
    offset += file.bytes;
  }
  equal(offset, info.totalBytes);
  const last = pieceLength(info, info.pieceCount - 1);
  ok(last > 0 && last <= info.pieceBytes, hex(info.infoBytes));
}

function read(fields: BencodeFields): Metainfo {
  const result = parseTorrent(encodeBencode(fields));
  ok(result.ok, result.ok ? "" : result.reason);
  return result.value;
}
