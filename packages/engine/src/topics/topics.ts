import { assert, type InfoHash, type Machine, type Ms, ms, type Prng, Queue } from "@dure/base";
import { jittered, topicLimits } from "./limits.ts";
import type { TopicFacts, TopicsInput, TopicsOutput } from "./messages.ts";

interface Topic {
  facts: TopicFacts;
  state: { readonly name: "waiting"; readonly due: Ms } | { readonly name: "asking" };
  /** Long ago when it never was. */
  askedAt: Ms;
  /** Asks in a row that left it hungry or reached too few. */
  tries: number;
}

/**
 * When each torrent is looked for and announced in the DHT: at once when it joins, then every quarter of an hour, sooner
 * while it lacks peers. A few at a time; those that lack peers go first.
 */
export class Topics implements Machine<TopicsInput, TopicsOutput> {
  readonly #prng: Prng;
  readonly #topics = new Map<InfoHash, Topic>(); // bounded by what the user adds
  readonly #outbox = new Queue<TopicsOutput>(); // bounded: one entry a topic and input
  #ready = false;
  #asking = 0;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  get size(): number {
    return this.#topics.size;
  }

  handle(now: Ms, input: TopicsInput): void {
    switch (input.type) {
      case "join":
        this.#join(now, input);
        break;
      case "leave":
        this.#leave(input.infoHash);
        break;
      case "ready":
        this.#begin(now);
        break;
      case "answered":
        this.#answered(now, input.infoHash, input.stored);
        break;
      case "wake":
        break;
    }
    this.#askMore(now);
  }

  poll(): TopicsOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    if (!this.#mayAsk) return undefined; // an answer comes first
    let at: Ms | undefined;
    for (const { state } of this.#topics.values())
      if (state.name === "waiting" && (at === undefined || state.due < at)) at = state.due;
    return at;
  }

  get #mayAsk(): boolean {
    return this.#ready && this.#asking < topicLimits.asksAtOnce;
  }

  #join(now: Ms, { infoHash, seed, hungry }: TopicFacts): void {
    const topic = this.#topics.get(infoHash);
    if (topic === undefined) {
      this.#topics.set(infoHash, {
        facts: { infoHash, seed, hungry },
        state: { name: "waiting", due: now },
        askedAt: ms(Number.NEGATIVE_INFINITY),
        tries: 0,
      });
      return;
    }
    const starves = hungry && !topic.facts.hungry;
    topic.facts = { infoHash, seed, hungry };
    if (starves && topic.state.name === "waiting") {
      const rested = topic.askedAt + Math.max(this.#hungryWait(topic), topicLimits.restMin);
      const sooner = Math.max(rested, now + topicLimits.hungryGrace);
      topic.state = { name: "waiting", due: ms(Math.min(topic.state.due, sooner)) };
    }
  }

  #leave(infoHash: InfoHash): void {
    const topic = this.#topics.get(infoHash);
    if (topic === undefined) return;
    this.#topics.delete(infoHash);
    if (topic.state.name !== "asking") return;
    this.#asking -= 1;
    this.#outbox.push({ type: "cancel", infoHash });
  }

  /** Whoever was asked without it, or over the network of before, has to be asked again. */
  #begin(now: Ms): void {
    this.#ready = true;
    for (const topic of this.#topics.values()) {
      if (topic.state.name !== "waiting") continue;
      const rested = Math.max(now, topic.askedAt + topicLimits.restMin);
      topic.state = { name: "waiting", due: ms(Math.min(topic.state.due, rested)) };
    }
  }

  #answered(now: Ms, infoHash: InfoHash, stored: number): void {
    const topic = this.#topics.get(infoHash);
    if (topic === undefined) return;
    assert(topic.state.name === "asking", "an answer follows an ask");
    this.#asking -= 1;
    const content = !topic.facts.hungry && stored >= topicLimits.storedEnough;
    const wait = content ? jittered(topicLimits.interval, this.#prng.float()) : this.#hungryWait(topic);
    topic.tries = content ? Math.max(0, topic.tries - 1) : topic.tries + 1; // step by step, as hunger may come and go
    topic.state = { name: "waiting", due: ms(now + wait) };
  }

  #hungryWait({ tries }: Topic): Ms {
    const { hungryWaitFirst, interval } = topicLimits;
    return jittered(Math.min(hungryWaitFirst * 2 ** tries, interval), this.#prng.float());
  }

  #askMore(now: Ms): void {
    while (this.#mayAsk) {
      const next = this.#next(now);
      if (next === undefined) return;
      const { infoHash, seed } = next.facts;
      next.state = { name: "asking" };
      next.askedAt = now;
      this.#asking += 1;
      this.#outbox.push({ type: "ask", infoHash, seed });
    }
  }

  /** Of those that are due: who lacks peers first, then who waits longest. */
  #next(now: Ms): Topic | undefined {
    let best: Topic | undefined;
    for (const topic of this.#topics.values()) {
      if (topic.state.name !== "waiting" || topic.state.due > now) continue;
      if (best === undefined || byNeed(topic, best) < 0) best = topic;
    }
    return best;
  }
}

/** Which of two waiting topics to ask first: negative when `a`. A total order. */
function byNeed(a: Topic, b: Topic): number {
  return (
    Number(b.facts.hungry) - Number(a.facts.hungry) ||
    dueOf(a) - dueOf(b) ||
    (a.facts.infoHash < b.facts.infoHash ? -1 : 1)
  );
}

function dueOf({ state }: Topic): number {
  return state.name === "waiting" ? state.due : Number.POSITIVE_INFINITY;
}
