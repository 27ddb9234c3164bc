import { ok } from "node:assert/strict";
import { minutes, seconds } from "@dure/base";
import { scenario } from "../testing/scenario.ts";
import { Swarm } from "../testing/swarm.ts";

scenario("one seed and fifty leechers finish", [1], (seed, tell) => {
  const swarm = new Swarm(seed, {
    bytes: 2 << 20,
    pieceBytes: 32_768,
    leechers: 50,
    tracker: "udp",
    datagrams: { lost: 0.3, doubled: 0.1, late: 0.2 },
  });
  // Datagrams get lost, and every second somebody's connections break.
  const breaking = swarm.sim.every(1000, () => {
    swarm.prng.pick(swarm.leechers)?.process?.net.resetAll();
  });
  swarm.sim.runFor(seconds(5));
  breaking.stop();
  const took = swarm.finish(minutes(1));
  tell(`${took.toFixed(1)} s after the last break, downloaded ${swarm.downloadedMost.toFixed(3)}`);
  ok(swarm.downloadedMost < 1.2);
  swarm.end();
});

scenario(
  "the seed leaves once every piece has a second copy, and the swarm still finishes",
  [1, 2, 3],
  (seed, tell) => {
    const swarm = new Swarm(seed, { bytes: 4 << 20, pieceBytes: 65_536, leechers: 8 });
    const { pieceCount } = swarm.content.info;
    const copied = () => {
      const pieces = new Set<number>();
      for (const { torrent } of swarm.leechers)
        for (const piece of torrent?.engine.ready?.picker.have ?? []) pieces.add(piece);
      return pieces.size === pieceCount;
    };
    swarm.sim.runUntil(copied, { within: minutes(2), what: "100 % distributed copies" });
    const complete = swarm.leechers.filter((node) => node.complete).length;
    swarm.seed.powerCut();
    const took = swarm.finish(minutes(2));
    tell(`${complete} of 8 were complete when the seed left; the last ${took.toFixed(1)} s later`);
    swarm.end();
  },
);

scenario("a magnet link is enough", [1, 2], (seed) => {
  const swarm = new Swarm(seed, { bytes: 1 << 20, pieceBytes: 16_384, files: 7, leechers: 6, magnet: true });
  swarm.finish(minutes(1));
  swarm.end();
});
