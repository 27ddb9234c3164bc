import { resolve } from "node:path";
import { must } from "@dure/base";
import type { Context } from "../context.ts";
import { readPublisher } from "../dht/targets.ts";
import { usageError } from "../errors.ts";
import { Follower } from "../follow/follower.ts";
import type { followCommand, OptionValues } from "../table/index.ts";
import { addNetworkOptions, nodeOptions } from "../transfer/node-options.ts";
import { closeInTime } from "../transfer/transfer.ts";

type Options = OptionValues<(typeof followCommand)["options"]>;

const everySecondsDefault = 300;

/** `dure follow`: downloads what a key publishes, and every newer version of it, until a signal. */
export async function follow(
  context: Context,
  [text = ""]: readonly string[],
  options: Options,
): Promise<number> {
  const publisher = readPublisher(text, options.salt);
  const network = nodeOptions(context.profile, options);
  const { dht: dhtOptions } = network;
  if (dhtOptions === undefined) throw usageError("dht.switched-off");
  const node = await context.interrupt.race(context.openNode(network));
  try {
    const { Versions } = await import("@dure/host-node");
    await using stack = new AsyncDisposableStack();
    const versions = new Versions(context.profile);
    stack.defer(() => versions.close());
    const follower = new Follower({
      context,
      node,
      dht: must(node.dht, "it was asked for"),
      dhtOptions,
      versions,
      publisher,
      add: {
        dir: resolve(options.dir ?? "."),
        overwrite: options.overwrite,
        ...addNetworkOptions(options),
      },
      everySeconds: options.every ?? everySecondsDefault,
      once: options.once,
    });
    return await follower.run();
  } finally {
    await closeInTime(node);
  }
}
