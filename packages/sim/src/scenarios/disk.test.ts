import { equal, ok } from "node:assert/strict";
import { minutes, must, seconds } from "@dure/base";
import { scenario } from "../testing/scenario.ts";
import { Swarm } from "../testing/swarm.ts";

const size = { bytes: 4 << 20, pieceBytes: 65_536, files: 3, leechers: 2 };

/** One of two leechers has trouble with its disk for a minute. */
function trouble(
  seed: number,
  begin: (node: Swarm["seed"]) => void,
  end: (node: Swarm["seed"]) => void,
): { swarm: Swarm; node: Swarm["seed"]; took: number } {
  const swarm = new Swarm(seed, size);
  const node = must(swarm.leechers[0], "there are two");
  swarm.sim.runUntil(() => node.piecesHad > 8, { within: minutes(1), what: "a start" });
  begin(node);
  swarm.sim.runFor(minutes(1));
  ok(!node.complete);
  ok(swarm.leechers[1]?.complete, "the other one is not disturbed");
  end(node);
  const took = swarm.finish(minutes(1));
  const kinds = node.reports.map((report) => report.type).filter((type) => type.startsWith("disk"));
  equal(kinds.at(-1), "disk-back");
  ok(swarm.downloadedMost < 1.1, `downloaded ${swarm.downloadedMost}`);
  swarm.end();
  return { swarm, node, took };
}

function faults(node: Swarm["seed"]): string[] {
  return node.reports.flatMap((report) => (report.type === "disk-fault" ? [report.fault] : []));
}

scenario(
  "a full disk pauses the torrent, and it goes on by itself when there is room",
  [1, 2],
  (seed, tell) => {
    const { node, took } = trouble(
      seed,
      ({ volume }) => {
        volume.capacityBytes = volume.usedBytes + 300_000;
      },
      ({ volume }) => {
        volume.capacityBytes = Number.POSITIVE_INFINITY;
      },
    );
    tell(`done ${took.toFixed(1)} s after there was room`);
    ok(faults(node).every((fault) => fault === "full"));
  },
);

scenario("a disk that is read-only for a minute pauses the torrent", [1, 2], (seed, tell) => {
  const { node, took } = trouble(
    seed,
    ({ volume }) => {
      volume.readOnly = true;
    },
    ({ volume }) => {
      volume.readOnly = false;
    },
  );
  tell(`done ${took.toFixed(1)} s after it could be written`);
  ok(faults(node).every((fault) => fault === "read-only"));
});

scenario(
  "a disk that was taken out is not written elsewhere, and is used again when it is back",
  [1, 2],
  (seed, tell) => {
    const { node, took } = trouble(
      seed,
      ({ volume }) => volume.unmount(),
      ({ volume }) => volume.mount(),
    );
    tell(`done ${took.toFixed(1)} s after it was back`);
    ok(faults(node).every((fault) => fault === "missing"));
  },
);

for (const every of [2, 3, 5, 7, 11, 50]) {
  scenario(
    `when one in ${every} operations of every disk fails nothing false is claimed`,
    [1, 4],
    (seed, tell) => {
      const swarm = new Swarm(seed, { bytes: 2 << 20, pieceBytes: 65_536, files: 3, leechers: 3 });
      swarm.sim.runFor(seconds(2)); // joined; a program that cannot look at its files does not start
      for (const node of swarm.leechers) node.volume.failEvery = every;
      swarm.sim.runFor(minutes(2));
      const done = swarm.leechers.filter((node) => node.complete).length;
      for (const node of swarm.leechers) node.volume.failEvery = undefined;
      const took = swarm.finish(minutes(1));
      tell(
        `${done} of 3 done with the faults, the rest ${took.toFixed(1)} s after, downloaded ${swarm.downloadedMost.toFixed(2)}`,
      );
      swarm.end();
    },
  );
}

scenario("a slow disk slows the sender and takes no more memory", [1, 2], (seed, tell) => {
  const swarm = new Swarm(seed, {
    ...size,
    seedRates: { up: 20e6, down: 20e6 },
    rates: { up: 20e6, down: 20e6 },
    leecher: () => ({ poolBytes: 1 << 20 }),
  });
  for (const node of swarm.leechers) node.volume.slowness = 500;
  swarm.sim.runFor(seconds(5));
  ok(
    swarm.leechers.every((node) => !node.complete),
    "the disks are the limit",
  );
  for (const node of swarm.leechers) node.volume.slowness = 1;
  const took = swarm.finish(seconds(30));
  tell(
    `done ${took.toFixed(1)} s after the disks were quick again; pools at most ${(swarm.sim.poolShareMost * 100).toFixed(0)} % full`,
  );
  swarm.end();
});
