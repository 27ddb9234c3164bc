import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { ms } from "@dure/base";
import { LoneSeed, type LoneSeedFacts } from "./lone-seed.ts";

const alone: LoneSeedFacts = { initialSeed: true, peersCount: 2, copies: 1.4, otherSeeds: 0 };

/** The seconds at which it was suggested. */
function suggested(facts: (second: number) => LoneSeedFacts): number[] {
  const lone = new LoneSeed();
  const seconds: number[] = [];
  for (let second = 0; second < 300; second += 1)
    if (lone.due(ms(second * 1000)) && lone.look(ms(second * 1000), facts(second))) seconds.push(second);
  return seconds;
}

test("who has been the only seed of several peers for half a minute is told so, once", () => {
  deepEqual(
    suggested(() => alone),
    [30],
  );
  deepEqual(
    suggested((second) => (second === 20 ? { ...alone, copies: 2 } : alone)),
    [60],
    "half a minute without a break",
  );
});

test("nothing is suggested to one that downloaded it, has one peer or none, knows another seed or a copy elsewhere", () => {
  const facts: readonly Partial<LoneSeedFacts>[] = [
    { initialSeed: false },
    { peersCount: 1 },
    { peersCount: 0 },
    { copies: 2 },
    { otherSeeds: 1 },
  ];
  for (const fact of facts) equal(suggested(() => ({ ...alone, ...fact })).length, 0, JSON.stringify(fact));
});
