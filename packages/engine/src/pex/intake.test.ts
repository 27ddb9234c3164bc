import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { ms, seconds } from "@dure/base";
import fc from "fast-check";
import { Intake } from "./intake.ts";
import { pexIntake } from "./limits.ts";

test("two messages within a minute are read; what comes after them is not, and at the sixth the link ends", () => {
  const intake = new Intake(ms(0));
  const verdicts = Array.from({ length: 8 }, (_, index) => intake.message(seconds(index)));
  deepEqual(verdicts, ["read", "read", "ignore", "ignore", "ignore", "ignore", "ignore", "flood"]);
});

test("a message a minute is read for ever, also when the way takes up to five seconds more or less", () => {
  const intake = new Intake(ms(0));
  for (let minute = 1; minute < 600; minute += 1) {
    const late = minute % 2 === 0 ? 5000 : 0;
    equal(intake.message(ms(minute * 60_000 + late)), "read");
    equal(intake.peers(ms(minute * 60_000 + late), 5), 5);
  }
});

test("three messages a minute are borne for ever, four are not", () => {
  const survives = (perMinute: number) => {
    const intake = new Intake(ms(0));
    for (let at = 1; at < 100 * 60_000; at += 60_000 / perMinute)
      if (intake.message(ms(at)) === "flood") return false;
    return true;
  };
  equal(survives(3), true);
  equal(survives(4), false);
});

test("fifty peers a minute are taken and the fifty-first is not, however they are cut into messages", () => {
  const intake = new Intake(ms(0));
  intake.message(ms(0));
  equal(intake.peers(ms(0), 49), 49);
  intake.message(ms(1));
  equal(intake.peers(ms(1), 2), 1);
  equal(intake.peers(ms(2), 1), 0);
  intake.message(seconds(55));
  equal(intake.peers(seconds(55), 51), 50);
});

test("one link names two hundred peers at once in all, and five more for each minute that it lasts", () => {
  const intake = new Intake(ms(0));
  let taken = 0;
  for (let minute = 0; minute < 60; minute += 1) {
    intake.message(seconds(minute * 60));
    taken += intake.peers(seconds(minute * 60), 50);
  }
  equal(taken, 200 + 5 * 59);
});

test("whatever comes and when, no window holds more than its limits", () => {
  const story = fc.array(fc.record({ wait: fc.nat(40_000), peers: fc.nat(60) }), { maxLength: 200 });
  fc.assert(
    fc.property(story, (steps) => {
      const intake = new Intake(ms(0));
      const read: { at: number; peers: number }[] = [];
      let now = 0;
      for (const { wait, peers } of steps) {
        now += wait;
        if (intake.message(ms(now)) !== "read") continue;
        read.push({ at: now, peers: intake.peers(ms(now), peers) });
        // A window begins at a message, so any stretch of its length touches two at most.
        const recent = read.filter(({ at }) => at > now - pexIntake.window);
        ok(recent.length <= 2 * pexIntake.messagesMax);
        ok(recent.reduce((sum, one) => sum + one.peers, 0) <= 2 * pexIntake.peersMax);
      }
    }),
  );
});
