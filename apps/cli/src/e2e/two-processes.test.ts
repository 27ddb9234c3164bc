import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { isWhole } from "@dure/host-node/testing";
import { DureProcess } from "./testing/dure-process.ts";
import { World } from "./testing/world.ts";

const limit = { timeout: 60_000 };
const plan = { name: "film.mkv", pieceBytes: 65_536, content: 16 << 20 };
const refusedWithin = 1000;

/** Milliseconds that starting the program takes on this machine as busy as it is. */
async function startTime(): Promise<number> {
  const program = new DureProcess(["show", "nothing-of-this-name.torrent"]);
  await program.ended;
  return performance.now() - program.startedAt;
}

test(
  "a second process for the same torrent and folder refuses within a second and names the first; another folder works",
  limit,
  async (context) => {
    await using world = await World.open(plan, { upRateMax: 2 << 20 });
    const first = world.get();
    await first.hear("start");
    const start = await startTime();
    const second = world.get();
    const { status } = await second.ended;
    const took = performance.now() - second.startedAt;
    context.diagnostic(`refused after ${Math.round(took)} ms, its start included`);
    equal(status, 1);
    ok(took < start + refusedWithin, `${took} ms, of which ${start} to start`);
    equal((await second.hear("error")).code, "owned");
    match(second.stderr, new RegExp(`\\b${first.pid}\\b`));
    equal(second.stderr.trim().split("\n").length, 1);

    world.seedAtFullRate();
    const elsewhere = join(world.folder, "elsewhere");
    const other = world.get(["--once", "--dir", elsewhere]);
    equal((await other.ended).status, 0);
    ok(isWhole(world.sample, elsewhere));
    await first.hear("done");
    ok(isWhole(world.sample, world.dir));
  },
);

test("a torrent whose owner was killed is taken over at once", limit, async () => {
  await using world = await World.open(plan, { upRateMax: 2 << 20 });
  const first = world.get();
  await first.hear("progress", (said) => Number(said.bytesDone) > 0);
  await first.end("SIGKILL");
  world.seedAtFullRate();
  const second = world.get(["--once"]); // the first attempt: nothing is waited for, nothing is asked
  equal((await second.ended).status, 0);
  ok(isWhole(world.sample, world.dir));
});
