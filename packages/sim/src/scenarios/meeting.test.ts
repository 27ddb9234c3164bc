import { equal, ok } from "node:assert/strict";
import { minutes, seconds } from "@dure/base";
import { type SimNode, Simulation } from "../index.ts";
import { scenario } from "../testing/scenario.ts";

const content = { bytes: 1 << 20, pieceBytes: 32_768 };

/** A seed and leechers without a tracker: how they meet is the scenario's. */
function world(
  seed: number,
  count: number,
  lanOf: (index: number) => string | undefined,
  rates = { up: 1e6, down: 4e6 },
  pex = true,
) {
  const sim = new Simulation(seed, { datagrams: { lost: 0.2, doubled: 0.2, late: 0.2 } });
  const sample = sim.content(content);
  const nodes = Array.from({ length: count }, (_, index) => {
    const lan = lanOf(index);
    return sim.node({ name: `peer ${index}`, rates, ...(lan === undefined ? {} : { lan }) });
  });
  const [first] = nodes;
  if (first === undefined) throw new Error("there is a first");
  first.fill(sample);
  const join = (node: SimNode, ...peers: SimNode[]) =>
    node.add({ content: sample, trackers: [], complete: node === first, peers, pex });
  return { sim, nodes, join };
}

scenario(
  "on a local network that loses datagrams everyone finds everyone, and nobody elsewhere is found",
  [1, 2, 3],
  (seed, tell) => {
    const { sim, nodes, join } = world(seed, 7, (index) => (index < 6 ? "home" : "elsewhere"));
    const [first, ...others] = nodes;
    const alone = others.pop();
    if (first === undefined || alone === undefined) throw new Error("there are seven");
    for (const node of nodes) sim.clock.after(sim.prng.below(20_000), () => join(node));
    // The middle of the network is out of order while they begin.
    sim.clock.after(5000, () =>
      sim.network.partition(
        [first.host],
        others.map(({ host }) => host),
      ),
    );
    sim.runFor(seconds(60));
    sim.network.heal();
    const healed = sim.now;
    const done = () => others.every((node) => node.complete);
    // What is lost is said once more a minute later, and then every five minutes.
    sim.runUntil(done, { within: minutes(12), what: "everyone at home finished" });
    tell(`${(sim.now - healed) / 1000} s after the cut was healed`);
    equal(alone.piecesHad, 0);
  },
);

/** A chain in which each knows the one before; its sixth dies when they have known each other for twelve seconds. */
function cutChain(seed: number, pex: boolean) {
  const { sim, nodes, join } = world(seed, 12, () => undefined, { up: 60_000, down: 4e6 }, pex);
  for (const [index, node] of nodes.entries()) {
    const before = nodes[index - 1];
    sim.clock.after(index * 100, () => join(node, ...(before === undefined ? [] : [before])));
  }
  // Whose connection breaks may not hear of others at once.
  const breaking = sim.every(3000, () => sim.prng.pick(nodes)?.process?.net.resetAll());
  sim.runFor(seconds(12));
  breaking.stop();
  nodes[5]?.powerCut();
  return { sim, before: nodes.slice(1, 5), behind: nodes.slice(6) };
}

scenario(
  "a chain of peers who each know one other becomes a swarm: when its middle dies, those behind it finish all the same",
  [1, 2, 3],
  (seed, tell) => {
    const { sim, before, behind } = cutChain(seed, true);
    ok(!behind.some((node) => node.complete), "it was cut before they were done");
    const done = () => [...before, ...behind].every((node) => node.complete);
    sim.runUntil(done, { within: minutes(3), what: "everyone finished" });
    tell(`done at ${sim.now / 1000} s`);
  },
);

scenario("without peer exchange those behind the cut never finish", [1], (seed) => {
  const { sim, before, behind } = cutChain(seed, false);
  sim.runUntil(() => before.every((node) => node.complete), { within: minutes(3), what: "those before it" });
  sim.runFor(minutes(10));
  ok(behind.every((node) => !node.complete));
});
