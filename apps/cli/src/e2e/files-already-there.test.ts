import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isWhole, noise, store } from "@dure/host-node/testing";
import { World } from "./testing/world.ts";

const limit = { timeout: 60_000 };
const pieceBytes = 65_536;
const plan = {
  name: "album",
  pieceBytes,
  content: [
    { path: "a", bytes: 10 * pieceBytes },
    { path: "b", bytes: 6 * pieceBytes },
    { path: "inside/c", bytes: 4 * pieceBytes },
    { path: "empty", bytes: 0 },
  ],
};

test("a file of which one piece is right is adopted, and only the rest is fetched", limit, async () => {
  await using world = await World.open(plan);
  const { content } = world.sample;
  mkdirSync(join(world.dir, "album"), { recursive: true });
  const almost = noise("something else", 10 * pieceBytes);
  almost.set(content.subarray(3 * pieceBytes, 4 * pieceBytes), 3 * pieceBytes);
  writeFileSync(join(world.dir, "album/a"), almost);
  const get = world.get(["--once"]);
  equal((await get.ended).status, 0);
  ok(isWhole(world.sample, world.dir));
  equal(world.given, content.length - pieceBytes);
});

test(
  "a stranger's file in which nothing is right is refused with status 1 and not touched; --overwrite replaces it",
  limit,
  async () => {
    await using world = await World.open(plan);
    mkdirSync(join(world.dir, "album"), { recursive: true });
    const theirs = join(world.dir, "album/b");
    writeFileSync(theirs, "a diary");
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const refused = world.get(["--once"]); // the second time too: the first has not made it ours
      equal((await refused.ended).status, 1);
      equal((await refused.hear("error")).code, "not-ours");
      match(refused.stderr, /album\/b .*--overwrite/);
      equal(refused.stderr.trim().split("\n").length, 1);
      equal(readFileSync(theirs, "utf8"), "a diary");
      deepEqual(readdirSync(join(world.dir, "album")), ["b"]);
    }
    equal(world.given, 0);
    const get = world.get(["--once", "--overwrite"]);
    equal((await get.ended).status, 0);
    ok(isWhole(world.sample, world.dir));
  },
);

test("empty files in the way are nobody's", limit, async () => {
  await using world = await World.open(plan);
  mkdirSync(join(world.dir, "album"), { recursive: true });
  for (const name of ["a", "b"]) writeFileSync(join(world.dir, "album", name), "");
  const get = world.get(["--once"]);
  equal((await get.ended).status, 0);
  ok(isWhole(world.sample, world.dir));
});

test(
  "what was complete and then cut short or deleted between runs is noticed, and only that is fetched",
  limit,
  async () => {
    await using world = await World.open(plan);
    equal((await world.get(["--once"]).ended).status, 0);
    const { content } = world.sample;
    equal(world.given, content.length);
    truncateSync(join(world.dir, "album/a"), 7 * pieceBytes + 1);
    rmSync(join(world.dir, "album/inside"), { recursive: true });
    rmSync(join(world.dir, "album/empty"));
    const again = world.get(["--once"]);
    equal((await again.ended).status, 0);
    ok(isWhole(world.sample, world.dir));
    ok(existsSync(join(world.dir, "album/empty")));
    equal(world.given - content.length, (3 + 4) * pieceBytes);
  },
);

test(
  "half a piece that is cut off between runs is nobody's lie: it is fetched again and nobody is banned",
  limit,
  async () => {
    const big = { name: "film.mkv", pieceBytes: 8 << 20, content: 16 << 20 };
    await using world = await World.open(big, { upRateMax: 4 << 20 });
    const first = world.get();
    const enough = 3 << 20;
    await first.hear("progress", () => world.given >= enough);
    equal((await first.end("SIGINT")).status, 130);
    truncateSync(join(world.dir, "film.mkv"), 1 << 20);
    world.seedAtFullRate();
    const again = world.get(["--once"]);
    equal((await again.ended).status, 0);
    deepEqual(
      again.said.filter(({ event }) => event === "warning"),
      [],
    );
    ok(isWhole(world.sample, world.dir));
  },
);

test(
  "a complete copy that came from elsewhere is checked once, fetched never, and known after kill -9",
  limit,
  async () => {
    await using world = await World.open(plan);
    store(world.sample, world.dir);
    const first = world.get();
    await first.hear("done");
    await first.end("SIGKILL");
    // Were it checked again, the changed byte would be found: what is known to be had is not read at a start.
    const file = join(world.dir, "album/a");
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    writeFileSync(file, bytes);
    equal((await world.get(["--once"]).ended).status, 0);
    equal(world.given, 0);
  },
);
