import { resolve } from "node:path";
import type { Context } from "../context.ts";
import type { getCommand, OptionValues } from "../table/index.ts";
import { addNetworkOptions, given, nodeOptions } from "../transfer/node-options.ts";
import { runTransfer } from "../transfer/transfer.ts";

type Options = OptionValues<(typeof getCommand)["options"]>;

/** `dure get`: downloads, then seeds until a signal, the ratio, or at once with `--once`. */
export async function get(
  context: Context,
  [source = ""]: readonly string[],
  options: Options,
): Promise<number> {
  return await runTransfer(context, {
    node: nodeOptions(context.profile, options),
    add: {
      source,
      dir: resolve(options.dir ?? "."),
      ...given("select", options.select.length > 0 ? options.select : undefined),
      sequential: options.sequential,
      overwrite: options.overwrite,
      ...addNetworkOptions(options),
    },
    once: options.once,
  });
}
