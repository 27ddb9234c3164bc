import { ok } from "node:assert/strict";
import { minutes, must } from "@dure/base";
import { scenario } from "../testing/scenario.ts";
import { Swarm } from "../testing/swarm.ts";

const againMax = 16 << 20;

for (const how of ["kill", "powerCut"] as const) {
  const name = how === "kill" ? "kill -9" : "a power cut";
  for (const pieceBytes of [65_536, 4 << 20]) {
    scenario(
      `${name} at random moments, pieces of ${pieceBytes >> 10} KiB: nothing is claimed that is not there, and little comes twice`,
      [1, 2],
      (seed, tell) => {
        const rates = { up: 4e6, down: 4e6 };
        const swarm = new Swarm(seed, {
          bytes: 24 << 20,
          pieceBytes,
          files: 5,
          leechers: 1,
          rates,
          leecher: () => ({ poolBytes: 8 << 20 }),
        });
        const node = must(swarm.leechers[0], "there is one");
        const { sim, prng } = swarm;
        let crashes = 0;
        for (; crashes < 12 && !node.complete; crashes += 1) {
          sim.runFor(prng.between(200, 2500));
          if (node.process === undefined || node.complete) break;
          node[how]();
          sim.runFor(prng.between(0, 500));
          node.start();
        }
        const took = swarm.finish(minutes(3));
        const again = node.downloaded - swarm.content.bytes.length;
        tell(
          `${crashes} crashes, ${(again / crashes / 1024).toFixed(0)} KiB again for each, done ${took.toFixed(1)} s after`,
        );
        ok(again <= againMax * crashes);
        swarm.end();
      },
    );
  }
}
