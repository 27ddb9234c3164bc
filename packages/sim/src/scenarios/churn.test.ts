import { ok } from "node:assert/strict";
import { minutes, must, seconds } from "@dure/base";
import { scenario } from "../testing/scenario.ts";
import { Swarm } from "../testing/swarm.ts";

const halfLife = seconds(60);
const rates = { up: 120_000, down: 500_000 };

scenario("peers come and go with a half-life of a minute, and who stays finishes", [1, 2], (seed, tell) => {
  const swarm = new Swarm(seed, { bytes: 4 << 20, pieceBytes: 65_536, leechers: 10, rates });
  const { sim, prng } = swarm;
  const leaving = 1 - 2 ** (-1000 / halfLife);
  let left = 0;
  const churn = sim.every(1000, () => {
    for (const node of swarm.leechers) {
      if (node.process === undefined || !prng.chance(leaving)) continue;
      left += 1;
      prng.chance(0.5) ? node.kill() : node.powerCut();
      sim.clock.after(prng.between(5000, 40_000), () => node.start());
    }
  });
  sim.runFor(minutes(3));
  churn.stop();
  sim.runFor(seconds(40)); // the last ones come back
  const took = swarm.finish(minutes(3));
  const done = swarm.times.filter((time) => time < 220).length;
  tell(`${left} departures, ${done} of 10 done under churn, the rest ${took.toFixed(0)} s after it`);
  ok(left > 10);
  swarm.end();
});

scenario("a swarm cut in two finishes once it is one again", [1, 2, 3], (seed, tell) => {
  const swarm = new Swarm(seed, { bytes: 4 << 20, pieceBytes: 65_536, leechers: 10, rates });
  const { sim } = swarm;
  sim.runUntil(() => swarm.leechers.some((node) => node.piecesHad > 16), {
    within: minutes(1),
    what: "a start",
  });
  const far = swarm.leechers.slice(0, 5).map((node) => node.host);
  sim.network.partition(far);
  sim.runFor(minutes(3));
  const near = swarm.leechers.slice(5).filter((node) => node.complete).length;
  sim.network.heal();
  const took = swarm.finish(minutes(4));
  tell(`${near} of 5 with the seed were done; the rest ${took.toFixed(0)} s after the cut was healed`);
  swarm.end();
});

scenario("a cable that was out for a minute costs no more than another minute", [1, 2, 3], (seed, tell) => {
  const swarm = new Swarm(seed, { bytes: 4 << 20, pieceBytes: 65_536, leechers: 4, rates });
  const { sim } = swarm;
  const node = must(swarm.leechers[0], "there are four");
  sim.runFor(seconds(10));
  node.unplug();
  sim.runFor(minutes(1));
  const had = node.downloaded;
  ok(had < swarm.content.bytes.length, "there is something left to fetch");
  node.plug();
  const begun = sim.now;
  sim.runUntil(() => node.downloaded > had, { within: minutes(1), what: "the next block" });
  tell(`the next block came after ${((sim.now - begun) / 1000).toFixed(1)} s`);
  swarm.finish(minutes(2));
  swarm.end();
});
