import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import { ms, Prng } from "@dure/base";
import { RoundTrips } from "./round-trips.ts";
import { Transactions, transactionBytes, transactionsMax } from "./transactions.ts";

const here = { ip: "20.0.0.1", port: 6881 };

test("an answer counts when its bits and its address are those of a query, and once", () => {
  const transactions = make();
  const { id } = transactions.open(ms(0), here, "a")!;
  ok(transactions.awaits(here));
  equal(transactions.close(ms(50), { ...here, port: 6882 }, transactionBytes(id)), undefined);
  equal(transactions.close(ms(50), { ...here, ip: "20.0.0.2" }, transactionBytes(id)), undefined);
  equal(transactions.close(ms(50), here, transactionBytes(id ^ 1)), undefined);
  equal(transactions.close(ms(50), here, transactionBytes(id).subarray(0, 2)), undefined);
  equal(transactions.close(ms(50), here, transactionBytes(id))?.purpose, "a");
  equal(transactions.close(ms(50), here, transactionBytes(id)), undefined);
  ok(!transactions.awaits(here));
});

test("ids are not a count, and not those of another key", () => {
  const ids = (key: number) => {
    const transactions = make(key);
    return Array.from({ length: 100 }, () => transactions.open(ms(0), here, "a")!.id);
  };
  equal(new Set([...ids(1), ...ids(2)]).size, 200);
  const gaps = new Set(ids(1).map((id, index, all) => id - (all[index - 1] ?? 0)));
  equal(gaps.size, 100);
});

test("a query is slow first and silent later; each is told once", () => {
  const transactions = make();
  const { id } = transactions.open(ms(0), here, "a")!;
  equal(transactions.deadline(), 1000);
  equal(transactions.overdue(ms(999)), undefined);
  deepEqual(kinds(transactions, 1000), ["slow a"]);
  equal(transactions.deadline(), 4000);
  deepEqual(kinds(transactions, 3999), []);
  deepEqual(kinds(transactions, 4000), ["silent a"]);
  equal(transactions.deadline(), undefined);
  equal(transactions.close(ms(4001), here, transactionBytes(id)), undefined);
});

test("a slow query may still be answered", () => {
  const transactions = make();
  const { id } = transactions.open(ms(0), here, "a")!;
  kinds(transactions, 1500);
  equal(transactions.close(ms(2500), here, transactionBytes(id))?.purpose, "a");
  deepEqual(kinds(transactions, 9000), []);
});

test("no more than 512 wait at once", () => {
  const transactions = make();
  for (let index = 0; index < transactionsMax; index += 1) ok(transactions.open(ms(0), here, "a"));
  equal(transactions.open(ms(0), here, "a"), undefined);
  equal(kinds(transactions, 4000).length, 2 * transactionsMax);
  ok(transactions.open(ms(4000), here, "a"));
});

test("the short wait follows what answers take, between a quarter of a second and two", () => {
  const roundTrips = new RoundTrips();
  equal(roundTrips.shortWait, 1000);
  for (let index = 0; index < 100; index += 1) roundTrips.add(40);
  equal(roundTrips.shortWait, 250);
  for (let index = 0; index < 100; index += 1) roundTrips.add(600);
  ok(roundTrips.shortWait > 600 && roundTrips.shortWait < 800);
  for (let index = 0; index < 100; index += 1) roundTrips.add(3000);
  equal(roundTrips.shortWait, 2000);
  equal(roundTrips.fullWait, 8000);
  roundTrips.forget();
  notEqual(roundTrips.shortWait, 2000);
});

function make(seed = 1): Transactions<string> {
  return new Transactions({ key: new Prng(seed).bytes(16), roundTrips: new RoundTrips() });
}

function kinds(transactions: Transactions<string>, now: number): string[] {
  const all: string[] = [];
  for (let one = transactions.overdue(ms(now)); one !== undefined; one = transactions.overdue(ms(now))) {
    all.push(`${one.type} ${one.transaction.purpose}`);
  }
  return all;
}
