import { hex } from "@dure/base";
import type { DhtHandle, DhtItem, DhtKey, LookupReport } from "@dure/host-node";
import { readTorrentValue } from "@dure/protocol";
import { writeJson } from "../context.ts";
import { CliError } from "../errors.ts";
import { printable } from "../terminal/printable.ts";
import { type Ask, type Asking, assertReached, type DhtOptions, effort, remark } from "./asking.ts";
import { readSalt, readTarget } from "./targets.ts";
import { textOfValue } from "./value-text.ts";

export type MutableItem = Extract<DhtItem, { type: "mutable" }>;

/** `dure dht get`: an item by its target or its author. Of a mutable one only the newest version counts, so it alone is told. */
export function get([text = ""]: readonly string[], options: DhtOptions): Ask {
  const salt = readSalt(options.salt);
  const target = readTarget(text, salt);
  return (asking) => getItem(asking, target, salt);
}

async function getItem(asking: Asking, target: DhtKey, salt: Uint8Array): Promise<number> {
  const { context, dht } = asking;
  const { item, report } = await newest(dht, target, { salt });
  if (item === undefined) {
    assertReached(report);
    throw new CliError("not-found", "dht.no-value", { target: hex(target), nodes: report.responses });
  }
  tell(asking, target, item);
  remark(context, effort(asking, report));
  return 0;
}

/** The newest version that anybody has. What is not mutable is complete as soon as it is found. */
export async function newest(
  dht: DhtHandle,
  target: DhtKey,
  options: { readonly salt: Uint8Array; readonly sequence?: number },
): Promise<{ readonly item: DhtItem | undefined; readonly report: LookupReport }> {
  const { salt, ...newer } = options;
  const asked = dht.get(target, { ...newer, ...(salt.length === 0 ? {} : { salt }) });
  let item: DhtItem | undefined;
  for await (const found of asked) {
    item = found; // each is newer than the one before
    if (found.type === "immutable") break;
  }
  return { item, report: await asked.done };
}

/** The newest item of a key, as far as it could be found. With `sequence` only what is newer than that. */
export async function newestOf(
  dht: DhtHandle,
  target: DhtKey,
  options: { readonly salt: Uint8Array; readonly sequence?: number },
): Promise<{ readonly item: MutableItem | undefined; readonly report: LookupReport }> {
  const { item, report } = await newest(dht, target, options);
  return { item: item?.type === "mutable" ? item : undefined, report };
}

function tell({ context }: Asking, target: DhtKey, item: DhtItem): void {
  const { screen, messages } = context;
  const value = textOfValue(item.value);
  const [seq, key] = item.type === "mutable" ? [item.sequence, hex(item.publicKey)] : [null, null];
  if (context.json) return writeJson(screen, { event: "value", target: hex(target), ...value, seq, key });
  // A stranger's text: whole for a program, without control characters for a terminal.
  const text = "hex" in value ? value.hex : value.text;
  screen.out(`${screen.live ? text.split("\n").map(printable).join("\n") : text}\n`);
  if (seq === null || key === null) return;
  remark(context, messages.text("dht.version", { seq, key }));
  const torrent = readTorrentValue(item.value);
  if (torrent !== undefined)
    remark(context, messages.text("dht.names-torrent", { infoHash: hex(torrent), key }));
}
