import { equal, notEqual } from "node:assert/strict";
import { test } from "node:test";
import { minutes } from "@dure/base";
import { Simulation } from "./index.ts";

/** One seed, two leechers, a tracker and a lossy network; the hash of all that happened. */
function story(seed: number): string {
  const sim = new Simulation(seed, { datagrams: { lost: 0.2, doubled: 0.1, late: 0.1 } });
  const content = sim.content({ bytes: 1_000_000, pieceBytes: 65_536, files: 3 });
  const tracker = sim.tracker();
  const trackers = [[tracker.udpUrl], [tracker.httpUrl]];
  const nodes = ["seed", "one", "two"].map((name) => sim.node({ name, rates: { up: 1e6, down: 2e6 } }));
  for (const node of nodes) {
    if (node.name === "seed") node.fill(content);
    node.add({ content, trackers, complete: node.name === "seed" });
  }
  sim.runUntil(() => nodes.every((node) => node.complete), { within: minutes(5), what: "both transfers" });
  for (const node of nodes) equal(node.honest, true);
  return sim.hash();
}

test("a seed replays itself to the last byte", () => {
  equal(story(7), story(7));
});

test("another seed is another story", () => {
  notEqual(story(7), story(8));
});

test("a file crosses from one node to another, found by the tracker", () => {
  const sim = new Simulation(1);
  const content = sim.content({ bytes: 3_000_000, pieceBytes: 65_536, files: 3 });
  const trackers = [[sim.tracker().httpUrl]];
  const seed = sim.node({ name: "seed" });
  seed.fill(content);
  seed.add({ content, trackers, complete: true });
  const leecher = sim.node({ name: "leecher" });
  leecher.add({ content, trackers });
  sim.runUntil(() => leecher.complete, { within: minutes(2), what: "the transfer" });
  equal(leecher.downloaded, content.bytes.length);
});
