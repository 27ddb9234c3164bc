import { ok } from "node:assert/strict";
import { minutes, seconds } from "@dure/base";
import { type BlockSpan, writePieceHead } from "@dure/protocol";
import { listenPort, partOfBlock, type Script, ScriptedPeer } from "../index.ts";
import { scenario } from "../testing/scenario.ts";
import { Swarm } from "../testing/swarm.ts";

const stallers = 6;
const slowdownMax = 2;

function run(seed: number, script: ((swarm: Swarm) => Script) | undefined): Swarm {
  const rates = { up: 400_000, down: 2e6 };
  const swarm = new Swarm(seed, {
    bytes: 4 << 20,
    pieceBytes: 131_072,
    leechers: 4,
    rates,
    leecher: () => ({ poolBytes: 2 << 20 }),
  });
  const { sim, content } = swarm;
  for (let index = 0; script !== undefined && index < stallers; index += 1) {
    const host = sim.network.host({ rates });
    const prng = sim.prng.split(`staller ${index}`);
    const peer = new ScriptedPeer({
      network: sim.network,
      host,
      prng,
      info: content.info,
      script: script(swarm),
    });
    sim.every(5000, () => {
      for (const node of swarm.leechers)
        if (peer.linkCount < 4) peer.connect({ ip: node.host.ip, port: listenPort });
    });
    sim.clock.after(500, () => {
      for (const node of swarm.leechers) peer.connect({ ip: node.host.ip, port: listenPort });
    });
  }
  sim.runFor(seconds(1));
  swarm.finish(minutes(5));
  return swarm;
}

const alones = new Map<number, number>(); // an entry for each seed of the run

/** When the last one is done without stallers. */
function lastAlone(seed: number): number {
  const known = alones.get(seed) ?? run(seed, undefined).times.at(-1) ?? Number.NaN;
  alones.set(seed, known);
  return known;
}

function seedLike(request: (swarm: Swarm, say: (bytes: Uint8Array) => void, span: BlockSpan) => void) {
  return (swarm: Swarm): Script => ({
    opened: (link) => {
      link.say({ type: "have-all" });
      link.say({ type: "unchoke" });
    },
    heard: (link, message) => {
      if (message.type === "request") request(swarm, (bytes) => link.raw(bytes), message);
    },
  });
}

const scripts = {
  "have everything and send nothing": seedLike(() => {}),
  "send half of a block and stop": seedLike((swarm, say, span) => {
    const start = span.piece * swarm.content.info.pieceBytes + span.begin;
    say(partOfBlock(span, swarm.content.bytes.subarray(start, start + span.length / 2)));
  }),
  "send a byte a second": seedLike((swarm, say, span) => {
    const head = new Uint8Array(13);
    writePieceHead(head, 0, span);
    const bytes = [...head, ...new Uint8Array(span.length)];
    const trickle = swarm.sim.every(1000, () => {
      const byte = bytes.shift();
      if (byte === undefined) trickle.stop();
      else say(Uint8Array.of(byte));
    });
  }),
  "reject every request": (): Script => ({
    opened: (link) => {
      link.say({ type: "have-all" });
      link.say({ type: "unchoke" });
    },
    heard: (link, message) => {
      if (message.type === "request") link.say({ ...message, type: "reject" });
    },
  }),
  "choke and unchoke all the time": (swarm: Swarm): Script => ({
    opened: (link) => {
      link.say({ type: "have-all" });
      let on = false;
      const flicker = swarm.sim.every(300, () => {
        on = !on;
        link.say({ type: on ? "unchoke" : "choke" });
      });
      swarm.sim.clock.after(120_000, () => flicker.stop());
    },
  }),
} satisfies Record<string, (swarm: Swarm) => Script>;

for (const [what, script] of Object.entries(scripts)) {
  scenario(`peers that ${what} hold nobody up for long`, [1], (seed, tell) => {
    const alone = lastAlone(seed);
    const swarm = run(seed, script);
    const last = swarm.times.at(-1) ?? Number.NaN;
    tell(
      `last after ${last.toFixed(1)} s, ${alone.toFixed(1)} s without them; pools at most ${(swarm.sim.poolShareMost * 100).toFixed(0)} % full`,
    );
    ok(last <= alone * slowdownMax, `${last} s`);
  });
}
