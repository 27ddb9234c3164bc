import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@dure/base";
import { type BencodeInput, encodeBencode, RawBencode } from "../bencode/index.ts";
import { type InfoReason, metainfoLimits, parseInfo, parseTorrent, type TorrentReason } from "./index.ts";

const limits = metainfoLimits;

test("2,000,000 pieces are read, one more is not", () => {
  const withPieces = (count: number) =>
    infoOf({ length: count * 16_384, "piece length": 16_384, pieces: new Uint8Array(20 * count) });
  equal(reasonOf(withPieces(limits.piecesMax)), undefined);
  equal(reasonOf(withPieces(limits.piecesMax + 1)), "too-many-pieces");
});

test("pieces of one byte and of 512 MiB are read, smaller and larger ones are not", () => {
  const withPiece = (bytes: number) =>
    infoOf({ length: 1, "piece length": bytes, pieces: new Uint8Array(20) });
  equal(reasonOf(withPiece(0)), "piece-length-range");
  equal(reasonOf(withPiece(1)), undefined);
  equal(reasonOf(withPiece(limits.pieceBytesMax)), undefined);
  equal(reasonOf(withPiece(limits.pieceBytesMax + 1)), "piece-length-range");
});

test("200,000 files are read, one more is not", () => {
  const withFiles = (count: number) => {
    const files = Array.from({ length: count }, (_, index) => ({ length: 1, path: [`${index}`] }));
    return folderOf(files, count);
  };
  equal(reasonOf(withFiles(limits.filesMax)), undefined);
  equal(reasonOf(withFiles(limits.filesMax + 1)), "too-many-files");
});

test("a path of 100 components is read, one more is not", () => {
  const withDepth = (depth: number) => folderOf([{ length: 1, path: Array(depth).fill("d") }], 1);
  equal(reasonOf(withDepth(limits.depthMax)), undefined);
  equal(reasonOf(withDepth(limits.depthMax + 1)), "path-too-deep");
});

test("a file tree of 28 names above each other is read, in a .torrent too, and one more is not (BEP 52)", () => {
  const withDepth = (depth: number) => {
    let tree: BencodeInput = { "": { length: 1, "pieces root": new Uint8Array(32) } };
    for (let level = 0; level < depth; level += 1) tree = { d: tree };
    return encodeBencode({ "file tree": tree, "meta version": 2, name: "t", "piece length": 16_384 });
  };
  const deepest = withDepth(limits.treeDepthMax);
  equal(reasonOf(deepest), undefined);
  equal(parseTorrent(encodeBencode({ info: new RawBencode(deepest) })).ok, true);
  equal(reasonOf(withDepth(limits.treeDepthMax + 1)), "path-too-deep");
});

test("a file tree of 200,000 files is read, one more is not", () => {
  const withFiles = (count: number) => {
    const tree: Record<string, BencodeInput> = {
      a: { "": { length: 1, "pieces root": new Uint8Array(32) } },
    };
    for (let index = 1; index < count; index += 1) tree[`f${index}`] = { "": { length: 0 } };
    return encodeBencode({ "file tree": tree, "meta version": 2, name: "t", "piece length": 16_384 });
  };
  equal(reasonOf(withFiles(limits.filesMax)), undefined);
  equal(reasonOf(withFiles(limits.filesMax + 1)), "too-many-files");
});

test("a component of 4,096 bytes is read and cut to 255, one of 4,097 is not read", () => {
  const withComponent = (bytes: number) => folderOf([{ length: 1, path: ["c".repeat(bytes)] }], 1);
  const read = parseInfo(withComponent(limits.componentBytesMax));
  equal(read.ok && read.value.files[0]?.path[1], "c".repeat(255));
  equal(reasonOf(withComponent(limits.componentBytesMax + 1)), "name-too-long");
  const withName = (bytes: number) => infoOf({ name: "n".repeat(bytes) });
  equal(reasonOf(withName(limits.componentBytesMax)), undefined);
  equal(reasonOf(withName(limits.componentBytesMax + 1)), "name-too-long");
});

test("a path of 3,072 bytes on the disk is taken, one more is not, in ASCII and beyond", () => {
  const withPath = (letter: string, bytesEach: number, more: number) => {
    // The name "t" and 12 components of 254 bytes with a slash before each, then the rest.
    const full = Array(12).fill(letter.repeat(254 / bytesEach));
    return folderOf([{ length: 1, path: [...full, "r".repeat(3072 - 1 - 12 * 255 - 1 + more)] }], 1);
  };
  equal(reasonOf(withPath("p", 1, 0)), undefined);
  equal(reasonOf(withPath("p", 1, 1)), "path-too-long");
  equal(reasonOf(withPath("é", 2, 0)), undefined);
  equal(reasonOf(withPath("é", 2, 1)), "path-too-long");
});

test("an info dictionary of 30 MiB is taken from peers and one of 64 MiB from a file, and not a byte more", () => {
  equal(reasonFromPeers(infoOfSize(limits.infoBytesFromPeersMax)), undefined);
  equal(reasonFromPeers(infoOfSize(limits.infoBytesFromPeersMax + 1)), "info-too-large");
  const torrentReason = (infoBytes: Uint8Array): TorrentReason | undefined => {
    const result = parseTorrent(framed(infoBytes));
    return result.ok ? undefined : result.reason;
  };
  equal(torrentReason(infoOfSize(limits.infoBytesMax)), undefined);
  equal(torrentReason(infoOfSize(limits.infoBytesMax + 1)), "info-too-large");
  const whole = new Uint8Array(limits.torrentBytesMax + 1);
  deepEqual(parseTorrent(whole), { ok: false, reason: "torrent-too-large" });
  deepEqual(parseTorrent(whole.subarray(1)), { ok: false, reason: "bad-token" });
});

test("of 201 trackers 200 are kept, of 101 web seeds 100, and no URL over 2,048 bytes", () => {
  const url = (index: number) => `http://${index}.example/announce`;
  const many = (count: number) => Array.from({ length: count }, (_, index) => url(index));
  const parts = { "announce-list": [many(150), many(201)], "url-list": many(101) };
  const result = parseTorrent(encodeBencode({ ...parts, info: decodedInfo }));
  deepEqual(result.ok && result.value.trackers.map((tier) => tier.length), [150, 50]);
  equal(result.ok && result.value.webSeeds.length, 100);
  const ofBytes = (bytes: number) => `${url(1)}/`.padEnd(bytes, "x");
  const long = { announce: ofBytes(2049), "url-list": [ofBytes(2048), ofBytes(2049)], info: decodedInfo };
  const bounded = parseTorrent(encodeBencode(long));
  deepEqual(bounded.ok && bounded.value.trackers, []);
  deepEqual(bounded.ok && bounded.value.webSeeds, [ofBytes(2048)]);
});

test("a comment is cut at 16 KiB, between characters or with the cut one replaced", () => {
  const commentOf = (comment: string) => {
    const result = parseTorrent(encodeBencode({ comment, info: decodedInfo }));
    return result.ok ? result.value.comment : undefined;
  };
  equal(commentOf("c".repeat(limits.textBytesMax)), "c".repeat(limits.textBytesMax));
  equal(commentOf("c".repeat(limits.textBytesMax + 1)), "c".repeat(limits.textBytesMax));
  equal(
    commentOf(`c${"é".repeat(limits.textBytesMax / 2)}`),
    `c${"é".repeat(limits.textBytesMax / 2 - 1)}\ufffd`,
  );
});

const decodedInfo = { length: 1, name: "t", "piece length": 16_384, pieces: new Uint8Array(20) };

function infoOf(fields: Readonly<Record<string, BencodeInput>>): Uint8Array {
  return encodeBencode({ ...decodedInfo, ...fields });
}

function folderOf(files: readonly BencodeInput[], totalBytes: number): Uint8Array {
  const pieces = new Uint8Array(20 * Math.ceil(totalBytes / 16_384));
  return encodeBencode({ files, name: "t", "piece length": 16_384, pieces });
}

// Filled up with a key of no meaning; the digits of its length stay the same over the sizes asked for.
function infoOfSize(bytes: number): Uint8Array {
  const rest = infoOf({ x: new Uint8Array(10_000_000) }).length - 10_000_000;
  return infoOf({ x: new Uint8Array(bytes - rest) });
}

function framed(infoBytes: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(infoBytes.length + 8);
  bytes.set(utf8("d4:info"));
  bytes.set(infoBytes, 7);
  bytes.set(utf8("e"), bytes.length - 1);
  return bytes;
}

function reasonOf(infoBytes: Uint8Array, bytesMax: number = limits.infoBytesMax): InfoReason | undefined {
  const result = parseInfo(infoBytes, { bytesMax });
  return result.ok ? undefined : result.reason;
}

// What `parseInfo` allows unless it is told otherwise.
function reasonFromPeers(infoBytes: Uint8Array): InfoReason | undefined {
  const result = parseInfo(infoBytes);
  return result.ok ? undefined : result.reason;
}
