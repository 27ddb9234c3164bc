import { equal, ok } from "node:assert/strict";
import { minutes, seconds } from "@dure/base";
import type { Twist } from "../node/index.ts";
import { scenario } from "../testing/scenario.ts";
import { Swarm } from "../testing/swarm.ts";

const badPiecesMax = 3;

for (const percent of [10, 30, 50]) {
  scenario(
    `${percent} % liars are banned for at most three bad pieces each, and nobody else is`,
    [1, 2, 3],
    (seed, tell) => {
      const leechers = 10;
      const liars = Math.round((leechers * percent) / 100);
      const swarm = new Swarm(seed, { bytes: 2 << 20, pieceBytes: 65_536, leechers });
      const { sim, content, trackers } = swarm;
      for (let index = 0; index < liars; index += 1) {
        const lies = sim.prng.split(`liar ${index}`);
        const share = [1, 0.3, 0.05][index % 3] ?? 1;
        const twist: Twist = { served: (_block, bytes) => void (lies.chance(share) && bytes.fill(0x66)) };
        const liar = sim.node({ name: `liar ${index + 1}`, rates: { up: 1e6, down: 4e6 }, twist });
        liar.fill(content);
        liar.add({ content, trackers, complete: true });
      }
      // Act one: everyone lies who lies; whoever bans an honest peer or claims a wrong piece ends the story.
      sim.runFor(seconds(10));
      const took = swarm.finish(minutes(3));
      let worst = 0;
      let banned = 0;
      for (const { watch } of swarm.honest) {
        banned += watch?.banned.size ?? 0;
        for (const pieces of watch?.spoiled.values() ?? []) worst = Math.max(worst, pieces.size);
      }
      tell(
        `${banned} bans by ${leechers} peers of ${liars} liars, at most ${worst} bad pieces of one to one, done after ${(took + 10).toFixed(1)} s`,
      );
      ok(worst <= badPiecesMax, `${worst} bad pieces`);
      equal(swarm.sim.nodes.filter((node) => !node.honest).length, liars);
      swarm.end();
    },
  );
}
