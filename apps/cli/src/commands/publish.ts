import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { must } from "@dure/base";
import type { DureNode, NodeDhtOptions } from "@dure/host-node";
import { type Context, writeJson } from "../context.ts";
import { conflictWarning, remark, tellWarning } from "../dht/asking.ts";
import { onDhtTrouble } from "../dht/bootstrap-trouble.ts";
import { readSalt } from "../dht/targets.ts";
import { CliError, usageError } from "../errors.ts";
import { explain } from "../explain.ts";
import { Interrupted } from "../interrupt.ts";
import { pause } from "../pause.ts";
import { type Publication, Publisher } from "../publish/publisher.ts";
import type { OptionValues, publishCommand } from "../table/index.ts";
import { type LoadedTorrent, loadTorrent } from "../torrent/load.ts";
import { addNetworkOptions, nodeOptions } from "../transfer/node-options.ts";
import { ToldTransfer } from "../transfer/told-transfer.ts";
import { closeInTime, completion } from "../transfer/transfer.ts";
import { refuseIncomplete } from "./seed.ts";

type Options = OptionValues<(typeof publishCommand)["options"]>;

const minute = 60_000;
/** Nodes forget an item after two hours. It is put again within one, and not by all publishers at once. */
const againFirst = 30 * minute;
const againSpread = 30 * minute;
/** While nobody has it. */
const retryWait = minute;

/** `dure publish`: says under a key which torrent is current (BEP 46), and says it again until a signal. */
export async function publish(
  context: Context,
  [path = ""]: readonly string[],
  options: Options,
): Promise<number> {
  if (options.key === undefined) throw usageError("publish.key-wanted");
  const salt = readSalt(options.salt);
  const network = nodeOptions(context.profile, options);
  if (network.dht === undefined) throw usageError("dht.switched-off");
  const torrent = await loadPublic(path, options);
  const { readKeyFile } = await import("@dure/host-node/keys");
  const privateKey = await readKeyFile(options.key);
  // One that leaves at once is in nobody's table (BEP 43); one that stays serves others as well.
  const dht: NodeDhtOptions = { ...network.dht, readOnly: options.once && options.dir === undefined };
  const node = await context.interrupt.race(context.openNode({ ...network, dht }));
  const session = new Session(context, node, dht);
  try {
    const { Versions } = await import("@dure/host-node");
    await using stack = new AsyncDisposableStack();
    const versions = new Versions(context.profile);
    stack.defer(() => versions.close());
    if (options.dir !== undefined) await session.seed(torrent, options.dir, options);
    const { infoHash } = torrent.metainfo.info;
    const parts = { dht: must(node.dht, "it was asked for"), versions, privateKey, salt, infoHash };
    return await session.publish(await Publisher.open(parts), options.once);
  } finally {
    session.end();
    await closeInTime(node);
  }
}

async function loadPublic(path: string, options: Options): Promise<LoadedTorrent> {
  const torrent = await loadTorrent(path);
  const { info } = torrent.metainfo;
  if (info.private) throw new CliError("bad-torrent", "publish.private", { path });
  const top = join(resolve(options.dir ?? "."), info.files[0]?.path[0] ?? info.name);
  if (options.dir !== undefined && !existsSync(top))
    throw new CliError("incomplete", "seed.nothing", { path: top });
  return torrent;
}

/** What is said while a torrent is published, and seeded with `--dir`. */
class Session {
  readonly #context: Context;
  readonly #node: DureNode;
  readonly #dht: NodeDhtOptions;
  #told: ToldTransfer | undefined;

  constructor(context: Context, node: DureNode, dht: NodeDhtOptions) {
    this.#context = context;
    this.#node = node;
    this.#dht = dht;
  }

  /** Resolves when all of it is there: nobody is to follow to a torrent that nobody has. */
  async seed(torrent: LoadedTorrent, dir: string, options: Options): Promise<void> {
    const { interrupt } = this.#context;
    const told = new ToldTransfer(this.#context, { dht: this.#dht }, this.#node);
    this.#told = told;
    const add = { source: torrent.bytes, dir: resolve(dir), ...addNetworkOptions(options) };
    const handle = await interrupt.race(this.#node.add(add));
    handle.done.catch(() => {}); // heard below; until then it must not end the process
    told.begin(handle);
    await interrupt.race(completion(handle, refuseIncomplete));
    told.complete();
  }

  async publish(publisher: Publisher, once: boolean): Promise<number> {
    const { interrupt } = this.#context;
    if (this.#told === undefined)
      onDhtTrouble(this.#node.dht, this.#dht, (trouble) => {
        if (trouble.code !== "dht-bootstrap") this.#warn(trouble);
      });
    let heard: Publication["type"] | undefined; // trouble is told once, not each time
    let stored = false;
    try {
      for (;;) {
        const publication = await interrupt.race(publisher.put());
        if (publication.type === "stored") this.#stored(publisher, publication, { first: !stored, once });
        else if (once || publication.type === "overtaken") throw failure(publication);
        else if (heard !== publication.type)
          this.#warn(explain(failure(publication), this.#context.messages));
        if (once) return 0;
        heard = publication.type;
        stored ||= heard === "stored";
        await pause(heard === "stored" ? againFirst + randomInt(againSpread) : retryWait, interrupt);
      }
    } catch (error) {
      if (!(error instanceof Interrupted) || !stored) throw error;
      this.#told?.stopped();
      return 0;
    }
  }

  end(): void {
    this.#told?.end();
  }

  #stored(
    publisher: Publisher,
    { nodes, sequence, conflicts }: Extract<Publication, { type: "stored" }>,
    { first, once }: { readonly first: boolean; readonly once: boolean },
  ): void {
    const { screen, messages, json } = this.#context;
    const { target, publicKey: key, magnet, infoHash } = publisher;
    if (json) writeJson(screen, { event: "stored", target, nodes, seq: sequence, key, infoHash, magnet });
    if (conflicts > 0) this.#warn(conflictWarning(this.#context, conflicts));
    if (json || !first) return;
    this.#note(messages.text("publish.stored", { seq: sequence, nodes }));
    // The link is what was asked for: it is a result, also when the rest is to be quiet.
    if (screen.live && this.#told !== undefined) this.#note(magnet);
    else screen.out(`${magnet}\n`);
    this.#note(messages.text(once ? "publish.once" : "publish.again"));
  }

  #note(text: string): void {
    if (this.#told === undefined) remark(this.#context, text);
    else this.#told.note(text);
  }

  #warn(warning: { readonly code: string; readonly message: string }): void {
    if (this.#told === undefined) tellWarning(this.#context, warning);
    else this.#told.warn(warning);
  }
}

/** What ends `--once`, and is a warning to one that goes on trying. That somebody else went on ends both. */
function failure(publication: Exclude<Publication, { type: "stored" }>): CliError {
  switch (publication.type) {
    case "overtaken":
      return new CliError("not-stored", "publish.overtaken", { seq: publication.sequence });
    case "unreachable":
      return new CliError("dht-unreachable", "dht.unreachable");
    case "refused":
      return new CliError("not-stored", "publish.refused");
  }
}
