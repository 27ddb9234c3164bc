import { assert, Prng } from "@dure/base";
import type { NetEffect, NetEvent } from "@dure/carrier";
import { type NetSide, type NetWorld, netContract } from "@dure/carrier/contract";
import { ReplayHash } from "../replay-hash.ts";
import { EventQueue } from "../time/index.ts";
import { addressOn, type LineRates, Network, SimNet } from "./index.ts";

const fast = { up: 20e6, down: 20e6 };
netContract("simulated", async () => world(fast, fast));
netContract("simulated, on unlike lines", async () => world({ up: 9e6, down: 3e6 }, { up: 50e6, down: 1e9 }));
netContract("simulated, without limit", async () => world({}, {}));

const stepsMax = 2_000_000;

function world(left: Partial<LineRates>, right: Partial<LineRates>): NetWorld {
  const clock = new EventQueue();
  const network = new Network({ clock, prng: new Prng(1), replay: new ReplayHash() });
  const sides = [left, right].map((rates) => side(network, rates));
  const [first, second] = sides;
  assert(first !== undefined && second !== undefined, "there are two");
  return {
    left: first,
    right: second,
    nowhere: { ip: second.address.ip, port: 9 },
    lan: 4,
    until: async (condition, what) => {
      // The conditions count through everything heard: they are asked now and then.
      for (let steps = 0; steps % 64 !== 0 || !condition(); steps += 1)
        if (steps > stepsMax || (!clock.step() && !condition()))
          throw new Error(`waited in vain for ${what}`);
    },
    settle: async () => {
      for (let steps = 0; clock.step(); steps += 1) assert(steps < stepsMax, "it comes to rest");
    },
    close: async () => {
      for (const one of sides) one.net.close("silent");
    },
  };
}

function side(network: Network, rates: Partial<LineRates>): NetSide & { readonly net: SimNet } {
  const events: NetEvent[] = [];
  const host = network.host({ rates, lan: "home" });
  const onEvent = (event: NetEvent) => {
    events.push(event.type === "tcp-data" ? { ...event, bytes: event.bytes.slice() } : event);
  };
  const net = new SimNet({ network, host, port: 6881, onEvent });
  const perform = (...effects: readonly NetEffect[]) => {
    for (const effect of effects) net.perform(effect);
  };
  return { net, address: addressOn(host, 6881), events, perform };
}
