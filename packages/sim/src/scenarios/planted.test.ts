import { throws } from "node:assert/strict";
import { test } from "node:test";
import { minutes, must, seconds } from "@dure/base";
import { Violation } from "../index.ts";
import { Swarm } from "../testing/swarm.ts";

const size = { bytes: 2 << 20, pieceBytes: 65_536, leechers: 3 };

test("a disk that calls every piece right is caught claiming a wrong one", () => {
  const gullible = { honest: true, twist: { verdict: () => true } };
  const swarm = new Swarm(1, { ...size, leecher: (index) => (index === 0 ? gullible : {}) });
  const liar = swarm.sim.node({ twist: { served: (_block, bytes) => void bytes.fill(1) } });
  liar.fill(swarm.content);
  liar.add({ content: swarm.content, trackers: swarm.trackers, complete: true });
  throws(
    () => swarm.finish(minutes(1)),
    (error) => error instanceof Violation && /claims piece/.test(error.message),
  );
});

test("a node that never lets go of its requests, nor asks for a block twice, is caught not finishing", () => {
  const rates = { up: 60_000, down: 60_000 };
  const swarm = new Swarm(1, { ...size, rates });
  const { sim } = swarm;
  sim.runFor(seconds(1));
  const picker = must(swarm.leechers[0]?.torrent?.engine.ready?.picker, "it has begun");
  Object.assign(picker, { release: () => {}, pickAgain: () => [] });
  const breaking = sim.every(2000, () => swarm.leechers[0]?.process?.net.resetAll());
  sim.runFor(minutes(1));
  breaking.stop();
  throws(
    () => swarm.finish(minutes(5)),
    (error) => error instanceof Violation && /finished not within/.test(error.message),
  );
});

test("a process that saves before its disk has synced is caught, though no power fails", () => {
  const swarm = new Swarm(1, size);
  const node = must(swarm.leechers[0], "there is one");
  // The disk says "done" to every sync and does nothing.
  Object.assign(node.volume, { synced: () => {} });
  throws(
    () => swarm.finish(minutes(1)),
    (error) => error instanceof Violation && /a power cut would lose/.test(error.message),
  );
});

test("a node that bans an honest peer is caught", () => {
  const swarm = new Swarm(1, size);
  swarm.sim.runFor(seconds(1.2));
  const node = must(swarm.leechers[0], "there is one");
  const { engine } = must(node.torrent, "it has begun");
  const downloads = must(engine.ready?.downloads, "it has begun");
  const [peer] = engine.peers.values();
  const address = must(peer, "it has a peer").facts.address;
  const { process } = node;
  throws(
    () =>
      process?.turn((now) => {
        Object.assign(downloads, {
          tick: () =>
            node.watch?.report(
              { type: "banned", address: `${address.ip}:1`, reason: "planted" },
              node.torrent,
            ),
        });
        downloads.tick(now);
      }),
    (error) => error instanceof Violation && /bans the honest peer/.test(error.message),
  );
});
