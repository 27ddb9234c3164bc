import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseMagnet } from "../magnet/index.ts";
import { formatOf, parseTorrent } from "./index.ts";
import { foreignFolder, vectorsFolder } from "./testing/vectors.ts";

/** What the other client says of the torrent it made. */
interface Expected {
  readonly by: string;
  readonly infoHash: string | null;
  readonly infoHashV2: string | null;
  readonly files: readonly object[];
  readonly magnet: string;
}

const text = readFileSync(join(vectorsFolder, "foreign.json"), "utf8");
const index: Readonly<Record<string, Expected>> = JSON.parse(text);

function parse(name: string) {
  return parseTorrent(readFileSync(join(foreignFolder, `${name}.torrent`)));
}

for (const [name, expected] of Object.entries(index)) {
  test(`${name}, made by ${expected.by}, reads as its maker reads it`, () => {
    const result = parse(name);
    ok(result.ok);
    const { info } = result.value;
    const { by: _, magnet, files, infoHash, ...fields } = expected;
    deepEqual(pick(info, Object.keys(fields)), fields);
    equal(info.infoHash, infoHash ?? expected.infoHashV2?.slice(0, 40));
    const notPadPaths = (file: object) => ("pad" in file && file.pad === true ? { ...file, path: [] } : file);
    const ours = info.files.map((file) => pick(file, ["path", "bytes", "offset", "pad", "executable"]));
    deepEqual(ours.map(notPadPaths), files.map(notPadPaths));
    const link = parseMagnet(magnet);
    ok(link.ok);
    deepEqual(pick(link.value, ["infoHash", "infoHashV2", "name"]), {
      ...pick(info, ["infoHashV2", "name"]),
      infoHash,
    });
    deepEqual(link.value.trackers, result.value.trackers.flat());
  });
}

test("trackers, web seeds and notes of other clients' torrents are read", () => {
  const single = parse("lt-single-v1");
  ok(single.ok);
  deepEqual(single.value.trackers, [["udp://tracker.example:6969/announce"]]);
  equal(single.value.comment, "a comment");
  equal(single.value.createdBy, "libtorrent");
  equal(single.value.createdAt, 1_700_000_000);
  const folder = parse("lt-folder-v1");
  ok(folder.ok);
  deepEqual(folder.value.trackers, [
    ["http://a.example/announce", "udp://b.example:80"],
    ["https://c.example/announce"],
  ]);
  deepEqual(folder.value.webSeeds, ["http://seed.example/"]);
});

test("one folder as v1, hybrid and v2: the roots agree, and the hybrid lies as the v2 torrent does", () => {
  const [v1, hybrid, v2] = ["lt-folder-v1-canonical", "lt-folder-hybrid", "lt-folder-v2"].map(parse);
  ok(v1?.ok && hybrid?.ok && v2?.ok);
  deepEqual(
    [v1, hybrid, v2].map(({ value }) => formatOf(value.info)),
    ["v1", "hybrid", "v2"],
  );
  deepEqual(hybrid.value.info.files, v2.value.info.files);
  deepEqual(hybrid.value.pieceLayers, v2.value.pieceLayers);
  deepEqual([v1.value.pieceLayers.size, v2.value.pieceLayers.size, v2.value.info.pieces.length], [0, 2, 0]);
  const rooted = v2.value.info.files.filter(({ piecesRoot }) => piecesRoot !== undefined);
  deepEqual(
    rooted.map(({ bytes }) => bytes),
    [30_000, 17_000, 100],
  );
});

function pick(from: object, keys: readonly string[]): object {
  return Object.fromEntries(
    Object.entries(from)
      .filter(([key]) => keys.includes(key))
      .sort(),
  );
}
