import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isWhole } from "@dure/host-node/testing";
import type { DureProcess } from "./testing/dure-process.ts";
import { MountSpace, noMounts } from "./testing/mount-space.ts";
import { World } from "./testing/world.ts";

const mebibyte = 1 << 20;
const plan = { name: "film.mkv", pieceBytes: mebibyte, content: 24 * mebibyte + 321 };
const limit = { timeout: 60_000 };
const mounts = { ...limit, skip: noMounts };
const slowly = { upRateMax: 4 * mebibyte };

/** What it was warned of, in order. */
function warnings(get: DureProcess): unknown[] {
  return get.said.filter(({ event }) => event === "warning").map(({ code }) => code);
}

/** Some seconds of its life: it says how far it is once a second. */
async function lives(get: DureProcess, seconds: number): Promise<void> {
  const progress = () => get.said.filter(({ event }) => event === "progress").length;
  const until = progress() + seconds;
  await get.hear("progress", () => progress() >= until);
}

test(
  "a full disk pauses the torrent with one message; it goes on by itself when there is room, and fetches nothing twice",
  mounts,
  async () => {
    await using world = await World.open(plan);
    await using space = await MountSpace.open();
    mkdirSync(world.dir);
    space.run(`mount -t tmpfs -o size=10m none ${world.dir}`);
    const get = world.get([], space.enter);
    const { message } = await get.hear("warning");
    match(String(message), /the disk is full .*film\.mkv.*; paused until there is room/);
    await lives(get, 3);
    deepEqual(warnings(get), ["disk-full"]);
    space.run(`mount -o remount,size=64m ${world.dir}`);
    await get.hear("done");
    deepEqual(warnings(get), ["disk-full", "disk-back"]);
    ok(isWhole(world.sample, space.seen(world.dir)));
    equal(world.given, world.sample.content.length);
    equal((await get.end("SIGINT")).status, 0);
  },
);

test(
  "a disk that has become read-only pauses the torrent; what was had is kept, and the rest follows when it is writable",
  mounts,
  async () => {
    await using world = await World.open(plan, slowly);
    await using space = await MountSpace.open();
    mkdirSync(world.dir);
    space.run(`mount -t tmpfs -o size=64m none ${world.dir}`);
    const first = world.get([], space.enter);
    await first.hear("progress", ({ bytesDone }) => Number(bytesDone) > 2 * mebibyte);
    equal((await first.end("SIGINT")).status, 130);
    space.run(`mount -o remount,ro ${world.dir}`); // which the kernel refuses while files are open for writing
    const get = world.get([], space.enter);
    const { message } = await get.hear("warning");
    match(String(message), /the disk is read-only .*; paused until it can be written/);
    await lives(get, 2);
    deepEqual(warnings(get), ["disk-read-only"]);
    space.run(`mount -o remount,rw ${world.dir}`);
    world.seedAtFullRate();
    await get.hear("done");
    deepEqual(warnings(get), ["disk-read-only", "disk-back"]);
    ok(isWhole(world.sample, space.seen(world.dir)));
    const twice = world.given - world.sample.content.length;
    ok(twice < mebibyte, `${twice} bytes twice: what was on its way when the first was interrupted`);
  },
);

test(
  "a disk that is unmounted is not written elsewhere; mounted again, the torrent goes on and fetches nothing twice",
  mounts,
  async () => {
    await using world = await World.open(plan, slowly);
    await using space = await MountSpace.open();
    mkdirSync(world.dir);
    const disk = join(world.folder, "disk");
    mkdirSync(disk);
    space.run(`mount -t tmpfs -o size=64m none ${disk}; mount --bind ${disk} ${world.dir}`);
    const get = world.get([], space.enter);
    await get.hear("progress", ({ bytesDone }) => Number(bytesDone) > 2 * mebibyte);
    space.run(`umount -l ${world.dir}`); // a plain one is refused while files are open
    const { message } = await get.hear("warning");
    match(String(message), /has vanished; paused until .* is back/);
    await lives(get, 3);
    deepEqual(warnings(get), ["disk-missing"]);
    deepEqual(readdirSync(space.seen(world.dir)), []);
    space.run(`mount --bind ${disk} ${world.dir}`);
    world.seedAtFullRate();
    await get.hear("done");
    deepEqual(warnings(get), ["disk-missing", "disk-back"]);
    ok(isWhole(world.sample, space.seen(world.dir)));
    equal(world.given, world.sample.content.length);
  },
);

test(
  "a folder renamed away pauses the torrent; under its name again, it goes on and fetches nothing twice",
  limit,
  async () => {
    await using world = await World.open(
      {
        ...plan,
        content: [
          { path: "a", bytes: 9 * mebibyte },
          { path: "inside/b", bytes: 15 * mebibyte },
        ],
      },
      slowly,
    );
    const get = world.get();
    await get.hear("progress", ({ bytesDone }) => Number(bytesDone) > 2 * mebibyte);
    const away = `${world.dir}.away`;
    renameSync(world.dir, away);
    await get.hear("warning", ({ code }) => code === "disk-missing");
    await lives(get, 2);
    deepEqual(warnings(get), ["disk-missing"]);
    equal(readdirSync(world.folder).includes("downloads"), false, "it is not made again");
    renameSync(away, world.dir);
    world.seedAtFullRate();
    await get.hear("done");
    deepEqual(warnings(get), ["disk-missing", "disk-back"]);
    ok(isWhole(world.sample, world.dir));
    equal(world.given, world.sample.content.length);
  },
);
