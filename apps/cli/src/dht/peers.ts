import { formatAddress, type InfoHash } from "@dure/base";
import { writeJson } from "../context.ts";
import { type Ask, type Asking, assertReached, effort, remark, writeDone } from "./asking.ts";
import { readInfoHash } from "./targets.ts";

/** `dure dht peers`: who has announced a torrent, each as soon as it is heard of. That there is nobody is an answer too. */
export function peers([text = ""]: readonly string[]): Ask {
  const infoHash = readInfoHash(text);
  return (asking) => findPeers(asking, infoHash);
}

async function findPeers(asking: Asking, infoHash: InfoHash): Promise<number> {
  const { context, dht } = asking;
  const asked = dht.peers(infoHash);
  let count = 0;
  for await (const found of asked) {
    count += 1;
    const address = formatAddress(found);
    if (context.json) writeJson(context.screen, { event: "peer", address });
    else context.screen.out(`${address}\n`);
  }
  const report = await asked.done;
  assertReached(report);
  writeDone(asking, report);
  const key = count === 0 ? "dht.peers-none" : count === 1 ? "dht.peers-one" : "dht.peers";
  remark(context, context.messages.text(key, { count, effort: effort(asking, report) }));
  return 0;
}
