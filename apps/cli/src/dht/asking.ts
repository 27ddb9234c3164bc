import type { DhtHandle, LookupReport } from "@dure/host-node";
import { type Context, writeJson } from "../context.ts";
import { CliError, usageError } from "../errors.ts";
import { warningLine, warningText } from "../report/texts.ts";
import type { dhtCommand, OptionValues } from "../table/index.ts";
import { nodeOptions } from "../transfer/node-options.ts";
import { closeInTime } from "../transfer/transfer.ts";
import { onDhtTrouble } from "./bootstrap-trouble.ts";

export type DhtOptions = OptionValues<(typeof dhtCommand)["options"]>;

/** What a verb of `dure dht` works with. */
export interface Asking {
  readonly context: Context;
  readonly dht: DhtHandle;
  readonly options: DhtOptions;
  /** Port of the node. */
  readonly port: number;
  /** Seconds since the node was opened: what a person waits. */
  seconds(): number;
}

/** A verb whose words have been understood, ready to be asked. */
export type Ask = (asking: Asking) => Promise<number>;

/** Opens a node for a few questions. It leaves soon, so it is in nobody's table (BEP 43), and asks no gateway for a port. */
export async function withDht(context: Context, options: DhtOptions, ask: Ask): Promise<number> {
  const startedAt = performance.now();
  const given = nodeOptions(context.profile, options);
  if (given.dht === undefined) throw usageError("dht.switched-off");
  const dhtOptions = { ...given.dht, readOnly: true };
  const node = await context.interrupt.race(
    context.openNode({ ...given, dht: dhtOptions, pex: false, lsd: false, portMapping: false }),
  );
  try {
    const { dht } = node;
    if (dht === undefined) throw usageError("dht.switched-off");
    // That no name is found needs no word: somebody answers all the same, or the command fails and says so.
    onDhtTrouble(dht, dhtOptions, (trouble) => {
      if (trouble.code !== "dht-bootstrap") tellWarning(context, trouble);
    });
    const seconds = () => Math.round(performance.now() - startedAt) / 1000;
    return await context.interrupt.race(ask({ context, dht, options, port: node.port, seconds }));
  } finally {
    await closeInTime(node);
  }
}

export function tellWarning(
  context: Context,
  warning: { readonly code: string; readonly message: string },
): void {
  const { messages } = context;
  const told = { type: "warning", ...warning } as const;
  if (!context.json) return context.screen.err(warningLine(told, messages));
  writeJson(context.screen, { event: "warning", code: told.code, message: warningText(told, messages) });
}

export function conflictWarning({ messages }: Context, count: number): { code: string; message: string } {
  return { code: "dht-conflict", message: messages.text("warning.dht-conflict", { count }) };
}

/** A line beside the result: left out when only the result is wanted. */
export function remark(context: Context, text: string): void {
  if (!context.quiet && !context.json) context.screen.out(`${text}\n`);
}

/** Somebody must have answered for the result to mean anything. */
export function assertReached(report: LookupReport): void {
  if (report.responses === 0) throw new CliError("dht-unreachable", "dht.unreachable");
}

/** `34 nodes answered within 4 hops, in 1.2 s`. */
export function effort({ context, seconds }: Asking, report: LookupReport): string {
  const { responses: nodes, hops } = report;
  return context.messages.text(nodes === 1 ? "dht.effort-one" : "dht.effort", {
    nodes,
    hops,
    seconds: seconds().toFixed(1),
  });
}

/** The last object of a lookup (CONTRACT.md, `dht peers`). */
export function writeDone({ context, seconds }: Asking, { hops, queries }: LookupReport): void {
  if (context.json) writeJson(context.screen, { event: "done", hops, queries, seconds: seconds() });
}
