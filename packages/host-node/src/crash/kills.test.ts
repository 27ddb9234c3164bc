import { ok } from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { manyKills } from "./testing/kills.ts";

// DURE_CRASH_KILLS=1000 for a night; DURE_CRASH_SEED replays what a failure names.
const kills = Number(process.env.DURE_CRASH_KILLS ?? 50);
const seed = process.env.DURE_CRASH_SEED === undefined ? undefined : Number(process.env.DURE_CRASH_SEED);

test(`a peer killed ${kills} times while it downloads and seeds twenty torrents claims nothing that is not there, checks only what was in doubt and loses at most 16 MiB a time`, async (context) => {
  const result = await manyKills(kills, seed);
  context.diagnostic(JSON.stringify(result));
  ok(result.kills === kills);
});
