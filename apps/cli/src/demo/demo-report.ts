import { formatRate, formatSize } from "@dure/base";
import type { TorrentStatus } from "@dure/host-node";
import { type Context, writeJson } from "../context.ts";
import type { MessageKey } from "../messages/index.ts";
import { transferBar, transferLine } from "../report/lines.ts";
import { formatDuration } from "../terminal/duration.ts";
import { LiveLines } from "../terminal/live.ts";
import { displayWidth, padEnd, padStart } from "../terminal/width.ts";
import type { Gifts } from "./gifts.ts";
import type { SwarmPeer } from "./swarm.ts";

export interface DemoResult {
  readonly bytes: number;
  readonly filesCount: number;
  readonly seconds: number;
  readonly gifts: Gifts;
  /** Paths that differ from the original; none when all is well. */
  readonly wrong: readonly string[];
}

const roles: Readonly<Record<SwarmPeer["role"], MessageKey>> = {
  seed: "demo.seed",
  first: "demo.first",
  second: "demo.second",
};

/** Tells the demo: what there is, three lines that move, and who gave what. */
export class DemoReport {
  readonly every: number;
  readonly #context: Context;
  readonly #live: LiveLines | undefined;

  constructor(context: Context) {
    this.#context = context;
    const live = context.screen.live && !context.quiet && !context.json;
    this.#live = live ? new LiveLines(context.screen) : undefined;
    this.every = live ? 250 : 1000;
  }

  started(facts: {
    trackerUrl: string;
    filesCount: number;
    bytes: number;
    peers: readonly SwarmPeer[];
  }): void {
    if (this.#context.json) {
      for (const { role, node, handle } of facts.peers) {
        const { infoHash, name, bytesTotal: bytes } = handle.status();
        this.#json({ event: "start", peer: role, infoHash, name, bytes, port: node.port });
      }
      return;
    }
    const size = formatSize(facts.bytes);
    this.#say("demo.sample", { count: facts.filesCount, size });
    this.#say("demo.tracker", { url: facts.trackerUrl });
    for (const peer of facts.peers) {
      this.#say("demo.peer", { peer: this.#nameOf(peer), port: peer.node.port });
    }
    this.#say("demo.limit");
    this.#line("");
  }

  progress(peers: readonly SwarmPeer[]): void {
    const { screen, messages } = this.#context;
    const named = peers.map((peer) => this.#statusOf(peer));
    if (this.#context.json) {
      for (const [index, status] of named.entries()) {
        const { bytesDone, bytesTotal, downRate, upRate, peersCount } = status;
        const rates = { downRate: Math.round(downRate), upRate: Math.round(upRate) };
        const peer = peers[index]?.role;
        this.#json({ event: "progress", peer, bytesDone, bytesTotal, ...rates, peers: peersCount });
      }
    } else if (this.#live !== undefined) {
      const style = { ...screen, columns: screen.columns() };
      const widest = Math.max(...named.map((status) => displayWidth(status.name)));
      this.#live.draw(
        named.map((status) => transferBar({ ...status, name: padEnd(status.name, widest) }, style, messages)),
      );
    } else for (const status of named) this.#line(transferLine(status, messages));
  }

  finished(result: DemoResult): void {
    const { bytes, seconds, filesCount, gifts, wrong } = result;
    if (this.#context.json) {
      return this.#json({
        event: "done",
        bytes,
        files: filesCount,
        seconds,
        verified: wrong.length === 0,
        gifts,
      });
    }
    this.#live?.keep();
    this.#line("");
    const time = formatDuration(seconds * 1000, this.#context.messages);
    const rate = formatRate((2 * bytes) / Math.max(0.001, seconds));
    if (wrong.length === 0) this.#say("demo.verified", { count: filesCount, time, rate });
    this.#line("");
    for (const line of this.#table(gifts)) this.#line(line);
    this.#line("");
    const fromSeed = gifts.seedToFirst + gifts.seedToSecond;
    const between = gifts.firstToSecond + gifts.secondToFirst;
    this.#say("demo.lesson", {
      seed: formatSize(fromSeed),
      server: formatSize(2 * bytes),
      between: formatSize(between),
    });
  }

  // Who gave (rows) to whom (columns).
  #table(gifts: Gifts): readonly string[] {
    const { messages } = this.#context;
    const text = (key: MessageKey) => messages.text(key);
    const none = "-";
    const sum = (...parts: readonly number[]) => formatSize(parts.reduce((all, part) => all + part, 0));
    const rows = [
      [text("demo.gave"), text("demo.to-first"), text("demo.to-second"), text("demo.in-all")],
      [
        text("demo.seed"),
        formatSize(gifts.seedToFirst),
        formatSize(gifts.seedToSecond),
        sum(gifts.seedToFirst, gifts.seedToSecond),
      ],
      [text("demo.first"), none, formatSize(gifts.firstToSecond), sum(gifts.firstToSecond)],
      [text("demo.second"), formatSize(gifts.secondToFirst), none, sum(gifts.secondToFirst)],
    ];
    const widths = [0, 1, 2, 3].map((column) =>
      Math.max(...rows.map((row) => displayWidth(row[column] ?? ""))),
    );
    return rows.map((row) =>
      row.map((cell, column) => (column === 0 ? padEnd : padStart)(cell, widths[column] ?? 0)).join("   "),
    );
  }

  // A download that is complete keeps its bar, now full: here everyone watches it fill.
  #statusOf(peer: SwarmPeer): TorrentStatus {
    const status = { ...peer.handle.status(), name: this.#nameOf(peer) };
    const full = peer.role !== "seed" && status.state.name === "seeding";
    return full ? { ...status, state: { name: "downloading" }, eta: undefined } : status;
  }

  #nameOf(peer: SwarmPeer): string {
    return this.#context.messages.text(roles[peer.role]);
  }

  #say(key: MessageKey, args: Readonly<Record<string, string | number>> = {}): void {
    this.#line(this.#context.messages.text(key, args));
  }

  #line(line: string): void {
    if (!this.#context.quiet) this.#context.screen.out(`${line}\n`);
  }

  #json(object: object): void {
    writeJson(this.#context.screen, object);
  }
}
