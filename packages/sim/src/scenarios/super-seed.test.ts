import { ok } from "node:assert/strict";
import { minutes } from "@dure/base";
import { scenario } from "../testing/scenario.ts";
import { Swarm } from "../testing/swarm.ts";

const leechers = 8;

interface Figures {
  /** What the seed had uploaded when the others together had everything, as a share of the torrent. */
  readonly copy: number;
  readonly copySeconds: number;
  readonly lastSeconds: number;
}

function run(seed: number, superSeed: boolean): Figures {
  const swarm = new Swarm(seed, {
    bytes: 6 << 20,
    pieceBytes: 65_536,
    leechers,
    rates: { up: 500_000, down: 4e6 },
    seedRates: { up: 400_000, down: 1e6 },
    superSeed,
  });
  const { pieceCount } = swarm.content.info;
  let found = 0; // pieces before it are there; nobody loses one
  const copied = () => {
    const isThere = () =>
      swarm.leechers.some((node) => node.torrent?.engine.ready?.picker.have.has(found) === true);
    while (found < pieceCount && isThere()) found += 1;
    return found === pieceCount;
  };
  swarm.sim.runUntil(copied, { within: minutes(10), what: "the leechers together have everything" });
  const copy = swarm.seed.uploaded / swarm.content.bytes.length;
  const copySeconds = swarm.sim.now / 1000;
  swarm.finish(minutes(10));
  const lastSeconds = swarm.sim.now / 1000;
  swarm.end();
  return { copy, copySeconds, lastSeconds };
}

scenario(
  "a super-seed uploads hardly more than one copy before the swarm has its own",
  [1, 2],
  (seed, tell) => {
    const plain = run(seed, false);
    const hidden = run(seed, true);
    const text = ({ copy, copySeconds, lastSeconds }: Figures) =>
      `× ${copy.toFixed(2)} of the size after ${copySeconds.toFixed(0)} s, all done after ${lastSeconds.toFixed(0)} s`;
    tell(`super-seed ${text(hidden)}; seed ${text(plain)}`);
    ok(hidden.copy <= 1.15, `× ${hidden.copy.toFixed(2)}`);
    ok(hidden.copy < plain.copy, "and less than without");
  },
);
