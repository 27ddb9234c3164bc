import { deepEqual, equal, match, ok } from "node:assert/strict";
import { closeSync, existsSync, openSync, readdirSync, rmSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { isWhole, noise } from "@dure/host-node/testing";
import { World } from "./testing/world.ts";

const limit = { timeout: 60_000 };
const pieceBytes = 65_536;
const plan = { name: "film.mkv", pieceBytes, content: 24 << 20 };

/** How the state may be torn between two runs. */
const damages: Readonly<Record<string, (database: string) => void>> = {
  "cut short in the middle": (database) => truncateSync(database, 5000),
  "overwritten with noise": (database) => {
    const fd = openSync(database, "r+");
    writeSync(fd, noise("damage", 12_000), 0, 12_000, 100);
    closeSync(fd);
  },
  "no database at all": (database) => {
    truncateSync(database, 0);
    writeSync(openSync(database, "r+"), "This was a database once. ".repeat(200));
  },
};

for (const [name, damage] of Object.entries(damages)) {
  test(
    `a database ${name}: a clear warning, progress found again by checking, nothing fetched twice`,
    limit,
    async () => {
      await using world = await World.open(plan, { upRateMax: 8 << 20 });
      const first = world.get();
      await first.hear("progress", (said) => Number(said.bytesDone) > 4 << 20);
      equal((await first.end("SIGINT")).status, 130);
      const before = world.given;
      damage(join(world.profile, "dure.db"));
      world.seedAtFullRate();
      const again = world.get(["--once"]);
      equal((await again.ended).status, 0);
      const warning = await again.hear("warning", ({ code }) => code === "state-damaged");
      match(String(warning.message), /dure\.db.*corrupt.*checked again/);
      ok(
        readdirSync(world.profile).some((file) => file.includes("corrupt")),
        "the old one is kept",
      );
      ok(isWhole(world.sample, world.dir));
      // Blocks of unfinished pieces are not found by checking: at most one piece or so for each pipeline.
      ok(
        world.given - world.sample.content.length < 2 << 20,
        `${world.given - world.sample.content.length} twice`,
      );
      ok(before > 4 << 20);
    },
  );
}

test("a have bitmap that does not match its checksum: a warning, and all is checked", limit, async () => {
  await using world = await World.open(plan);
  equal((await world.get(["--once"]).ended).status, 0);
  const database = new DatabaseSync(join(world.profile, "dure.db"));
  database.exec("UPDATE progress SET have_crc32 = have_crc32 + 1");
  database.close();
  const again = world.get(["--once"]);
  equal((await again.ended).status, 0);
  match(String((await again.hear("warning")).message), /film\.mkv was damaged; its files are checked again/);
  equal(world.given, world.sample.content.length);
});

test("a profile that was taken away is made anew, and what is on disk is adopted", limit, async () => {
  await using world = await World.open(plan);
  equal((await world.get(["--once"]).ended).status, 0);
  rmSync(world.profile, { recursive: true });
  const again = world.get(["--once"]);
  equal((await again.ended).status, 0);
  deepEqual(
    again.said.filter(({ event }) => event === "warning"),
    [],
  );
  equal(world.given, world.sample.content.length);
  ok(existsSync(join(world.profile, "dure.db")));
});
