import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { minutes, ms, Prng, seconds, sipHash } from "@dure/base";
import { ConnectionIdIssuer } from "./connection-id-issuer.ts";

const issuer = new ConnectionIdIssuer(sipHash(new Prng(1).bytes(16)));

test("an id is accepted for at least two minutes and for less than three (BEP 15)", () => {
  for (const start of [0, 59_999, 60_000, 255 * 60_000 + 30_000, 1e10]) {
    const now = ms(start);
    const id = issuer.issue(now, "192.0.2.1");
    ok(issuer.accepts(now, "192.0.2.1", id));
    ok(issuer.accepts(ms(now + minutes(2)), "192.0.2.1", id));
    ok(!issuer.accepts(ms(now + minutes(3)), "192.0.2.1", id));
  }
});

test("an id is good for the address that asked for it only", () => {
  const id = issuer.issue(seconds(1), "192.0.2.1");
  ok(!issuer.accepts(seconds(1), "192.0.2.2", id));
  ok(!issuer.accepts(seconds(1), "2001:db8::1", id));
  const id6 = issuer.issue(seconds(1), "2001:db8::1");
  ok(issuer.accepts(seconds(1), "2001:db8::1", id6));
});

test("of a hundred thousand guessed ids none is accepted", () => {
  const prng = new Prng(2);
  let accepted = 0;
  for (let guess = 0; guess < 100_000; guess += 1) {
    const id = (BigInt(prng.uint32()) << 32n) | BigInt(prng.uint32());
    if (issuer.accepts(seconds(1), "192.0.2.1", id)) accepted += 1;
  }
  equal(accepted, 0);
});

test("another key gives other ids, and each fits 64 bits", () => {
  const other = new ConnectionIdIssuer(sipHash(new Prng(3).bytes(16)));
  const id = issuer.issue(minutes(200), "192.0.2.1");
  ok(id !== other.issue(minutes(200), "192.0.2.1"));
  ok(id >= 0n && id < 1n << 64n);
});
