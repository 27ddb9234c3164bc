import { equal, ok } from "node:assert/strict";
import { idBytes, minutes, seconds } from "@dure/base";
import { listenPort, type SimNode, Simulation } from "../index.ts";
import { scenario } from "../testing/scenario.ts";

interface Shape {
  readonly leechers: number;
  readonly private?: boolean;
  readonly magnet?: boolean;
}

/** A seed and leechers that know of each other by the DHT alone: a node that has no torrent of its own is their way in. */
class Trackerless {
  readonly sim: Simulation;
  readonly seed: SimNode;
  readonly leechers: SimNode[] = [];
  readonly nodes: SimNode[];
  readonly content;

  constructor(seed: number, shape: Shape) {
    this.sim = new Simulation(seed);
    const isPrivate = shape.private ?? false;
    const options = { bytes: 1 << 20, pieceBytes: 32_768 };
    this.content = this.sim.content({ ...options, private: isPrivate });
    const other = this.sim.content(options);
    const rates = { up: 1e6, down: 4e6 };
    const entrance = this.sim.node({ name: "entrance", dht: { bootstrap: [] } });
    entrance.fill(other);
    entrance.add({ content: other, trackers: [], complete: true });
    const dht = { bootstrap: [{ host: entrance.host.ip, port: listenPort }] };
    this.seed = this.sim.node({ name: "seed", rates, dht });
    this.seed.fill(this.content);
    this.nodes = [entrance, this.seed];
    this.seed.add({ content: this.content, trackers: [], complete: true });
    for (let index = 1; index <= shape.leechers; index += 1) {
      const node = this.sim.node({ name: `leecher ${index}`, rates, dht });
      this.leechers.push(node);
      this.nodes.push(node);
      const { content } = this;
      const magnet = shape.magnet ?? true;
      this.sim.clock.after(index * 200, () => node.add({ content, trackers: [], magnet }));
    }
  }

  finish(within: number): number {
    const begun = this.sim.now;
    const done = () => this.leechers.every((node) => node.complete);
    this.sim.runUntil(done, { within, what: "everybody finished" });
    return (this.sim.now - begun) / 1000;
  }
}

scenario(
  "a magnet without trackers: one seed and twenty leechers find each other by the DHT alone",
  [1, 2, 3],
  (seed, tell) => {
    const world = new Trackerless(seed, { leechers: 20 });
    tell(`${world.finish(minutes(3)).toFixed(1)} s`);
  },
);

scenario(
  "a private torrent asks nobody: it is in no node's store, and nobody finds it (BEP 27)",
  [1, 2],
  (seed) => {
    const world = new Trackerless(seed, { leechers: 5, private: true, magnet: false });
    world.sim.runFor(minutes(20));
    for (const node of world.nodes) {
      const status = node.process?.carrier.dht?.status(world.sim.now);
      // The entrance announces its own torrent, and only that.
      ok(status !== undefined && status.topics <= 1, `${node.name} stores ${status?.topics}`);
    }
    for (const node of world.leechers) {
      equal(node.piecesHad, 0);
      equal(node.torrent?.engine.book.stats().known, 0);
    }
  },
);

scenario(
  "a magnet that turns out to be private forgets what the DHT said, and is asked for no more (BEP 27)",
  [1],
  (seed) => {
    const world = new Trackerless(seed, { leechers: 1, private: true });
    const [leecher] = world.leechers;
    // Somebody outside of BEP 27 has announced the seed.
    const infoHash = idBytes(world.content.info.infoHash);
    world.sim.clock.after(2000, () =>
      world.seed.process?.turn((now) =>
        world.seed.process?.carrier.dht?.ask(
          now,
          { type: "get-peers", infoHash, announce: { seed: true } },
          () => {},
        ),
      ),
    );
    world.sim.runUntil(() => leecher?.torrent?.info !== undefined, {
      within: minutes(5),
      what: "the metadata came",
    });
    world.sim.runFor(seconds(5));
    equal(leecher?.torrent?.engine.book.stats().known, 0);
    equal(leecher?.torrent?.engine.peers.size, 0);
    equal(leecher?.process?.carrier.dht?.status(world.sim.now)?.lookups, 0);
  },
);

scenario(
  "a restarted node finds peers within a second, with nobody to begin with",
  [1, 2, 3],
  (seed, tell) => {
    const world = new Trackerless(seed, { leechers: 12 });
    world.finish(minutes(3));
    const [node] = world.leechers;
    world.sim.runFor(minutes(12)); // long enough to be saved
    node?.kill();
    world.nodes[0]?.kill(); // the way in
    node?.start();
    const begun = world.sim.now;
    let first: number | undefined;
    const infoHash = idBytes(world.content.info.infoHash);
    node?.process?.turn((now) =>
      node.process?.carrier.dht?.ask(now, { type: "get-peers", infoHash }, (answer) => {
        if (answer.type === "peers") first ??= world.sim.now - begun;
      }),
    );
    world.sim.runUntil(() => first !== undefined, { within: seconds(1), what: "the first peers were found" });
    tell(`after ${first?.toFixed(0)} ms`);
  },
);
