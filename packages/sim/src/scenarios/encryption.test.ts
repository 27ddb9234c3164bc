import { deepEqual, equal, ok } from "node:assert/strict";
import { minutes } from "@dure/base";
import type { EncryptionMode } from "@dure/carrier";
import type { SimNode } from "../index.ts";
import { scenario } from "../testing/scenario.ts";
import { Swarm } from "../testing/swarm.ts";

const modes: readonly EncryptionMode[] = ["prefer", "require", "off"];

/** Whom a node is connected to, by the mode of the other, and how. */
function meetings(swarm: Swarm, modeOf: ReadonlyMap<string, EncryptionMode>): Set<string> {
  const met = new Set<string>();
  for (const node of swarm.sim.nodes) {
    const own = modeOf.get(node.host.ip);
    for (const { facts } of node.torrent?.engine.peers.values() ?? [])
      met.add(`${own} meets ${modeOf.get(facts.address.ip)}: ${facts.encryption ?? "plain"}`);
  }
  return met;
}

scenario(
  "a swarm of which some encrypt, some must and some cannot: who must meets nobody who cannot, and everyone finishes",
  [1, 2, 3, 4],
  (seed, tell) => {
    const swarm = new Swarm(seed, {
      bytes: 2 << 20,
      pieceBytes: 65_536,
      leechers: 11,
      seeder: { encryption: "prefer" },
      leecher: (index) => ({ encryption: modes[index % 3] ?? "off" }),
    });
    const modeOf = new Map<string, EncryptionMode>();
    modeOf.set(swarm.seed.host.ip, "prefer");
    for (const [index, node] of swarm.leechers.entries()) modeOf.set(node.host.ip, modes[index % 3] ?? "off");
    const met = new Set<string>();
    const look = swarm.sim.every(250, () => {
      for (const meeting of meetings(swarm, modeOf)) met.add(meeting);
    });
    tell(`${swarm.finish(minutes(5)).toFixed(1)} s`);
    look.stop();
    const wrong = [...met].filter((meeting) => !allowed.has(meeting));
    deepEqual(wrong, []);
    ok(met.has("require meets require: rc4") && met.has("prefer meets require: rc4"), [...met].join(", "));
    swarm.end();
  },
);

const allowed = new Set([
  "require meets require: rc4",
  "require meets prefer: rc4",
  "prefer meets require: rc4",
  "prefer meets prefer: plain",
  "prefer meets off: plain",
  "off meets prefer: plain",
  "off meets off: plain",
]);

scenario("who must encrypt gets nothing where nobody does, and says nothing plain", [1], (seed) => {
  const swarm = new Swarm(seed, {
    bytes: 1 << 20,
    pieceBytes: 65_536,
    leechers: 1,
    seeder: { encryption: "off" },
    leecher: () => ({ encryption: "require" }),
  });
  swarm.sim.runFor(minutes(2));
  const [leecher] = swarm.leechers as [SimNode];
  equal(leecher.downloaded, 0);
  equal(leecher.torrent?.engine.peers.size, 0);
});
