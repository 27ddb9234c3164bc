import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Address, formatAddress, type Ms, ms, Prng } from "@dure/base";
import fc from "fast-check";
import { byMerit, byWorthlessness, type KnownPeer, type PeerSource, peerSources } from "./known-peer.ts";
import { peerLimits } from "./limits.ts";
import { PeerBook } from "./peer-book.ts";

const hosts = fc.integer({ min: 1, max: 6 });
const ports = fc.constantFrom(0, 80, 6881, 6882, 6883, 50_000);
const addresses = fc
  .record({ host: hosts, port: ports, local: fc.boolean() })
  .map(({ host, port, local }): Address => ({ ip: local ? `10.0.0.${host}` : `192.0.2.${host}`, port }));
const sources = fc.constantFrom(...peerSources);

type Step =
  | { do: "add"; address: Address; source: PeerSource; seed: boolean }
  | { do: "dial"; answer: "connects" | "timeout" | "wrong-torrent" | "unreachable" }
  | { do: "close"; useful: boolean }
  | { do: "ban"; address: Address }
  | { do: "own"; address: Address }
  | { do: "seeding"; seeding: boolean }
  | { do: "resume" }
  | { do: "wait"; ms: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("add" as const), address: addresses, source: sources, seed: fc.boolean() }),
  fc.record({
    do: fc.constant("dial" as const),
    answer: fc.constantFrom("connects", "timeout", "wrong-torrent", "unreachable"),
  }),
  fc.record({ do: fc.constant("close" as const), useful: fc.boolean() }),
  fc.record({ do: fc.constant("ban" as const), address: addresses }),
  fc.record({ do: fc.constant("own" as const), address: addresses }),
  fc.record({ do: fc.constant("seeding" as const), seeding: fc.boolean() }),
  fc.record({ do: fc.constant("resume" as const) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 200_000 }) }),
);

test("whatever happens, only addresses that may be dialled come up, when the deadline says so", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 120 }), fc.integer(), (story, seed) => {
      const knownMax = 8;
      const book = new PeerBook({ prng: new Prng(seed), knownMax });
      const own = new Set<string>();
      const banned = new Set<string>();
      const open: Address[] = [];
      const seeds = new Set<string>();
      let seeding = false;
      let now: Ms = ms(0);
      for (const step of story) {
        if (step.do === "add") {
          const outcome = book.add(now, step.address, step.source, { seed: step.seed });
          if (outcome === "added" || outcome === "known") {
            if (step.seed) seeds.add(formatAddress(step.address));
            else seeds.delete(formatAddress(step.address));
          }
        } else if (step.do === "dial") {
          const due = book.deadline(now);
          const address = book.next(now);
          equal(
            address !== undefined,
            due !== undefined && due <= now,
            "the deadline tells when next answers",
          );
          if (address === undefined) continue;
          const key = formatAddress(address);
          ok(!own.has(key) && !banned.has(key) && address.port > 0, key);
          ok(!open.some((other) => formatAddress(other) === key), `${key} is connected already`);
          ok(!(seeding && seeds.has(key)), `${key} is a seed and so are we`);
          book.connecting(now, address);
          ok(formatAddress(book.next(now) ?? { ip: "", port: 0 }) !== key);
          if (step.answer === "connects") {
            book.connected(now, address);
            open.push(address);
          } else book.failed(now, address, step.answer);
        } else if (step.do === "close") {
          const address = open.pop();
          if (address !== undefined) book.closed(now, address, { useful: step.useful });
        } else if (step.do === "ban") {
          book.ban(step.address, "bad-data");
          banned.add(formatAddress(step.address));
        } else if (step.do === "own") {
          book.addOwn(step.address);
          own.add(formatAddress(step.address));
        } else if (step.do === "seeding") {
          seeding = step.seeding;
          book.setSeeding(seeding);
        } else if (step.do === "resume") book.resume(now);
        else now = ms(now + step.ms);
        const stats = book.stats();
        ok(stats.known <= knownMax);
        equal(stats.known, stats.idle + stats.connecting + stats.connected + stats.givenUp);
      }
    }),
    { numRuns: 300 },
  );
});

const knownPeers: fc.Arbitrary<KnownPeer> = fc
  .record({
    key: fc.constantFrom("a", "b", "c", "d", "e"),
    sources: fc.uniqueArray(sources, { minLength: 1, maxLength: 3 }),
    state: fc.constantFrom("idle", "connecting", "connected", "given-up"),
    failures: fc.integer({ min: 0, max: 2 }),
    heardAt: fc.integer({ min: 0, max: 2 }),
    usefulAt: fc.constantFrom(undefined, 5),
    priority: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ key, sources: named, state, failures, heardAt, usefulAt, priority }) => ({
    key,
    address: { ip: "192.0.2.1", port: 6881 },
    subscriber: undefined,
    sources: new Set(named),
    state:
      state === "idle"
        ? { name: "idle", due: ms(0) }
        : state === "given-up"
          ? { name: "given-up", since: ms(0) }
          : { name: state },
    failures,
    seed: false,
    seedObserved: false,
    hints: {},
    heardAt: ms(heardAt),
    usefulAt: usefulAt === undefined ? undefined : ms(usefulAt),
    priority,
    lot: 0,
  }));

for (const [name, order] of Object.entries({ byMerit, byWorthlessness })) {
  test(`${name} is a total order that ends with the address`, () => {
    fc.assert(
      fc.property(knownPeers, knownPeers, knownPeers, (a, b, c) => {
        equal(Math.sign(order(a, b)), -Math.sign(order(b, a)) + 0);
        if (order(a, b) === 0) equal(a.key, b.key);
        if (order(a, b) <= 0 && order(b, c) <= 0) ok(order(a, c) <= 0);
      }),
      { numRuns: 3000 },
    );
  });
}

test("the table of limits is what DESIGN.md and CONTRACT.md promise", () => {
  equal(peerLimits.knownMax, 3000);
  equal(peerLimits.victimTries, 3);
});
