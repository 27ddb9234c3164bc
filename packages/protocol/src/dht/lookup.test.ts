import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Address, Prng } from "@dure/base";
import fc from "fast-check";
import { isNodeIdValid } from "../krpc/index.ts";
import type { Candidate } from "./candidate.ts";
import { CompactNode } from "./compact-node.ts";
import { type Defences, defencesOff, defencesOn } from "./defences.ts";
import { compareDistance, keyBeside } from "./distance.ts";
import { Lookup, type LookupOptions, outstandingMax } from "./lookup.ts";
import { SizeEstimate } from "./size-estimate.ts";

const target = new Uint8Array(20);

test("α are asked at once, the closest first; one that is slow opens the place of another", () => {
  const lookup = lookupOf({ defences: defencesOff });
  const nodes = world(12);
  lookup.begin(nodes);
  const first = askAll(lookup);
  deepEqual(
    first.map(({ node }) => node),
    nodes.slice(0, outstandingMax),
  );
  equal(lookup.next(), "wait");
  lookup.slow(first[0]!);
  deepEqual(
    askAll(lookup).map(({ node }) => node),
    [nodes[4]],
  );
});

test("it is over when the eight closest that answer have answered, and no one is asked behind them", () => {
  const lookup = lookupOf({ defences: defencesOff });
  const nodes = world(40);
  lookup.begin(nodes);
  run(lookup, (node) => (nodes.indexOf(node) % 2 === 0 ? [] : undefined));
  const alive = lookup.alive().map(({ node }) => nodes.indexOf(node));
  deepEqual(alive.slice(0, 8), [0, 2, 4, 6, 8, 10, 12, 14]);
  ok(alive.length <= 8 + outstandingMax); // what was in flight
});

test("with the region's size known, all heard of within it are asked", () => {
  const size = sizeOf(200);
  const lookup = lookupOf({ size, defences: { ...defencesOn, diversity: false } });
  const nodes = world(200);
  lookup.begin(nodes);
  run(lookup, () => []);
  const reach = 20 / (size.nodes ?? 0);
  const inside = lookup.alive().filter(({ share }) => share <= reach).length;
  const expected = nodes.filter((node) => shareOf(node) <= reach).length;
  equal(inside, expected);
  ok(lookup.alive().length >= 20);
});

test("a node that was slow is asked once more when it matters, and both attempts may be answered", () => {
  const lookup = lookupOf({ defences: defencesOff });
  const nodes = world(3);
  lookup.begin(nodes);
  const [a, b, c] = askAll(lookup) as [Candidate, Candidate, Candidate];
  lookup.answered(b, none);
  lookup.answered(c, none);
  lookup.slow(a);
  const again = lookup.next();
  equal(again, a);
  lookup.asked(a);
  lookup.silent(a); // the first attempt
  equal(lookup.next(), "wait");
  lookup.answered(a, none); // the second
  equal(lookup.next(), "done");
  equal(lookup.queries, 4);
  equal(lookup.alive().length, 3);
});

test("of a /24 one is asked at a time, and none after one answered; a silent one makes room", () => {
  const lookup = lookupOf({});
  const prng = new Prng(1);
  const crowd = Array.from({ length: 10 }, (_, index) =>
    CompactNode.of(keyBeside(target, 60, prng.bytes(20)), { ip: `30.0.0.${index + 1}`, port: 1 }),
  );
  const honest = world(3);
  lookup.begin([...crowd, ...honest]);
  const asked = askAll(lookup);
  equal(asked.filter(({ node }) => crowd.includes(node)).length, 1);
  const stranger = asked.find(({ node }) => crowd.includes(node))!;
  lookup.slow(stranger);
  lookup.silent(stranger);
  const instead = askAll(lookup);
  equal(instead.filter(({ node }) => crowd.includes(node)).length, 1);
  run(lookup, () => [], { waiting: [...asked.filter((one) => one !== stranger), ...instead] });
  equal(lookup.alive().filter(({ node }) => crowd.includes(node)).length, 1);
});

test("local nodes are not limited by subnet unless they count, and only local nodes may name them", () => {
  const local = (index: number) =>
    CompactNode.of(new Prng(index).bytes(20), { ip: "127.0.0.1", port: index });
  for (const [countLocal, expected] of [
    [false, 4],
    [true, 1],
  ] as const) {
    const lookup = lookupOf({ countLocal });
    lookup.begin([1, 2, 3, 4].map(local));
    equal(askAll(lookup).length, expected);
  }
  const lookup = lookupOf({});
  const far = world(1)[0]!;
  lookup.begin([far, local(1)]);
  const asked = askAll(lookup);
  const stranger = asked.find(({ node }) => node === far)!;
  const neighbour = asked.find(({ node }) => node !== far)!;
  lookup.answered(stranger, compact([local(2), at("0.0.0.0"), at("239.1.1.1"), at("255.255.255.255")]));
  equal(askAll(lookup).length, 0);
  lookup.answered(neighbour, compact([local(3)]));
  equal(askAll(lookup).length, 1);
});

test("a node that names four which never answer, and none that does, is not listened to any more", () => {
  for (const distrust of [true, false]) {
    const lookup = lookupOf({ defences: { ...defencesOff, distrust } });
    const [liar] = world(1);
    lookup.begin([liar!]);
    const ghosts = Array.from({ length: 20 }, (_, index) => at(`40.${index}.0.1`, index + 1));
    run(lookup, (node) => (node === liar ? ghosts : undefined));
    if (distrust) ok(lookup.queries < 20, `${lookup.queries} queries`);
    else ok(lookup.queries >= 21, `${lookup.queries} queries`);
  }
});

test("a node named by two is asked although one of them lies", () => {
  const lookup = lookupOf({ defences: { ...defencesOff, distrust: true } });
  const [liar, honest] = world(2) as [CompactNode, CompactNode];
  const real = CompactNode.of(keyBeside(target, 30, new Prng(9).bytes(20)), { ip: "50.0.0.1", port: 1 });
  const ghosts = Array.from({ length: 19 }, (_, index) =>
    CompactNode.of(keyBeside(target, 40, new Prng(index).bytes(20)), { ip: `40.${index}.0.1`, port: 1 }),
  );
  lookup.begin([liar, honest]);
  run(
    lookup,
    (node) => {
      if (node === liar) return [...ghosts, real];
      return node === honest ? [real] : node === real ? [] : undefined;
    },
    { nodes: [liar, honest, real] },
  );
  ok(lookup.alive().some(({ node }) => String(node.compact) === String(real.compact)));
});

test("ids that fit no address end a lookup half as fast; enforced, they are not asked at all (BEP 42)", () => {
  const nodes = world(60);
  const count = (secureIds: Defences["secureIds"]) => {
    const isSecure = (node: CompactNode) => secureIds === "off" || isNodeIdValid(node.id, node.address.ip);
    const lookup = lookupOf({ defences: { ...defencesOff, secureIds }, isSecure });
    lookup.begin(nodes);
    run(lookup, () => []);
    return lookup.alive().length;
  };
  ok(nodes.every((node) => !isNodeIdValid(node.id, node.address.ip)));
  const [off, prefer, enforce] = [count("off"), count("prefer"), count("enforce")];
  ok(off >= 8 && off <= 8 + outstandingMax);
  ok(prefer >= 16 && prefer <= 16 + outstandingMax);
  equal(enforce, 0);
});

test("liars without end are asked 400 times and no more", () => {
  const lookup = lookupOf({ defences: { ...defencesOn, distrust: false } });
  const prng = new Prng(5);
  let made = 0;
  const invent = () => {
    made += 1;
    // Each closer than the one before.
    return CompactNode.of(keyBeside(target, Math.min(150, made >> 3), prng.bytes(20)), {
      ip: `${20 + (made & 63)}.${(made >> 6) & 255}.1.1`,
      port: 1,
    });
  };
  lookup.begin([invent()]);
  run(lookup, () => Array.from({ length: 20 }, invent));
  equal(lookup.queries, 400);
});

test("in any network, whatever the order of answers, the closest that answer are found", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 150 }),
      fc.constantFrom(0, 0.3),
      (seed, count, deadShare) => {
        const prng = new Prng(seed);
        const nodes = Array.from({ length: count }, (_, index) =>
          CompactNode.of(prng.bytes(20), { ip: `20.${index >> 8}.${index & 255}.1`, port: 1 }),
        ).sort((a, b) => compareDistance(target, a.compact, b.compact));
        const dead = new Set(nodes.filter(() => prng.chance(deadShare)));
        const knows = new Map(nodes.map((node) => [node, nearestTo(node, nodes).slice(0, 30)]));
        const lookup = lookupOf({ defences: { ...defencesOff, disjointPaths: true } });
        const start = prng.pick(nodes)!;
        lookup.begin([start]);
        dead.delete(start);
        run(lookup, (node) => (dead.has(node) ? undefined : knows.get(node)!.slice(0, 8)), { nodes, prng });
        for (const { node } of lookup.alive()) ok(!dead.has(original(node, nodes)));
        const ordered = lookup.alive().map(({ share }) => share);
        deepEqual(
          ordered,
          ordered.toSorted((a, b) => a - b),
        );
      },
    ),
    { numRuns: 100 },
  );
});

const none = new Uint8Array(0);

function lookupOf(options: Partial<LookupOptions>): Lookup {
  return new Lookup({
    target,
    ownId: new Uint8Array(20).fill(0xff),
    defences: defencesOn,
    countLocal: false,
    isSecure: () => true,
    size: new SizeEstimate(),
    ...options,
  });
}

// Nodes all over the space, closest to the target first, each in its own /24.
function world(count: number): CompactNode[] {
  const prng = new Prng(count);
  const nodes = Array.from({ length: count }, (_, index) =>
    CompactNode.of(prng.bytes(20), { ip: `${11 + (index % 60)}.${index >> 8}.${index & 255}.1`, port: 6881 }),
  );
  return nodes.sort((a, b) => compareDistance(target, a.compact, b.compact));
}

function at(ip: string, port = 1): CompactNode {
  const address: Address = { ip, port };
  return CompactNode.of(new Prng(port).bytes(20), address);
}

function compact(nodes: readonly CompactNode[]): Uint8Array {
  return Uint8Array.from(nodes.flatMap((node) => [...node.compact]));
}

function askAll(lookup: Lookup): Candidate[] {
  const asked: Candidate[] = [];
  for (let next = lookup.next(); typeof next !== "string"; next = lookup.next()) {
    lookup.asked(next);
    asked.push(next);
  }
  return asked;
}

// Until the end. Each is answered with the nodes that `answer` names, or, undefined, not at all.
function run(
  lookup: Lookup,
  answer: (node: CompactNode) => readonly CompactNode[] | undefined,
  setting: {
    readonly nodes?: readonly CompactNode[];
    readonly prng?: Prng;
    readonly waiting?: Candidate[];
  } = {},
): void {
  const { nodes = [], prng = new Prng(1), waiting = [] } = setting;
  for (let step = 0; step < 5000; step += 1) {
    const next = lookup.next();
    if (next === "done") return;
    if (next !== "wait") {
      lookup.asked(next);
      waiting.push(next);
      continue;
    }
    const [candidate] = waiting.splice(prng.below(waiting.length), 1);
    const named = answer(original(candidate!.node, nodes));
    if (named !== undefined) lookup.answered(candidate!, compact(named));
    else {
      lookup.slow(candidate!);
      lookup.silent(candidate!);
    }
  }
  throw new Error("the lookup does not end");
}

function original(node: CompactNode, nodes: readonly CompactNode[]): CompactNode {
  return nodes.find((one) => String(one.compact) === String(node.compact)) ?? node;
}

function nearestTo(node: CompactNode, nodes: readonly CompactNode[]): CompactNode[] {
  return nodes
    .filter((other) => other !== node)
    .sort((a, b) => compareDistance(target, a.compact, b.compact));
}

function shareOf(node: CompactNode): number {
  return node.compact[0]! / 256 + node.compact[1]! / 65_536 + node.compact[2]! / 16_777_216;
}

// An estimate from places that hold what chance would put there.
function sizeOf(nodes: number): SizeEstimate {
  const size = new SizeEstimate();
  const closest = Array.from({ length: 20 }, (_, index) => {
    const share = (index + 1) / nodes;
    const id = new Uint8Array(20);
    id[0] = share * 256;
    id[1] = (share * 65_536) & 255;
    return { id, group: index };
  });
  size.add(target, closest, 20);
  return size;
}
