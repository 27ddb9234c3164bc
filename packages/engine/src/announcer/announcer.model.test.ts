import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { infoHash, type Ms, minutes, ms, must, Prng, peerId, seconds } from "@dure/base";
import fc from "fast-check";
import { Announcer } from "./announcer.ts";
import type { AnnounceFailure, AnnouncerInput, AnnouncerOutput } from "./messages.ts";

/*
 * Random trackers, hosts and people against the announcer. After each step:
 *
 * - a regular announce keeps its tracker's min interval, or was forced and is a minute after the last one;
 * - BEP 31's wishes are kept, "never" for ever;
 * - `stopped` and `completed` go only where `started` was heard, and each is heard once;
 * - an endpoint has one announce under way, a private torrent one tracker;
 * - the deadline lies ahead, and there is one unless an answer is awaited or nobody is left to ask.
 */

type Announce = Extract<AnnouncerOutput, { type: "announce" }>;
type Command =
  | { readonly do: "start" | "stop" | "completed" | "need-peers" | "reannounce" | "scrape" | "jump" }
  | { readonly do: "wait"; readonly time: number }
  | { readonly do: "add"; readonly tracker: number; readonly tier: number }
  | {
      readonly do: "reply";
      readonly pick: number;
      readonly interval: number;
      readonly least: number | undefined;
    }
  | { readonly do: "refuse"; readonly pick: number; readonly retryIn: Ms | "never" | undefined }
  | { readonly do: "fail"; readonly pick: number; readonly reason: AnnounceFailure }
  | { readonly do: "late"; readonly pick: number };

/** What the outside knows of one endpoint. */
interface Seen {
  pending: Announce | undefined;
  started: boolean;
  completed: boolean;
  announcedAt: Ms;
  /** No regular announce before this, unless forced. */
  quietUntil: Ms;
  /** No announce at all before this. */
  lockedUntil: Ms;
  forced: boolean;
}

class Model {
  now: Ms = ms(0);
  readonly #private: boolean;
  readonly #announcer: Announcer;
  readonly #seen = new Map<string, Seen>();
  readonly #answered: number[] = [];
  #running = false;
  #peersOf: string | undefined;

  constructor(
    tiers: readonly (readonly string[])[],
    options: { private: boolean; seed: number; stagger: number },
  ) {
    this.#private = options.private;
    this.#announcer = new Announcer({
      tiers,
      infoHash: must(infoHash("aa".repeat(20)), "a hash"),
      peerId: must(peerId("bb".repeat(20)), "an id"),
      port: 6881,
      key: 7,
      prng: new Prng(options.seed),
      private: options.private,
      totals: { uploaded: 0, downloaded: 0, left: 1 },
      startStagger: ms(options.stagger),
    });
  }

  run(command: Command): void {
    switch (command.do) {
      case "start":
        this.#running = true;
        for (const seen of this.#seen.values())
          if (seen.pending?.event === "stopped") seen.pending = undefined;
        return this.#input({ type: "start" });
      case "stop":
        this.#running = false;
        return this.#input({ type: "stop" });
      case "reannounce":
        for (const seen of this.#seen.values()) seen.forced = true;
        return this.#input({ type: "reannounce" });
      case "completed":
      case "need-peers":
      case "scrape":
        return this.#input({ type: command.do });
      case "jump":
        return this.#pass(this.#announcer.deadline() ?? this.now);
      case "wait":
        return this.#pass(ms(this.now + command.time));
      case "add":
        return this.#input({ type: "add-tracker", url: url(command.tracker), tier: command.tier });
      default:
        return this.#answer(command);
    }
  }

  #pass(until: Ms): void {
    // A host wakes the machine at its deadlines on the way.
    for (let steps = 0; ; steps += 1) {
      ok(steps < 10_000, "time goes on");
      const deadline = this.#announcer.deadline();
      if (deadline === undefined || deadline > until) break;
      this.now = deadline;
      this.#input({ type: "wake" });
    }
    this.now = until;
    this.#input({ type: "wake" });
  }

  #answer(command: Extract<Command, { pick: number }>): void {
    if (command.do === "late") {
      const request = this.#answered[command.pick % Math.max(1, this.#answered.length)];
      if (request !== undefined) this.#input({ type: "failed", request, reason: "no-answer" });
      return;
    }
    const waiting = [...this.#seen.values()].filter((seen) => seen.pending !== undefined);
    const seen = waiting[command.pick % Math.max(1, waiting.length)];
    if (seen?.pending === undefined) return;
    const { request, event } = seen.pending;
    seen.pending = undefined;
    this.#answered.push(request);
    // A failure is tried again after 15 s at least, whatever the tracker said before.
    if (command.do !== "reply") seen.quietUntil = ms(this.now + seconds(15));
    if (command.do === "fail") return this.#input({ type: "failed", request, reason: command.reason });
    if (command.do === "refuse") {
      const { retryIn } = command;
      const lock =
        retryIn === "never"
          ? ms(Number.POSITIVE_INFINITY)
          : ms(this.now + Math.min(retryIn ?? 0, minutes(1440)));
      seen.lockedUntil = lock;
      return this.#input({ type: "reply", request, reply: { type: "refused", failure: "no", retryIn } });
    }
    if (event === "started") seen.started = true;
    if (event === "completed") {
      ok(!seen.completed, "completed is heard once");
      seen.completed = true;
    }
    const { interval, least } = command;
    seen.quietUntil = ms(this.now + Math.max(seconds(30), Math.min(least ?? 0, minutes(1440))));
    const reply = { interval: ms(interval), seeders: 0, leechers: 0, peers: [{ ip: "192.0.2.1", port: 1 }] };
    const minInterval = least === undefined ? undefined : ms(least);
    this.#input({ type: "reply", request, reply: { type: "announced", reply: { ...reply, minInterval } } });
  }

  #input(input: AnnouncerInput): void {
    this.#announcer.handle(this.now, input);
    for (let output = this.#announcer.poll(); output !== undefined; output = this.#announcer.poll()) {
      if (output.type === "announce") this.#announced(output);
      if (output.type === "switch") {
        equal(output.from, this.#peersOf, "a switch leaves the tracker whose peers we have");
        this.#peersOf = output.to;
      }
      if (output.type !== "peers") continue;
      ok(this.#running, "a stopped torrent wants no peers");
      this.#peersOf ??= output.url;
      if (this.#private) equal(output.url, this.#peersOf, "private peers come from one tracker");
    }
    this.#checkDeadline();
  }

  #announced(output: Announce): void {
    const key = `${output.url} ${output.family}`;
    const seen = this.#seen.get(key) ?? newSeen();
    this.#seen.set(key, seen);
    ok(this.now >= seen.lockedUntil, `${key} asked not to be asked yet`);
    if (output.event === "stopped" || output.event === "completed" || output.event === "none") {
      ok(seen.started, `${output.event} goes where started was heard`);
    } else ok(!seen.started, "started is heard once");
    if (output.event === "none") {
      const kept = this.now >= seen.quietUntil;
      ok(kept || (seen.forced && this.now >= seen.announcedAt + minutes(1)), `${key} keeps its min interval`);
    }
    seen.forced = false;
    if (output.event === "stopped") seen.started = false;
    ok(output.event === "stopped" || this.#running, "a stopped torrent says only stopped");
    seen.announcedAt = this.now;
    seen.pending = output;
    if (this.#private && output.event !== "stopped") {
      // The host need not know: the announcer stops listening to the others by itself.
      for (const other of this.#seen.values()) {
        if (other.pending === undefined || other.pending.url === output.url) continue;
        other.pending = undefined;
        other.quietUntil = ms(this.now + seconds(15));
      }
    }
  }

  #checkDeadline(): void {
    const deadline = this.#announcer.deadline();
    ok(deadline === undefined || deadline > this.now, "the deadline lies ahead");
    if (!this.#running) return equal(deadline, undefined, "a stopped torrent plans nothing");
    if (deadline !== undefined) return;
    const endpoints = [...this.#seen.values()];
    const nobody = endpoints.every(
      ({ pending, lockedUntil }) => pending !== undefined || lockedUntil === Number.POSITIVE_INFINITY,
    );
    ok(nobody, "without a deadline, everyone is being asked or wants never to be");
  }
}

function newSeen(): Seen {
  const longAgo = ms(Number.NEGATIVE_INFINITY);
  const times = { announcedAt: longAgo, quietUntil: longAgo, lockedUntil: longAgo };
  return { pending: undefined, started: false, completed: false, forced: false, ...times };
}

function url(tracker: number): string {
  return tracker % 2 === 0 ? `http://t${tracker}.example/announce` : `udp://t${tracker}.example:1/announce`;
}

const pick = fc.nat(20);
const wait = fc.oneof(fc.nat(1000), fc.nat(60_000), fc.nat(7_200_000));
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Command>({ do: "start" }) },
  { weight: 1, arbitrary: fc.constant<Command>({ do: "stop" }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("completed" as const, "need-peers", "reannounce", "scrape") }),
  },
  { weight: 6, arbitrary: fc.constant<Command>({ do: "jump" }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), time: wait }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("add" as const), tracker: fc.nat(9), tier: fc.nat(4) }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("reply" as const),
      pick,
      interval: wait,
      least: fc.option(fc.oneof(wait, fc.constant(2 ** 40)), { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("refuse" as const),
      pick,
      retryIn: fc.option(fc.oneof(wait.map(ms), fc.constant("never" as const)), { nil: undefined }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("fail" as const),
      pick,
      reason: fc.constantFrom<AnnounceFailure[]>("no-address", "no-answer", "unreachable"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("late" as const), pick }) },
);

test("whatever trackers, hosts and people do, the announcer keeps its promises", () => {
  const scenario = fc.record({
    tiers: fc.array(fc.array(fc.nat(7).map(url), { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 3,
    }),
    private: fc.boolean(),
    seed: fc.nat(),
    stagger: fc.constantFrom(0, 0, 5000),
    commands: fc.array(command, { maxLength: 300, size: "max" }),
  });
  fc.assert(
    fc.property(scenario, ({ tiers, commands, ...options }) => {
      const model = new Model(tiers, options);
      model.run({ do: "start" });
      for (const each of commands) model.run(each);
    }),
    { numRuns: 1000 },
  );
});
