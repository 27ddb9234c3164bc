import type { KeyObject } from "node:crypto";
import { equalBytes, hex } from "@dure/base";
import type { DhtItem, LookupReport } from "@dure/host-node";
import { itemTarget, mutableTarget } from "@dure/protocol";
import { writeJson } from "../context.ts";
import { CliError, usageError } from "../errors.ts";
import {
  type Ask,
  type Asking,
  assertReached,
  conflictWarning,
  type DhtOptions,
  effort,
  remark,
  tellWarning,
} from "./asking.ts";
import { newestOf } from "./get.ts";
import { storeItem } from "./store-item.ts";
import { readSalt } from "./targets.ts";
import { valueOfText } from "./value-text.ts";

/** `dure dht put`: stores a text for two hours. With a key it can be replaced later by whoever has the key. */
export async function put([text = ""]: readonly string[], options: DhtOptions): Promise<Ask> {
  const value = valueOfText(text);
  const { key, seq } = options;
  if (key === undefined) {
    if (options.salt !== undefined || seq !== undefined) throw usageError("dht.put-key-wanted");
    return (asking) => putImmutable(asking, { type: "immutable", value });
  }
  const salt = readSalt(options.salt);
  const { readKeyFile } = await import("@dure/host-node/keys");
  const privateKey = await readKeyFile(key);
  return (asking) => putMutable(asking, { value, salt, privateKey, seq });
}

async function putImmutable(asking: Asking, item: DhtItem): Promise<number> {
  return told(asking, item, await asking.dht.put(item).done);
}

async function putMutable(
  asking: Asking,
  parts: {
    readonly value: Uint8Array;
    readonly salt: Uint8Array;
    readonly privateKey: KeyObject;
    /** Undefined: one more than the newest that is found. */
    readonly seq: number | undefined;
  },
): Promise<number> {
  const { context, dht } = asking;
  const { mutableItem, rawPublicKey } = await import("@dure/host-node/keys");
  const target = mutableTarget(rawPublicKey(parts.privateKey), parts.salt);
  const { item: before, report: looked } = await newestOf(dht, target, { salt: parts.salt });
  assertReached(looked);
  const sequence = parts.seq ?? (before === undefined ? 1 : before.sequence + 1);
  const again = before?.sequence === sequence && equalBytes(before.value, parts.value); // put again: it lives on
  if (before !== undefined && sequence <= before.sequence && !again)
    throw new CliError("not-stored", "dht.seq-too-low", { seq: sequence, newest: before.sequence });
  const item = mutableItem({ ...parts, sequence });
  const { newer, report, conflicts } = await storeItem(dht, item, before?.sequence);
  if (newer !== undefined) throw new CliError("not-stored", "dht.overtaken", { newest: newer.sequence });
  if (report.stored === 0 && conflicts > 0) throw new CliError("not-stored", "dht.overtaken-unseen");
  if (conflicts > 0) tellWarning(context, conflictWarning(context, conflicts));
  return told(asking, item, report);
}

function told(asking: Asking, item: DhtItem, report: LookupReport): number {
  const { context } = asking;
  const { screen, messages } = context;
  assertReached(report);
  if (report.stored === 0)
    throw new CliError("not-stored", "dht.refused", {
      codes: report.refused.map(({ code }) => code).join(", "),
    });
  const target = hex(itemTarget(item));
  const mutable = item.type === "mutable" ? item : undefined;
  if (context.json) {
    const version = mutable === undefined ? {} : { seq: mutable.sequence, key: hex(mutable.publicKey) };
    writeJson(screen, { event: "stored", target, nodes: report.stored, ...version });
    return 0;
  }
  screen.out(`${target}\n`);
  if (mutable !== undefined)
    remark(context, messages.text("dht.version", { seq: mutable.sequence, key: hex(mutable.publicKey) }));
  const key = report.stored === 1 ? "dht.stored-one" : "dht.stored";
  remark(context, messages.text(key, { count: report.stored, effort: effort(asking, report) }));
  return 0;
}
