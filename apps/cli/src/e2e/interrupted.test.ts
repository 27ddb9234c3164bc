import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { isWhole, provenBytes, readClaims } from "@dure/host-node/testing";
import { RecordingTracker, World } from "./testing/world.ts";

const limit = { timeout: 60_000 };
const mebibyte = 1 << 20;
const stopWithin = 2000;
const plan = { name: "film.mkv", pieceBytes: mebibyte, content: 48 * mebibyte + 12_345 };
const slowly = { upRateMax: 8 * mebibyte };

test(
  "dure get killed with -9 in the middle continues with the same command, and loses little",
  limit,
  async (context) => {
    await using world = await World.open(plan, slowly);
    const first = world.get();
    await first.hear("progress", (said) => Number(said.bytesDone) > 10 * mebibyte);
    equal((await first.end("SIGKILL")).signal, "SIGKILL");
    const kept = provenBytes(world.sample, world.dir, readClaims(world.profile)?.get(world.sample.infoHash));
    ok(kept > 8 * mebibyte, `${kept} bytes are on record`);
    world.seedAtFullRate();
    const again = world.get(["--once"]);
    await again.hear("done");
    equal((await again.ended).status, 0);
    ok(isWhole(world.sample, world.dir));
    const twice = world.given - world.sample.content.length;
    context.diagnostic(`${twice} bytes given twice, sockets' buffers included`);
    ok(twice <= 16 * mebibyte, `${twice} bytes came twice`);
  },
);

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(
    `${signal} before completion ends dure get within two seconds with ${status}: the tracker is told, all is saved`,
    limit,
    async () => {
      await using tracker = await RecordingTracker.open();
      await using world = await World.open({ ...plan, trackers: [tracker.url] }, slowly);
      const first = world.get();
      const { bytesDone } = await first.hear("progress", (said) => Number(said.bytesDone) > 4 * mebibyte);
      const end = await first.end(signal);
      equal(end.status, status);
      equal(first.stderr, "");
      ok(end.took < stopWithin, `${end.took} ms`);
      equal(tracker.events.at(0), "started");
      equal(tracker.events.at(-1), "stopped");
      const told = tracker.announces.at(-1);
      equal(Number(told?.get("left")) < world.sample.content.length, true);
      // Nothing that had arrived is lost: what is on record is what the tracker was told had come.
      const claims = readClaims(world.profile)?.get(world.sample.infoHash);
      equal(claims?.unsynced.length, 0);
      const kept = provenBytes(world.sample, world.dir, claims);
      ok(kept >= Number(bytesDone));
      equal(kept, Number(told?.get("downloaded")));
    },
  );
}

test("signals that come while it only seeds are a good end: status 0, tracker told", limit, async () => {
  await using tracker = await RecordingTracker.open();
  await using world = await World.open({ ...plan, content: mebibyte, trackers: [tracker.url] });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const seeding = world.get();
    await seeding.hear("done");
    const end = await seeding.end(signal);
    equal(end.status, 0);
    equal(seeding.stderr, "");
    ok(end.took < stopWithin, `${end.took} ms`);
    equal(tracker.events.at(-1), "stopped");
  }
  equal(world.given, world.sample.content.length, "the second run fetched nothing");
});
