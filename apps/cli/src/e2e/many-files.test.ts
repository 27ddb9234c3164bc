import { equal, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { isWhole } from "@dure/host-node/testing";
import { World } from "./testing/world.ts";

const filesCount = 10_000;
const prlimit = spawnSync("prlimit", ["--version"]).status === 0 ? false : "prlimit is not installed";

test("a torrent of 10,000 files completes in a process that may open 256", {
  skip: prlimit,
  timeout: 60_000,
}, async (context) => {
  const content = Array.from({ length: filesCount }, (_, index) => ({
    path: `${index % 100}/${index}`,
    bytes: index % 1000 === 0 ? 0 : 300 + (index % 401),
  }));
  await using world = await World.open({ name: "archive", pieceBytes: 65_536, content });
  const get = world.get(["--once"], ["prlimit", "--nofile=256"]);
  equal((await get.ended).status, 0, get.stderr);
  equal(get.stderr, "");
  context.diagnostic(`${Math.round(performance.now() - get.startedAt)} ms`);
  ok(isWhole(world.sample, world.dir));
  const again = world.get(["--once"], ["prlimit", "--nofile=256"]);
  equal((await again.ended).status, 0, again.stderr);
  equal(world.given, world.sample.content.length);
});
