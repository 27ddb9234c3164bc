import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { Resolver } from "./resolver.ts";
import { turn } from "./testing/net-world.ts";

test("a literal is its own answer, in its own family only, without a lookup", async () => {
  const resolver = new Resolver(() => Promise.reject(new Error("asked")));
  deepEqual(await resolver.resolve("127.0.0.1", 4), { ok: true, value: ["127.0.0.1"] });
  deepEqual(await resolver.resolve("[::1]", 6), { ok: true, value: ["::1"] });
  deepEqual(await resolver.resolve("::FFFF:1.2.3.4", 4), { ok: true, value: ["1.2.3.4"] });
  deepEqual(await resolver.resolve("1.2.3.4", 6), { ok: false, reason: "no-address" });
});

test("answers are canonical, of the family, each once, and not without end", async () => {
  const many = Array.from({ length: 500 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  const answers: Readonly<Record<string, readonly string[]>> = {
    mixed: ["1.2.3.4", "::1", "1.2.3.4", "junk", "5.6.7.8"],
    many,
    scoped: ["fe80::1%eth0"],
  };
  const resolver = new Resolver(async (host) => answers[host] ?? []);
  deepEqual(await resolver.resolve("mixed", 4), { ok: true, value: ["1.2.3.4", "5.6.7.8"] });
  deepEqual(await resolver.resolve("many", 4), { ok: true, value: many.slice(0, 32) });
  deepEqual(await resolver.resolve("scoped", 6), { ok: true, value: ["fe80::1"] });
  deepEqual(await resolver.resolve("nothing", 4), { ok: false, reason: "no-address" });
});

test("what cannot be a name is not looked up", async () => {
  const resolver = new Resolver(() => Promise.reject(new Error("asked")));
  const names = [
    "",
    ".",
    "a..b",
    "a b",
    "a/b",
    "a\0b",
    "ä.test",
    "x".repeat(64),
    `${"a.".repeat(130)}a`,
    "x.onion",
    "x.ONION.",
  ];
  for (const name of names)
    deepEqual(await resolver.resolve(name, 4), { ok: false, reason: "name-not-found" }, name);
});

test("eight lookups run at a time, and a waiting one starts when another ends", async () => {
  const open: (() => void)[] = [];
  let asked = 0;
  const resolver = new Resolver(async () => {
    asked += 1;
    await new Promise<void>((resolve) => open.push(resolve));
    return ["1.1.1.1"];
  });
  const all = Promise.all(Array.from({ length: 20 }, (_, index) => resolver.resolve(`n${index}`, 4)));
  equal(asked, 8);
  open.shift()?.();
  await turn(0);
  equal(asked, 9);
  while (asked < 20 || open.length > 0) {
    open.shift()?.();
    await turn(0);
  }
  equal((await all).filter((answer) => answer.ok).length, 20);
});

test("a lookup that hangs is answered in time, holds its place, and those who wait behind it time out too", async () => {
  let release = () => {};
  let asked = 0;
  const lookup = async () => {
    asked += 1;
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return ["1.1.1.1"];
  };
  const resolver = new Resolver(lookup, { parallelMax: 1, waitingMax: 1, wait: 40 });
  const first = resolver.resolve("one", 4);
  const second = resolver.resolve("two", 4);
  deepEqual(await resolver.resolve("three", 4), { ok: false, reason: "other" }, "the queue is full");
  deepEqual(await first, { ok: false, reason: "timeout" });
  deepEqual(await second, { ok: false, reason: "timeout" });
  equal(asked, 1);
  const third = resolver.resolve("three", 4);
  release();
  await turn(0);
  equal(asked, 2, "the expired one was skipped");
  release();
  deepEqual(await third, { ok: true, value: ["1.1.1.1"] });
});

test("the system's failures keep their meaning", async () => {
  const reasons = {
    ENOTFOUND: "name-not-found",
    EAI_AGAIN: "timeout",
    ENODATA: "no-address",
    EAI_FAIL: "other",
  };
  for (const [code, reason] of Object.entries(reasons)) {
    const resolver = new Resolver(() => Promise.reject(Object.assign(new Error("no"), { code })));
    deepEqual(await resolver.resolve("name", 4), { ok: false, reason });
  }
});
