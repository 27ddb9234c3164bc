import { minutes, must, Prng, seconds } from "@dure/base";
import type { SimNode } from "../index.ts";
import { scenario } from "../testing/scenario.ts";
import { Swarm, type SwarmOptions } from "../testing/swarm.ts";

/** Something bad that ends again; what is returned ends it. */
type Trouble = (node: SimNode, swarm: Swarm) => () => void;

const troubles: readonly Trouble[] = [
  (node) => {
    node.kill();
    return () => node.start();
  },
  (node) => {
    node.powerCut();
    return () => node.start();
  },
  (node) => {
    node.unplug();
    return () => node.plug();
  },
  (node) => {
    node.process?.net.resetAll();
    return () => {};
  },
  ({ volume }) => {
    volume.readOnly = true;
    return () => {
      volume.readOnly = false;
    };
  },
  ({ volume }) => {
    volume.capacityBytes = volume.usedBytes + 100_000;
    return () => {
      volume.capacityBytes = Number.POSITIVE_INFINITY;
    };
  },
  ({ volume }) => {
    volume.failEvery = 4;
    return () => {
      volume.failEvery = undefined;
    };
  },
  ({ volume }) => {
    volume.slowness = 100;
    return () => {
      volume.slowness = 1;
    };
  },
  ({ volume, piecesHad }) => {
    // Before anything is there a torrent cannot know that the folder was another one.
    if (piecesHad > 0) volume.unmount();
    return () => volume.mount();
  },
  ({ profile }) => {
    profile.failEvery = 3;
    return () => {
      profile.failEvery = undefined;
    };
  },
  (node, { sim }) => {
    sim.network.partition([node.host]);
    return () => sim.network.heal();
  },
];

function drawOptions(prng: Prng): SwarmOptions {
  const pieceBytes = must(prng.pick([16_384, 32_768, 65_536, 262_144, 1 << 20]), "there are some");
  const rate = must(prng.pick([100_000, 500_000, 2e6, Number.POSITIVE_INFINITY]), "there are some");
  return {
    bytes: prng.between(1, 3 << 20),
    pieceBytes,
    files: prng.chance(0.5) ? prng.between(2, 12) : 1,
    leechers: prng.between(1, 6),
    rates: { up: rate, down: rate * prng.between(1, 4) },
    tracker: prng.chance(0.5) ? "udp" : "http",
    magnet: prng.chance(0.3),
    datagrams: { lost: prng.chance(0.5) ? 0.1 : 0, doubled: 0.05, late: 0.1 },
    leecher: () => ({ poolBytes: prng.between(2, 16) * 262_144 }),
  };
}

scenario(
  "whatever goes wrong, in whatever order: nothing false is claimed, and in the end everyone has everything",
  [1, 2, 3, 4, 5, 6, 7, 8],
  (seed, tell) => {
    const options = drawOptions(new Prng(seed, "options"));
    const swarm = new Swarm(seed, options);
    const { sim, prng } = swarm;
    const ends = new Map<SimNode, () => void>();
    let count = 0;
    if (prng.chance(0.3)) addLiar(swarm);
    for (const end = sim.now + prng.between(5, 60) * 1000; sim.now < end; ) {
      sim.runFor(prng.between(50, 3000));
      const node = must(prng.pick(prng.chance(0.1) ? [swarm.seed] : swarm.leechers), "there is one");
      const over = ends.get(node);
      ends.delete(node);
      if (over !== undefined) over();
      else if (node.process !== undefined) {
        count += 1;
        ends.set(node, must(prng.pick(troubles), "there are some")(node, swarm));
      }
    }
    for (const over of ends.values()) over();
    sim.network.heal();
    const took = swarm.finish(minutes(6));
    tell(`${count} troubles, done ${took.toFixed(1)} s after the last`);
    sim.runFor(seconds(20)); // disks that were refused are looked at again
    swarm.end();
  },
);

function addLiar(swarm: Swarm): void {
  const lies = swarm.prng.split("liar");
  const twist = { served: (_: unknown, bytes: Uint8Array) => void (lies.chance(0.2) && bytes.fill(0x66)) };
  const liar = swarm.sim.node({ name: "liar", rates: { up: 1e6, down: 4e6 }, twist });
  liar.fill(swarm.content);
  liar.add({ content: swarm.content, trackers: swarm.trackers, complete: true });
}
