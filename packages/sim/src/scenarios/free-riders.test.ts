import { ok } from "node:assert/strict";
import { minutes } from "@dure/base";
import { scenario } from "../testing/scenario.ts";
import { Swarm } from "../testing/swarm.ts";

const honest = 12;
const riders = 8; // two fifths of all leechers
const slowdownMax = 1.25;

function run(seed: number, withRiders: boolean): Swarm {
  const swarm = new Swarm(seed, { bytes: 4 << 20, pieceBytes: 65_536, leechers: honest });
  if (withRiders) {
    for (let index = 0; index < riders; index += 1)
      swarm.join({ name: `rider ${index + 1}`, honest: false, limits: { uploadSlots: 0 } });
  }
  swarm.finish(minutes(5));
  return swarm;
}

scenario("with 40 % free riders honest peers need at most a quarter more time", [1, 2], (seed, tell) => {
  const alone = run(seed, false);
  const ridden = run(seed, true);
  const slowdown = ridden.median / alone.median;
  const worst = (ridden.times.at(-1) ?? Number.NaN) / (alone.times.at(-1) ?? 1);
  tell(
    `median ${alone.median.toFixed(1)} s alone, ${ridden.median.toFixed(1)} s ridden (× ${slowdown.toFixed(2)}), last × ${worst.toFixed(2)}`,
  );
  ok(slowdown <= slowdownMax && worst <= slowdownMax);
});
