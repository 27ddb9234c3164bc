import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, type Ms, ms, Prng } from "@dure/base";
import { decodePex, pexFlagsOf } from "@dure/protocol";
import fc from "fast-check";
import { pexTiming, toldMax } from "./limits.ts";
import type { Connected, PexLink } from "./messages.ts";
import { Pex } from "./pex.ts";

type Step =
  | { do: "join"; speaks: boolean; known: boolean }
  | { do: "leave"; which: number }
  | { do: "wait"; ms: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("join" as const), speaks: fc.boolean(), known: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("leave" as const), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(90_000) }) },
);

interface Ear {
  readonly knows: Set<string>;
  readonly since: Ms;
  toldAt: Ms | undefined;
}

/** The other side of every link: what it has been told, and what must hold of it. */
class World {
  now: Ms = ms(0);
  readonly pex = new Pex(new Prng(5));
  readonly connected = new Map<PexLink, Connected>();
  readonly present: PexLink[] = [];
  readonly ears = new Map<PexLink, Ear>();
  #links = 0;

  take(step: Step): void {
    if (step.do === "join") this.join(step.speaks, step.known);
    else if (step.do === "leave") this.leave(step.which);
    else this.wait(step.ms);
  }

  join(speaks: boolean, known: boolean): void {
    this.#links += 1;
    const link = this.#links;
    // Seven addresses, so that some come back on another link, and some stand twice at a time.
    const address = { ip: `198.51.100.${known ? link % 7 : link % 200}`, port: 6881 };
    this.present.push(link);
    this.connected.set(link, { link, contact: { address, flags: pexFlagsOf(link & 0x1f) } });
    this.pex.handle(this.now, { type: "speaks", link, ip: address.ip, speaks });
    if (speaks) this.ears.set(link, { knows: new Set(), since: this.now, toldAt: undefined });
  }

  leave(which: number): void {
    const [link] = this.present.splice(which % Math.max(1, this.present.length), 1);
    if (link === undefined) return;
    this.connected.delete(link);
    this.ears.delete(link);
    this.pex.handle(this.now, { type: "left", link });
  }

  wait(duration: number): void {
    const until = this.now + duration;
    for (;;) {
      const due = this.pex.deadline();
      if (due === undefined || due > until) break;
      ok(due >= this.now, "no deadline lies in the past");
      this.now = due;
      this.pex.handle(this.now, { type: "wake", connected: [...this.connected.values()] });
      this.#hear();
    }
    this.now = ms(until);
  }

  #hear(): void {
    for (let output = this.pex.poll(); output !== undefined; output = this.pex.poll()) {
      if (output.type !== "send") throw new Error("nobody said anything");
      const ear = this.ears.get(output.link);
      if (ear === undefined) throw new Error("told who does not listen");
      ok(ear.toldAt === undefined || this.now - ear.toldAt >= 60_000, "one message a minute");
      ok(this.now - ear.since >= pexTiming.firstWait);
      ear.toldAt = this.now;
      const message = decodePex(output.payload);
      if (!message.ok) throw new Error(message.reason);
      const { added, dropped } = message.value;
      ok(added.length + dropped.length > 0 && added.length <= 50 && dropped.length <= 50);
      for (const address of dropped)
        ok(ear.knows.delete(formatAddress(address)), "only what was told is taken back");
      for (const { address } of added) {
        const key = formatAddress(address);
        ok(!ear.knows.has(key), "nothing is told twice");
        ok(this.#others(output.link).has(key), "only who is connected is told");
        ear.knows.add(key);
      }
      ok(ear.knows.size <= toldMax);
    }
  }

  #others(ear: PexLink): Set<string> {
    const keys = [...this.connected.values()].filter(({ link }) => link !== ear);
    return new Set(keys.map(({ contact }) => formatAddress(contact.address)));
  }

  /** In the end every ear knows exactly who is there, itself apart. */
  settle(): void {
    for (let minute = 0; minute < 30; minute += 1) this.wait(65_000);
    for (const [link, { knows }] of this.ears) {
      const own = formatAddress(this.connected.get(link)?.contact.address ?? { ip: "0.0.0.0", port: 0 });
      const all = [...this.connected.values()].map(({ contact }) => formatAddress(contact.address));
      const expected = new Set(all.filter((key) => key !== own));
      knows.delete(own); // another link from its own address may have been told
      equal([...knows].sort().join(), [...expected].sort().join());
    }
  }
}

test("whoever comes and goes and when: a message a minute, each thing once, and in the end everyone knows who is there", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 150 }), (story) => {
      const world = new World();
      for (const step of story) world.take(step);
      world.settle();
    }),
  );
});

test("a swarm of three hundred whose peers change all the time stays within its limits", () => {
  const world = new World();
  const prng = new Prng(3);
  for (let index = 0; index < 300; index += 1) world.join(index % 30 === 0, false);
  for (let minute = 0; minute < 60; minute += 1) {
    for (let index = 0; index < 80; index += 1) {
      world.leave(prng.below(300));
      world.join(false, false);
    }
    world.wait(60_000);
  }
  world.settle();
});
