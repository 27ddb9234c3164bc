import { deepEqual, equal, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { equalBytes } from "@dure/base";
import { parseTorrent } from "./index.ts";
import { hostileTorrents } from "./testing/hostile.ts";
import { hostileFolder, vectorsFolder } from "./testing/vectors.ts";

const torrents = hostileTorrents();

test("there are at least 140 hostile torrents with at least 50 reasons between them, 60 of them of BitTorrent v2", () => {
  ok(torrents.length >= 140, `${torrents.length} torrents`);
  ok(new Set(torrents.map(({ reason }) => reason)).size >= 50);
  ok(torrents.filter(({ name }) => name.startsWith("v2-")).length >= 60);
  equal(new Set(torrents.map(({ name }) => name)).size, torrents.length);
});

for (const { name, reason, bytes } of torrents) {
  test(`the torrent "${name}" is refused: ${reason}`, () => {
    deepEqual(parseTorrent(bytes), { ok: false, reason });
  });
}

test("the files in vectors/torrents/hostile are these torrents, and the index gives their reasons", () => {
  const index: unknown = JSON.parse(readFileSync(join(vectorsFolder, "hostile.json"), "utf8"));
  deepEqual(index, Object.fromEntries(torrents.map(({ name, reason }) => [name, reason])));
  deepEqual(readdirSync(hostileFolder).sort(), torrents.map(({ name }) => `${name}.torrent`).sort());
  for (const { name, bytes } of torrents) {
    ok(equalBytes(readFileSync(join(hostileFolder, `${name}.torrent`)), bytes), name);
  }
});
