import type { Socket } from "node:dgram";
import { replyTo } from "./dht-crowd.ts";
import { isAnswer, type QueryKind, type QueryTemplate, transactionOf } from "./dht-queries.ts";

const lostAfter = 1_000;
const sweepWait = 100;
const bucketMs = 0.01;
const bucketsCount = lostAfter / bucketMs;
// Of ten: what a node of the public network hears is mostly get_peers and find_node.
const mix: readonly QueryKind[] = [
  ...(["get_peers", "find_node", "get_peers", "find_node", "get_peers"] as const),
  ...(["find_node", "get_peers", "find_node", "get_peers", "ping"] as const),
];

export interface LoadResult {
  readonly seconds: number;
  readonly answers: number;
  /** Answers with our transaction that are none (BEP 5). */
  readonly wrong: number;
  /** Queries without an answer for a second. */
  readonly lost: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What this process used meanwhile. */
  readonly cpuSeconds: number;
}

export interface Source {
  readonly id: Buffer;
  readonly socket: Socket;
  readonly templates: Readonly<Record<QueryKind, QueryTemplate>>;
}

interface Slot {
  readonly index: number;
  readonly source: Source;
  kind: QueryKind;
  /** 16 bits; together with the index it is the transaction. */
  round: number;
  sentAt: number;
}

interface Tally {
  answers: number;
  wrong: number;
  lost: number;
  readonly latencies: Uint32Array;
}

/** Keeps the window full: each answer is followed by the next query from the same source. */
export class Window {
  readonly #slots: readonly Slot[];
  #running = false;
  #next = 0;
  #tally = emptyTally();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(size: number, sources: readonly Source[]) {
    this.#slots = Array.from({ length: size }, (_, index) => {
      const source = sources[index % sources.length];
      if (source === undefined) throw new Error("there are sources");
      return { index, source, kind: "ping", round: 0, sentAt: 0 };
    });
    for (const source of sources) source.socket.on("message", (datagram) => this.#hear(source, datagram));
  }

  start(): void {
    this.#running = true;
    for (const slot of this.#slots) this.#ask(slot);
    this.#sweeper = setInterval(() => this.#sweep(), sweepWait);
  }

  clear(): void {
    this.#tally = emptyTally();
  }

  stop(): Omit<LoadResult, "seconds" | "cpuSeconds"> {
    this.#running = false;
    clearInterval(this.#sweeper);
    const { answers, wrong, lost, latencies } = this.#tally;
    return {
      answers,
      wrong,
      lost,
      p50Ms: quantile(latencies, answers, 0.5),
      p99Ms: quantile(latencies, answers, 0.99),
    };
  }

  #ask(slot: Slot): void {
    const kind = mix[this.#next % mix.length] ?? "ping";
    this.#next += 1;
    slot.kind = kind;
    slot.round = (slot.round + 1) & 0xffff;
    slot.sentAt = performance.now();
    const transaction = slot.round * 0x1_0000 + slot.index;
    slot.source.socket.send(slot.source.templates[kind].with(transaction));
  }

  #hear({ id, socket }: Source, datagram: Buffer): void {
    const transaction = transactionOf(datagram);
    const slot = this.#slots[transaction & 0xffff];
    if (slot === undefined || transaction >>> 16 !== slot.round || !this.#running) {
      // The server makes sure of us, as it would of any node.
      const reply = replyTo(datagram, id, []);
      if (reply !== undefined) socket.send(reply);
      return;
    }
    if (isAnswer(slot.kind, datagram)) {
      this.#tally.answers += 1;
      const bucket = Math.min(bucketsCount - 1, (performance.now() - slot.sentAt) / bucketMs);
      const { latencies } = this.#tally;
      latencies[bucket | 0] = (latencies[bucket | 0] ?? 0) + 1;
    } else this.#tally.wrong += 1;
    this.#ask(slot);
  }

  #sweep(): void {
    const now = performance.now();
    for (const slot of this.#slots) {
      if (now - slot.sentAt < lostAfter) continue;
      this.#tally.lost += 1;
      this.#ask(slot);
    }
  }
}

function emptyTally(): Tally {
  return { answers: 0, wrong: 0, lost: 0, latencies: new Uint32Array(bucketsCount) };
}

function quantile(buckets: Uint32Array, count: number, share: number): number {
  let left = count * share;
  for (const [index, inBucket] of buckets.entries()) {
    left -= inBucket;
    if (left <= 0) return (index + 1) * bucketMs;
  }
  return lostAfter;
}
