import { randomInt } from "node:crypto";
import { hex, type InfoHash, idBytes, infoHash as infoHashOf } from "@dure/base";
import type {
  AddOptions,
  DhtHandle,
  DureNode,
  NodeDhtOptions,
  TorrentHandle,
  Versions,
} from "@dure/host-node";
import { formatMagnet, mutableTarget, parseTorrent, readTorrentValue } from "@dure/protocol";
import { type Context, writeJson } from "../context.ts";
import { tellWarning } from "../dht/asking.ts";
import { type MutableItem, newestOf } from "../dht/get.ts";
import type { Publisher } from "../dht/targets.ts";
import { CliError } from "../errors.ts";
import { explain } from "../explain.ts";
import { Interrupted } from "../interrupt.ts";
import { pause } from "../pause.ts";
import { ToldTransfer } from "../transfer/told-transfer.ts";

/** Nodes forget an item after two hours. Whoever wants it keeps it alive too, so that it outlasts its publisher's absence. */
const putAgainAfter = 50 * 60_000;
/** All followers of a publisher began when it was announced: they need not ask at the same moment for ever. */
const jitter = 0.1;

export interface FollowerParts {
  readonly context: Context;
  readonly node: DureNode;
  readonly dht: DhtHandle;
  readonly dhtOptions: NodeDhtOptions;
  readonly versions: Versions;
  readonly publisher: Publisher;
  readonly add: Omit<AddOptions, "source" | "replaces"> & { readonly dir: string };
  readonly everySeconds: number;
  readonly once: boolean;
}

/** A version under way or complete. */
interface Current {
  readonly sequence: number;
  readonly infoHash: InfoHash;
  readonly handle: TorrentHandle;
  readonly told: ToldTransfer;
  /** Complete, or failed. */
  readonly over: Promise<void>;
  complete: boolean;
  unsubscribe: () => void;
}

/**
 * Downloads what a publisher's item names (BEP 46), then each newer version into the same folder. Never an older one: the highest
 * sequence number is in the profile.
 */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #key: string;
  readonly #target: Uint8Array;
  #current: Current | undefined;
  #item: { readonly item: MutableItem; putAt: number } | undefined;
  /** What was warned of last, so that it is told once and not at each look. */
  #warned = "";

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    const { publicKey, salt } = parts.publisher;
    this.#key = hex(publicKey);
    this.#target = mutableTarget(publicKey, salt);
  }

  async run(): Promise<number> {
    const { context, once, everySeconds } = this.#parts;
    try {
      await this.#resume();
      for (;;) {
        await context.interrupt.race(this.#look());
        if (once && this.#current !== undefined) return await this.#finish(this.#current);
        const spread = Math.round(everySeconds * 1000 * jitter);
        const wait = everySeconds * 1000 + randomInt(-spread, spread + 1);
        await pause(wait, context.interrupt, this.#current?.over); // a version that cannot go on ends the command
      }
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      this.#current?.told.stopped();
      if (this.#current?.complete === true) return 0;
      throw error;
    } finally {
      this.#leave();
    }
  }

  /** Goes on with what was here last time, also when nobody answers. */
  async #resume(): Promise<void> {
    const { versions, publisher, add } = this.#parts;
    const last = versions.taken(publisher, add.dir);
    const infoHash = last === undefined ? undefined : infoHashOf(last.infoHash);
    if (last === undefined || infoHash === undefined) return;
    await this.#begin({ sequence: last.sequence, infoHash });
  }

  /** With `once`: this version, or a newer one, is to be complete. */
  async #finish(current: Current): Promise<number> {
    await this.#parts.context.interrupt.race(current.over);
    return 0;
  }

  async #look(): Promise<void> {
    const { dht, publisher, versions, once, everySeconds: every } = this.#parts;
    const { salt } = publisher;
    const known = this.#item?.item.sequence;
    const options = known === undefined ? { salt } : { salt, sequence: known };
    const { item, report } = await newestOf(dht, this.#target, options);
    const newest = versions.newest(publisher);
    if (item !== undefined) return await this.#heard(item, newest);
    if (report.responses === 0) return this.#fault(new CliError("dht-unreachable", "dht.unreachable"));
    if (this.#current === undefined) {
      const args = { key: this.#key, every };
      return this.#fault(new CliError("not-found", once ? "follow.nothing-once" : "follow.nothing", args));
    }
    this.#warned = "";
    await this.#keepAlive();
  }

  async #heard(item: MutableItem, newest: number | undefined): Promise<void> {
    const { sequence: seq } = item;
    const bytes = readTorrentValue(item.value);
    const infoHash = bytes === undefined ? undefined : infoHashOf(bytes);
    const key = this.#key;
    if (newest !== undefined && seq < newest)
      return this.#fault(new CliError("not-found", "follow.older", { seq, key, newest }));
    if (infoHash === undefined)
      return this.#fault(new CliError("not-found", "follow.no-torrent", { seq, key }));
    this.#warned = "";
    // It was put by who we have it from, less than two hours ago; when, nobody knows.
    this.#item = { item, putAt: performance.now() };
    const current = this.#current;
    if (current !== undefined && seq <= current.sequence) return; // what is here already, found for the first time in this run
    if (current?.infoHash === infoHash) return this.#number(current, seq);
    await this.#take(seq, infoHash);
  }

  /** The same torrent under a higher number. */
  #number(current: Current, sequence: number): void {
    this.#current = { ...current, sequence };
    this.#save(sequence, current.infoHash, current.handle.torrentBytes() ?? null);
  }

  async #take(sequence: number, infoHash: InfoHash): Promise<void> {
    const { versions, publisher, add } = this.#parts;
    const files = versions.taken(publisher, add.dir)?.torrent ?? null;
    this.#save(sequence, infoHash, files);
    await this.#leave()?.handle.stop();
    await this.#begin({ sequence, infoHash });
  }

  async #begin({ sequence, infoHash }: { sequence: number; infoHash: InfoHash }): Promise<void> {
    const { context, node, dhtOptions, versions, publisher, add } = this.#parts;
    this.#say(sequence, infoHash);
    const files = versions.taken(publisher, add.dir)?.torrent ?? undefined;
    const told = new ToldTransfer(context, { dht: dhtOptions }, node);
    try {
      const handle = await context.interrupt.race(
        node.add({
          ...add,
          source: sourceOf(infoHash, publisher),
          peers: [...(add.peers ?? []), ...publisher.peers],
          ...(files === undefined || infoHashIn(files) === infoHash ? {} : { replaces: files }),
        }),
      );
      const over = this.#until(handle, told);
      over.catch(() => {}); // heard by whoever waits for it
      this.#current = { sequence, infoHash, handle, told, over, complete: false, unsubscribe: () => {} };
      told.begin(handle);
      // From here on the files in the folder are those of this version.
      const save = () =>
        this.#save(this.#current?.sequence ?? sequence, infoHash, handle.torrentBytes() ?? null);
      if (handle.torrentBytes() !== undefined) save();
      else this.#current.unsubscribe = handle.on((event) => event.type === "metadata" && save());
    } catch (error) {
      told.end();
      throw error;
    }
  }

  async #until(handle: TorrentHandle, told: ToldTransfer): Promise<void> {
    const { context, once, everySeconds: every } = this.#parts;
    try {
      await handle.done;
    } catch (error) {
      if (this.#current?.handle === handle) throw error;
      return; // a newer version took its place
    }
    if (this.#current?.handle !== handle) return;
    this.#current.complete = true;
    told.complete();
    if (once) return;
    told.seeding();
    told.note(context.messages.text("follow.waiting", { every }));
  }

  /** The version that was under way: nothing is heard of it any more. */
  #leave(): Current | undefined {
    const left = this.#current;
    this.#current = undefined;
    left?.told.end();
    left?.unsubscribe();
    return left;
  }

  /** Puts the item again as it is: the signature is its publisher's (BEP 44). */
  async #keepAlive(): Promise<void> {
    const held = this.#item;
    if (held === undefined || performance.now() - held.putAt < putAgainAfter) return;
    held.putAt = performance.now();
    await this.#parts.dht.put(held.item).done;
  }

  #save(sequence: number, infoHash: InfoHash, torrent: Uint8Array | null): void {
    const { versions, publisher, add } = this.#parts;
    versions.take(publisher, add.dir, {
      sequence,
      infoHash: idBytes(infoHash),
      torrent,
    });
  }

  #say(seq: number, infoHash: InfoHash): void {
    const { context } = this.#parts;
    if (context.json) return writeJson(context.screen, { event: "version", seq, infoHash, key: this.#key });
    if (!context.quiet) context.screen.out(`${context.messages.text("follow.version", { seq, infoHash })}\n`);
  }

  /** Ends `--once`; a follower that stays tells it once and looks again. */
  #fault(error: CliError): void {
    const { context, once } = this.#parts;
    if (once) throw error;
    const { code, message } = explain(error, context.messages);
    if (this.#warned === message) return;
    this.#warned = message;
    if (this.#current === undefined) tellWarning(context, { code, message });
    else this.#current.told.warn({ code, message });
  }
}

function sourceOf(infoHash: InfoHash, { trackers }: Publisher): string {
  return formatMagnet({
    infoHash,
    infoHashV2: null,
    name: null,
    totalBytes: null,
    trackers,
    webSeeds: [],
    peers: [],
    peerHosts: [],
    select: null,
  });
}

function infoHashIn(torrent: Uint8Array): InfoHash | undefined {
  const parsed = parseTorrent(torrent);
  return parsed.ok ? parsed.value.info.infoHash : undefined;
}
