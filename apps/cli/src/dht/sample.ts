import { randomBytes } from "node:crypto";
import { formatAddress, hex } from "@dure/base";
import type { DhtKey } from "@dure/host-node";
import { writeJson } from "../context.ts";
import { type Ask, type Asking, assertReached, effort, remark, writeDone } from "./asking.ts";
import { readKey } from "./targets.ts";

/** `dure dht sample`: info-hashes that nodes near a target store (BEP 51), each once. Without a target: anywhere. */
export function sample([text]: readonly string[]): Ask {
  const target = text === undefined ? randomBytes(20) : readKey(text);
  return (asking) => samplesNear(asking, target);
}

async function samplesNear(asking: Asking, target: DhtKey): Promise<number> {
  const { context, dht } = asking;
  const asked = dht.sample(target);
  const known = new Set<string>(); // bounded: a datagram of samples for each node of one lookup
  for await (const { from, infoHashes, storedCount, interval } of asked) {
    const all = infoHashes.map(hex);
    if (context.json) {
      const address = formatAddress(from.address);
      writeJson(context.screen, {
        event: "sample",
        address,
        infoHashes: all,
        stored: storedCount,
        interval,
      });
      continue;
    }
    for (const infoHash of all.filter((each) => !known.has(each))) context.screen.out(`${infoHash}\n`);
    for (const infoHash of all) known.add(infoHash);
  }
  const report = await asked.done;
  assertReached(report);
  writeDone(asking, report);
  const args = { count: known.size, effort: effort(asking, report) };
  remark(context, context.messages.text(known.size === 0 ? "dht.samples-none" : "dht.samples", args));
  return 0;
}
