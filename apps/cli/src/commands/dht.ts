import type { Context } from "../context.ts";
import { type Ask, type DhtOptions, withDht } from "../dht/asking.ts";
import { get } from "../dht/get.ts";
import { lookup } from "../dht/lookup.ts";
import { peers } from "../dht/peers.ts";
import { put } from "../dht/put.ts";
import { sample } from "../dht/sample.ts";
import { status } from "../dht/status.ts";
import type { dhtCommand } from "../table/index.ts";

type Verb = (typeof dhtCommand)["verbs"][number]["name"];

const verbs: Readonly<
  Record<Verb, (operands: readonly string[], options: DhtOptions) => Ask | Promise<Ask>>
> = {
  status,
  lookup,
  peers,
  get,
  put,
  sample,
};

/** `dure dht`: one question to the DHT. */
export async function dht(
  context: Context,
  [verb = "", ...operands]: readonly string[],
  options: DhtOptions,
): Promise<number> {
  const prepare = verbs[verb as Verb]; // parse() refuses every other
  return await withDht(context, options, await prepare(operands, options));
}
