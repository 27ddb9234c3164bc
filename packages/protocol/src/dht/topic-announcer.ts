import { type InfoHash, type Machine, type Ms, ms, type Prng, Queue } from "@dure/base";
import type { AnnounceAs } from "./messages.ts";

/** Nodes forget a peer after about 30 minutes: half of that, give or take a tenth, keeps its name there. */
const announceWait = 15 * 60_000;
/** Between the beginnings of two announces, so that hundreds of torrents make no burst. */
const spacing = 250;
/** At once. At the top those that are due wait. */
const runningMax = 8;
/** Torrents. Past 3,600 the spacing makes the wait longer; at the top new ones are refused. */
export const announcedTopicsMax = 20_000;

export type TopicAnnouncerInput =
  /** Also for one that is there: from its next turn on it is announced as this. */
  | { readonly type: "add"; readonly infoHash: InfoHash; readonly announce: AnnounceAs }
  | { readonly type: "remove"; readonly infoHash: InfoHash }
  /** An announce is over, well or not. */
  | { readonly type: "ended"; readonly infoHash: InfoHash }
  | { readonly type: "wake" };

/** To be made a `get-peers` with an announce; answered with `ended`. */
export interface TopicAnnouncerOutput {
  readonly type: "announce";
  readonly infoHash: InfoHash;
  readonly announce: AnnounceAs;
}

interface Turn {
  readonly infoHash: InfoHash;
  readonly dueAt: number;
}

/** When each torrent is announced to the DHT, over and over: evenly spread, new ones first. */
export class TopicAnnouncer implements Machine<TopicAnnouncerInput, TopicAnnouncerOutput> {
  readonly #prng: Prng;
  readonly #topics = new Map<InfoHash, { announce: AnnounceAs; turn: Turn | undefined }>(); // announcedTopicsMax
  // A turn is void once its topic has another, or is gone. Void ones are passed over, and swept when they get many.
  readonly #fresh = new Queue<Turn>();
  readonly #later = new Queue<Turn>();
  readonly #running = new Set<InfoHash>(); // bounded by runningMax
  readonly #outbox = new Queue<TopicAnnouncerOutput>(); // drained after each input
  #nextAt = 0;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  get size(): number {
    return this.#topics.size;
  }

  handle(now: Ms, input: TopicAnnouncerInput): void {
    switch (input.type) {
      case "add":
        this.#add(now, input.infoHash, input.announce);
        break;
      case "remove":
        this.#topics.delete(input.infoHash);
        break;
      case "ended":
        this.#running.delete(input.infoHash);
        this.#later.push(this.#turn(input.infoHash, now + announceWait * (0.9 + 0.2 * this.#prng.float())));
        break;
      case "wake":
        break;
    }
    this.#start(now);
  }

  poll(): TopicAnnouncerOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    const next = this.#next();
    if (next === undefined || this.#running.size >= runningMax) return undefined;
    return ms(Math.max(next.peek()?.dueAt ?? 0, this.#nextAt));
  }

  #add(now: Ms, infoHash: InfoHash, announce: AnnounceAs): void {
    const topic = this.#topics.get(infoHash);
    if (topic !== undefined) topic.announce = announce;
    else if (this.#topics.size < announcedTopicsMax) {
      this.#topics.set(infoHash, { announce, turn: undefined });
      if (this.#running.has(infoHash)) return;
      if (this.#fresh.size >= 2 * announcedTopicsMax) this.#fresh.filter((turn) => this.#isValid(turn));
      this.#fresh.push(this.#turn(infoHash, now));
    }
  }

  #turn(infoHash: InfoHash, dueAt: number): Turn {
    const turn = { infoHash, dueAt };
    const topic = this.#topics.get(infoHash);
    if (topic !== undefined) topic.turn = turn;
    return turn;
  }

  // At most one at each call: the next comes a spacing later.
  #start(now: Ms): void {
    const queue = this.#next();
    const turn = queue?.peek();
    if (queue === undefined || turn === undefined || this.#running.size >= runningMax) return;
    if (now < Math.max(turn.dueAt, this.#nextAt)) return;
    queue.shift();
    const topic = this.#topics.get(turn.infoHash);
    if (topic === undefined) return;
    this.#nextAt = now + spacing;
    this.#running.add(turn.infoHash);
    this.#outbox.push({ type: "announce", infoHash: turn.infoHash, announce: topic.announce });
  }

  // Later turns come nearly in the order in which they were given, as all wait about as long.
  #next(): Queue<Turn> | undefined {
    for (const queue of [this.#fresh, this.#later]) {
      for (let turn = queue.peek(); turn !== undefined; turn = queue.peek()) {
        if (this.#isValid(turn)) return queue;
        queue.shift();
      }
    }
    return undefined;
  }

  #isValid(turn: Turn): boolean {
    return this.#topics.get(turn.infoHash)?.turn === turn;
  }
}
