import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type InfoHash, infoHash, type Ms, minutes, ms, must, Prng, seconds } from "@dure/base";
import fc from "fast-check";
import { type TopicFacts, Topics, type TopicsInput, topicLimits } from "./index.ts";

const hashOf = (index: number): InfoHash =>
  must(infoHash(index.toString(16).padStart(40, "0")), "forty digits are a hash");

/** Topics on virtual time; asks are answered after `lookup`, when that is given. */
class Story {
  now: Ms = ms(0);
  readonly topics: Topics;
  readonly asked: { readonly at: number; readonly topic: number; readonly seed: boolean }[] = [];
  readonly cancelled: number[] = [];
  readonly running = new Map<InfoHash, Ms>();
  mostAtOnce = 0;
  stored = 8;
  readonly #lookup: Ms;

  constructor(options: { readonly seed?: number; readonly lookup?: Ms } = {}) {
    this.topics = new Topics(new Prng(options.seed ?? 1));
    this.#lookup = options.lookup ?? seconds(2);
  }

  tell(input: TopicsInput): this {
    this.topics.handle(this.now, input);
    for (let output = this.topics.poll(); output !== undefined; output = this.topics.poll()) {
      const topic = Number.parseInt(output.infoHash, 16);
      if (output.type === "cancel") {
        this.cancelled.push(topic);
        this.running.delete(output.infoHash);
        continue;
      }
      equal(this.running.has(output.infoHash), false, "a topic is asked for once at a time");
      this.running.set(output.infoHash, ms(this.now + this.#lookup));
      this.mostAtOnce = Math.max(this.mostAtOnce, this.running.size);
      this.asked.push({ at: this.now / 1000, topic, seed: output.seed });
    }
    return this;
  }

  join(topic: number, facts: Partial<TopicFacts> = {}): this {
    return this.tell({ type: "join", infoHash: hashOf(topic), seed: false, hungry: false, ...facts });
  }

  leave(topic: number): this {
    return this.tell({ type: "leave", infoHash: hashOf(topic) });
  }

  later(duration: Ms): this {
    const end = this.now + duration;
    for (;;) {
      const [answer] = [...this.running].sort((a, b) => a[1] - b[1]);
      const due = this.topics.deadline() ?? Number.POSITIVE_INFINITY;
      const next = Math.min(due, answer?.[1] ?? Number.POSITIVE_INFINITY);
      if (next > end) break;
      this.now = ms(Math.max(this.now, next));
      if (answer !== undefined && answer[1] === next) {
        this.running.delete(answer[0]);
        this.tell({ type: "answered", infoHash: answer[0], stored: this.stored });
      } else this.tell({ type: "wake" });
    }
    this.now = ms(end);
    return this;
  }

  waits(topic: number): number[] {
    const times = this.asked.filter((ask) => ask.topic === topic).map(({ at }) => at);
    return times.slice(1).map((at, index) => at - (times[index] ?? 0));
  }
}

test("nothing is asked before the DHT is ready, and everything once it is", () => {
  const story = new Story().join(1).join(2, { seed: true }).later(minutes(5));
  deepEqual(story.asked, []);
  equal(story.topics.deadline(), undefined);
  story.tell({ type: "ready" });
  deepEqual(story.asked, [
    { at: 300, topic: 1, seed: false },
    { at: 300, topic: 2, seed: true },
  ]);
});

test("a torrent that joins later is asked for at once", () => {
  const story = new Story().tell({ type: "ready" }).later(minutes(1)).join(1);
  deepEqual(story.asked, [{ at: 60, topic: 1, seed: false }]);
});

test("a torrent that has what it needs is asked for every quarter of an hour, give or take", () => {
  const story = new Story().tell({ type: "ready" }).join(1).later(minutes(200));
  const waits = story.waits(1);
  ok(waits.length >= 11 && waits.length <= 14, `${waits.length} waits`);
  for (const wait of waits) ok(wait >= 812 - 2 && wait <= 992 + 2, `${wait} s`);
  ok(new Set(waits).size > 5, "not all the same");
});

test("a download without peers is asked for after 15 s, 30 s, one minute, two, four, eight, and then as all others", () => {
  const story = new Story({ lookup: ms(0) })
    .tell({ type: "ready" })
    .join(1, { hungry: true })
    .later(minutes(60));
  const waits = story.waits(1);
  for (const [index, expected] of [15, 30, 60, 120, 240, 480, 900, 900].entries()) {
    const wait = waits[index] ?? 0;
    ok(wait >= expected * 0.9 && wait <= expected * 1.1, `wait ${index} is ${wait}`);
  }
});

test("an announce that reached too few nodes is tried again as if peers were lacking", () => {
  const story = new Story({ lookup: ms(0) });
  story.stored = topicLimits.storedEnough - 1;
  story.tell({ type: "ready" }).join(1, { seed: true }).later(seconds(60));
  deepEqual(
    story.waits(1).map((wait) => Math.round(wait / 15)),
    [1, 2],
  );
  story.stored = topicLimits.storedEnough;
  story.later(minutes(5));
  const asked = story.asked.length;
  story.later(minutes(8));
  equal(story.asked.length, asked, "content");
});

test("a download that loses its peers is asked for soon, but not at once, and not again and again", () => {
  const story = new Story({ lookup: ms(0) }).tell({ type: "ready" }).join(1).later(minutes(5));
  story.join(1, { hungry: true });
  equal(story.asked.length, 1);
  story.later(seconds(10));
  equal(story.asked.length, 2);
  for (let round = 0; round < 100; round += 1) {
    story.join(1).later(seconds(1)).join(1, { hungry: true }).later(seconds(1));
  }
  ok(story.asked.length <= 6, `${story.asked.length} asks in 200 s of flapping`);
});

test("hundreds of torrents take turns, downloads without peers first, and each has its turn", () => {
  const story = new Story();
  for (let topic = 1; topic <= 300; topic += 1) story.join(topic, { seed: true, hungry: false });
  story.join(999, { hungry: true }).tell({ type: "ready" });
  equal(story.asked[0]?.topic, 999);
  story.later(minutes(60));
  equal(story.mostAtOnce, topicLimits.asksAtOnce);
  for (let topic = 1; topic <= 300; topic += 1) {
    const count = story.asked.filter((ask) => ask.topic === topic).length;
    ok(count >= 3 && count <= 5, `topic ${topic}: ${count} times in an hour`);
  }
});

test("a torrent that leaves is asked for no more, and its ask is called back", () => {
  const story = new Story().tell({ type: "ready" }).join(1).join(2).later(seconds(1));
  story.leave(1).leave(7);
  deepEqual(story.cancelled, [1]);
  story.later(minutes(60));
  equal(story.asked.filter(({ topic }) => topic === 1).length, 1);
  story.tell({ type: "answered", infoHash: hashOf(1), stored: 3 }); // late: it means nothing
  story.join(1);
  equal(story.asked.at(-1)?.topic, 1);
});

test("a network that came anew is told everything again, each topic at most once a minute", () => {
  const story = new Story({ lookup: ms(0) }).tell({ type: "ready" }).join(1).later(seconds(5));
  story.tell({ type: "ready" }).later(seconds(10));
  equal(story.asked.length, 1);
  story.later(minutes(1));
  deepEqual(
    story.asked.map(({ at }) => at),
    [0, 60],
  );
});

test("whatever happens: never two asks of one topic, never too many at once, none of whoever has left", () => {
  const act = fc.record({
    what: fc.constantFrom("join", "hungry", "seed", "leave", "ready", "later"),
    topic: fc.integer({ min: 1, max: 12 }),
    wait: fc.integer({ min: 0, max: 400_000 }),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), fc.integer(), (acts, seed) => {
      const story = new Story({ seed });
      const here = new Set<number>();
      for (const { what, topic, wait } of acts) {
        const asked = story.asked.length;
        if (what === "leave") {
          here.delete(topic);
          story.leave(topic);
        } else if (what === "ready") story.tell({ type: "ready" });
        else if (what === "later") story.later(ms(wait));
        else {
          here.add(topic);
          story.join(topic, { hungry: what === "hungry", seed: what === "seed" });
        }
        for (const ask of story.asked.slice(asked)) ok(here.has(ask.topic), "asked for whoever is here");
        ok(story.running.size <= topicLimits.asksAtOnce);
      }
    }),
  );
});
