import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Address, type Ms, minutes, ms, Prng, seconds } from "@dure/base";
import fc from "fast-check";
import { isNodeIdValid, nodeIdFor } from "../krpc/index.ts";
import { bucketMax } from "./bucket.ts";
import { CompactNode } from "./compact-node.ts";
import { compareDistance, keyBeside, sharedBits } from "./distance.ts";
import { RoutingTable, type RoutingTableOptions } from "./routing-table.ts";

const ownId = new Uint8Array(20);

test("the closest are those that brute force finds", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 0, max: 400 }),
      fc.integer({ min: 1, max: 20 }),
      (seed, count, wanted) => {
        const prng = new Prng(seed);
        const table = tableOf({ ownId: prng.bytes(20) });
        for (let index = 0; index < count; index += 1) {
          // Half of them near our own id, where the deep buckets are.
          const random = prng.bytes(20);
          const id = prng.chance(0.5) ? random : keyBeside(table.ownId, prng.below(40), random);
          table.answered(ms(0), CompactNode.of(id, addressOf(index)));
        }
        const live = table.snapshot();
        const target = prng.chance(0.5)
          ? prng.bytes(20)
          : keyBeside(table.ownId, prng.below(160), prng.bytes(20));
        const byHand = live
          .toSorted((a, b) => compareDistance(target, a.compact, b.compact))
          .slice(0, wanted);
        deepEqual(table.closest(target, wanted), byHand);
        deepEqual(table.closestCompact(target, wanted), concatenated(byHand));
      },
    ),
    { numRuns: 200 },
  );
});

test("whatever happens, the rules of the table hold", () => {
  const command = fc.record({
    kind: fc.constantFrom("answered", "failed", "restored", "queried", "evicted", "asked", "move"),
    node: fc.nat({ max: 300 }),
    wait: fc.nat({ max: 120_000 }),
  });
  fc.assert(
    fc.property(fc.nat(), fc.array(command, { maxLength: 600 }), (seed, commands) => {
      const prng = new Prng(seed);
      const table = tableOf({ ownId: prng.bytes(20), secureIds: "prefer" });
      const nodes = Array.from({ length: 301 }, (_, index) => strangeNode(prng, table.ownId, index));
      let now = ms(0);
      for (const { kind, node: index, wait } of commands) {
        now = ms(now + wait);
        const node = nodes[index]!;
        if (kind === "answered") table.answered(now, node);
        if (kind === "failed") table.failed(node);
        if (kind === "restored") table.restore(node);
        if (kind === "queried") table.queried(now, node.id, node.address);
        if (kind === "evicted") table.evict(node);
        if (kind === "asked") table.asked(now, node);
        if (kind === "move" && index < 3) table.moveTo(prng.bytes(20));
        checkRules(table, now);
      }
    }),
    { numRuns: 100 },
  );
});

test("newcomers never push out a node that answers, whatever their number", () => {
  const prng = new Prng(1);
  const table = tableOf({});
  const first = fill(table, 5, 8, prng);
  for (let index = 0; index < 1000; index += 1) {
    table.answered(seconds(1), CompactNode.of(keyBeside(ownId, 5, prng.bytes(20)), addressOf(100 + index)));
  }
  deepEqual(new Set(table.snapshot()), new Set(first));
});

test("a node silent twice gives its place to the one heard of last; with nobody waiting it stays until five times", () => {
  const prng = new Prng(2);
  const table = tableOf({});
  const live = fill(table, 5, 8, prng);
  const waiting = fill(table, 5, 2, prng, 50);
  table.failed(live[0]!);
  ok(holds(table, live[0]!));
  table.failed(live[0]!);
  ok(!holds(table, live[0]!));
  ok(holds(table, waiting[1]!) && !holds(table, waiting[0]!));

  // In a full bucket where nobody waited, the worst of the bad is replaced by whoever answers next.
  const full = fill(table, 7, 8, prng, 120);
  for (const [node, failures] of [
    [full[1]!, 2],
    [full[2]!, 4],
    [full[3]!, 3],
  ] as const) {
    for (let failure = 0; failure < failures; failure += 1) table.failed(node);
  }
  const [next] = fill(table, 7, 1, prng, 140);
  ok(holds(table, next!) && !holds(table, full[2]!) && holds(table, full[1]!) && holds(table, full[3]!));

  const lonely = fill(table, 6, 1, prng, 90)[0]!;
  for (let failure = 0; failure < 4; failure += 1) table.failed(lonely);
  equal(table.find(lonely.id)?.failures, 4);
  table.answered(seconds(5), lonely);
  equal(table.find(lonely.id)?.failures, 0);
  for (let failure = 0; failure < 5; failure += 1) table.failed(lonely);
  equal(table.find(lonely.id), undefined);
});

test("one node of a /24 in a bucket, one of an IP in the table; local addresses are exempt unless they count", () => {
  const prng = new Prng(3);
  const near = (shared: number, ip: string, port = 1) =>
    CompactNode.of(keyBeside(ownId, shared, prng.bytes(20)), { ip, port });
  for (const countLocal of [false, true]) {
    const table = tableOf({ countLocal });
    table.answered(ms(0), near(5, "8.8.8.1"));
    table.answered(ms(0), near(5, "8.8.8.2")); // the same /24, the same bucket
    table.answered(ms(0), near(6, "8.8.8.3")); // another bucket
    table.answered(ms(0), near(7, "8.8.8.1", 2)); // another port of the first
    equal(table.size, 2);
    table.answered(ms(0), near(5, "2001:db9::1"));
    table.answered(ms(0), near(5, "2001:db9::2"));
    equal(table.size, 3);
    table.answered(ms(0), near(5, "127.0.0.1", 1));
    table.answered(ms(0), near(5, "127.0.0.1", 2));
    table.answered(ms(0), near(5, "10.0.0.1"));
    table.answered(ms(0), near(5, "10.0.0.2"));
    equal(table.size, countLocal ? 5 : 7);
  }
});

test("ids that fit their address come before those that do not; enforced, they come alone (BEP 42)", () => {
  const prng = new Prng(4);
  const secure = (index: number) => {
    for (;;) {
      const node = CompactNode.of(nodeIdFor(addressOf(index).ip, prng.bytes(20)), addressOf(index));
      if (sharedBits(ownId, node.compact) === 4) return node;
      index += 1000;
    }
  };
  const prefer = tableOf({ secureIds: "prefer" });
  fill(prefer, 4, 8, prng);
  for (let index = 0; index < 8; index += 1) prefer.answered(ms(0), secure(index));
  ok(prefer.snapshot().every((node) => isNodeIdValid(node.id, node.address.ip)));
  equal(prefer.size, 8);
  const enforce = tableOf({ secureIds: "enforce" });
  fill(enforce, 4, 8, prng);
  equal(enforce.size, 0);
  const off = tableOf({ secureIds: "off" });
  const first = fill(off, 4, 8, prng);
  for (let index = 0; index < 8; index += 1) off.answered(ms(0), secure(index));
  deepEqual(new Set(off.snapshot()), new Set(first));
});

test("good for 15 minutes after an answer or, having answered, a query (BEP 5); then the longest silent is asked first", () => {
  const prng = new Prng(5);
  const table = tableOf({});
  const [a, b] = fill(table, 3, 2, prng) as [CompactNode, CompactNode];
  equal(table.counts(minutes(15)).goodNodes, 2);
  ok(table.queried(minutes(10), b.id, b.address));
  ok(!table.queried(minutes(10), b.id, { ...b.address, port: 9 })); // somebody else under its id
  equal(table.counts(minutes(16)).goodNodes, 1);
  equal(table.stalest(minutes(16)).contact?.node, a);
  equal(table.stalest(minutes(16)).nextAt, minutes(25));
  table.asked(minutes(16), a);
  equal(table.stalest(minutes(16)).contact, undefined);
  equal(table.stalest(ms(minutes(16) + 20_001)).contact?.node, a);
});

test("nodes of the last life are used, but told to nobody before they have answered", () => {
  const prng = new Prng(6);
  const table = tableOf({});
  const node = CompactNode.of(prng.bytes(20), addressOf(1));
  table.restore(node);
  deepEqual(table.closest(node.id, 8), [node]);
  equal(table.closestCompact(node.id, 8).length, 0);
  ok(!table.knows(node.address));
  table.answered(seconds(1), node);
  deepEqual(table.closestCompact(node.id, 8), node.compact);
  ok(table.knows(node.address));
});

test("a node that was silent once is not told to others until it answers again", () => {
  const table = tableOf({});
  const node = CompactNode.of(new Prng(7).bytes(20), addressOf(1));
  table.answered(ms(0), node);
  table.failed(node);
  equal(table.closestCompact(node.id, 8).length, 0);
  table.answered(ms(1), node);
  equal(table.closestCompact(node.id, 8).length, 26);
});

test("an id seen at a new address stays where it is while it answers there, and moves when it does not", () => {
  const prng = new Prng(8);
  const table = tableOf({});
  const id = prng.bytes(20);
  const [here, there] = [CompactNode.of(id, addressOf(1)), CompactNode.of(id, addressOf(2))];
  table.answered(ms(0), here);
  table.answered(ms(1), there);
  equal(table.find(id)?.node, here);
  table.failed(here);
  table.answered(ms(2), there);
  equal(table.find(id)?.node, there);
  // The same socket under another id: it started anew.
  const reborn = CompactNode.of(prng.bytes(20), addressOf(2));
  table.answered(ms(3), reborn);
  equal(table.find(id), undefined);
  equal(table.find(reborn.id)?.node, reborn);
});

function tableOf(options: Partial<RoutingTableOptions>): RoutingTable {
  return new RoutingTable({
    ownId,
    subnetLimits: true,
    countLocal: false,
    secureIds: "off",
    isSecure: (node) => isNodeIdValid(node.id, node.address.ip),
    ...options,
  });
}

function fill(table: RoutingTable, shared: number, count: number, prng: Prng, from = 0): CompactNode[] {
  return Array.from({ length: count }, (_, index) => {
    const node = CompactNode.of(keyBeside(table.ownId, shared, prng.bytes(20)), addressOf(from + index));
    table.answered(ms(index), node);
    return node;
  });
}

// Each in a /24 of its own.
function addressOf(index: number): Address {
  return { ip: `20.${(index >> 8) & 255}.${index & 255}.7`, port: 6881 };
}

// Few addresses, few ids, so that they collide.
function strangeNode(prng: Prng, own: Uint8Array, index: number): CompactNode {
  const id = keyBeside(own, prng.below(8), new Prng(prng.below(60)).bytes(20));
  const ip = prng.chance(0.2) ? "127.0.0.1" : `20.0.${prng.below(30)}.${prng.below(4)}`;
  const address = { ip, port: 6881 + prng.below(3) };
  return CompactNode.of(prng.chance(0.3) ? nodeIdFor("20.0.1.1", id) : index === 0 ? own : id, address);
}

function checkRules(table: RoutingTable, now: Ms): void {
  const live = table.snapshot();
  const { nodes, buckets } = table.counts(now);
  ok(nodes === buckets.reduce((sum, count) => sum + count, 0));
  ok(live.length <= nodes);
  for (const [shared, count] of buckets.entries()) ok(count <= bucketMax(shared));
  const global = live.filter((node) => node.reach === "global");
  equal(new Set(global.map((node) => node.address.ip)).size, global.length, "one node an IP");
  const places = global.map(
    (node) => `${sharedBits(table.ownId, node.compact)} ${node.address.ip.split(".", 3)}`,
  );
  equal(new Set(places).size, places.length, "one /24 a bucket");
  equal(new Set(live.map((node) => String(node.id))).size, live.length, "one node an id");
  ok(
    live.every((node) => sharedBits(table.ownId, node.compact) < 160),
    "not ourselves",
  );
}

function holds(table: RoutingTable, node: CompactNode): boolean {
  return table.find(node.id)?.node === node;
}

function concatenated(nodes: readonly CompactNode[]): Uint8Array {
  return Uint8Array.from(nodes.flatMap((node) => [...node.compact]));
}
