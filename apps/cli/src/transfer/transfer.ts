import type { AddOptions, DureNode, NodeOptions, TorrentHandle, TorrentStatus } from "@dure/host-node";
import type { Context } from "../context.ts";
import { Interrupted } from "../interrupt.ts";
import { ToldTransfer } from "./told-transfer.ts";

export interface Transfer {
  readonly node: NodeOptions;
  readonly add: AddOptions;
  /** Ends when it is complete, instead of seeding. */
  readonly once: boolean;
  /** Refuses a torrent whose data is not all there; `seed` gives, it does not fetch. */
  readonly refuseIncomplete?: (status: TorrentStatus) => Error;
  readonly magnet?: string;
}

/** The program has two seconds to end after a signal; the rest is for the process itself. */
const closeWithin = 1500;
const closeGivenUpAfter = 1900;

/** A foreground peer with one torrent, from start to signal. Returns the exit status. */
export async function runTransfer(context: Context, transfer: Transfer): Promise<number> {
  const node = await context.interrupt.race(context.openNode(transfer.node));
  const told = new ToldTransfer(context, { ...transfer, dht: transfer.node.dht }, node);
  try {
    const handle = await context.interrupt.race(node.add(transfer.add));
    return await follow(context, transfer, handle, told);
  } catch (error) {
    if (error instanceof Interrupted) told.stopped();
    throw error;
  } finally {
    told.end();
    await closeInTime(node);
  }
}

/** Tells the trackers and saves; a node that hangs is left behind. */
export async function closeInTime(node: DureNode): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((done) => {
    timer = setTimeout(done, closeGivenUpAfter);
  });
  await Promise.race([node.close(closeWithin), late]);
  clearTimeout(timer);
}

async function follow(
  context: Context,
  transfer: Transfer,
  handle: TorrentHandle,
  told: ToldTransfer,
): Promise<number> {
  const { interrupt } = context;
  handle.done.catch(() => {}); // heard below; until then it must not end the process
  told.begin(handle);
  await interrupt.race(completion(handle, transfer.refuseIncomplete));
  told.complete();
  if (transfer.once) return 0;
  told.seeding();
  await Promise.race([interrupt.wait(), seedingEnds(handle)]);
  told.stopped();
  return 0;
}

const lookEvery = 100;

/** The torrent is complete. Rejects when it cannot go on, or must not be incomplete and is. */
export function completion(
  handle: TorrentHandle,
  refuseIncomplete?: (status: TorrentStatus) => Error,
): Promise<void> {
  if (refuseIncomplete === undefined) return handle.done;
  return Promise.race([handle.done, findIncomplete(handle, refuseIncomplete)]);
}

/** Rejects once the check is over and something is missing. */
function findIncomplete(handle: TorrentHandle, explain: (status: TorrentStatus) => Error): Promise<never> {
  return new Promise((_, fail) => {
    const look = () => {
      const status = handle.status();
      if (status.state.name === "checking") return;
      clearInterval(timer);
      if (status.state.name === "downloading") fail(explain(status));
    };
    const timer = setInterval(look, lookEvery);
    timer.unref();
    look();
  });
}

/** Resolves when the torrent stops by itself: its share ratio is reached. */
function seedingEnds(handle: TorrentHandle): Promise<void> {
  return new Promise((done) => {
    const timer = setInterval(() => {
      const { name } = handle.status().state;
      if (name !== "stopped" && name !== "paused") return;
      clearInterval(timer);
      done();
    }, lookEvery);
    timer.unref();
  });
}
