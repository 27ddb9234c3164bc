import type { KeyObject } from "node:crypto";
import { resolve } from "node:path";
import { hex } from "@dure/base";
import { type Context, writeJson } from "../context.ts";
import { printable } from "../terminal/printable.ts";

/** `dure keys`: makes a key that signs what its owner publishes, or shows the public half that others follow. */
export async function keys(context: Context, [verb, path = ""]: readonly string[]): Promise<number> {
  const { createKeyFile, readKeyFile, rawPublicKey } = await import("@dure/host-node/keys");
  const key: KeyObject = verb === "new" ? await createKeyFile(path) : await readKeyFile(path);
  const publicKey = hex(rawPublicKey(key));
  const { screen, messages } = context;
  if (context.json) {
    writeJson(screen, { publicKey, file: resolve(path) });
    return 0;
  }
  screen.out(`${publicKey}\n`);
  if (verb === "new" && !context.quiet)
    screen.out(`${messages.text("keys.made", { path: printable(path) })}\n`);
  return 0;
}
