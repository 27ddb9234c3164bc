import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@dure/base";
import { isCrowded } from "./crowding.ts";
import { compareDistance, distanceShare } from "./distance.ts";
import { SizeEstimate } from "./size-estimate.ts";

test("one lookup estimates within about a quarter, eight within an eighth, and neither leans to a side", () => {
  const prng = new Prng(1);
  for (const size of [1000, 5000]) {
    const ids = Array.from({ length: size }, () => prng.bytes(20));
    const spreadOf = (lookups: number, rounds: number) => {
      const errors: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const estimate = new SizeEstimate();
        for (let lookup = 0; lookup < lookups; lookup += 1) addLookup(estimate, ids, prng);
        errors.push((estimate.nodes ?? 0) / size - 1);
      }
      const mean = errors.reduce((sum, error) => sum + error, 0) / rounds;
      return { mean, deviation: Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / rounds) };
    };
    const one = spreadOf(1, 100);
    ok(one.deviation > 0.15 && one.deviation < 0.32, `one lookup errs by ${one.deviation}`);
    const eight = spreadOf(8, 40);
    ok(eight.deviation < 0.16, `eight err by ${eight.deviation}`);
    ok(Math.abs(eight.mean) < 0.08, `and lean by ${eight.mean}`);
  }
});

test("a network with fewer nodes than a lookup wants is as large as what it found, and ourselves", () => {
  const prng = new Prng(2);
  const estimate = new SizeEstimate();
  addLookup(
    estimate,
    Array.from({ length: 12 }, () => prng.bytes(20)),
    prng,
  );
  equal(estimate.nodes, 13);
  equal(estimate.shareOf(20), 1);
  // But never smaller than what the table holds: a lookup that went badly is no small network.
  const bad = new SizeEstimate(() => 150);
  equal(bad.nodes, undefined);
  bad.add(prng.bytes(20), [{ id: prng.bytes(20), group: 0 }], 20);
  equal(bad.nodes, 150);
});

test("who crowds a few targets moves nothing", () => {
  const prng = new Prng(3);
  const ids = Array.from({ length: 1000 }, () => prng.bytes(20));
  const estimate = new SizeEstimate();
  for (let lookup = 0; lookup < 9; lookup += 1) addLookup(estimate, ids, prng);
  const before = estimate.nodes ?? 0;
  const target = prng.bytes(20);
  const crowd = Array.from({ length: 20 }, (_, index) => ({ id: target.with(19, index), group: 0 }));
  for (let again = 0; again < 50; again += 1) estimate.add(target, crowd, 20);
  ok(Math.abs((estimate.nodes ?? 0) / before - 1) < 0.3);
  estimate.forget();
  equal(estimate.nodes, undefined);
  equal(estimate.shareOf(20), undefined);
});

test("of 1,000 honest places few look crowded, though the network be twice or half as large as thought", () => {
  const prng = new Prng(4);
  for (const nodes of [10, 20, 40]) {
    let alarms = 0;
    for (let round = 0; round < 1000; round += 1) {
      if (isCrowded(Array.from({ length: nodes * 5 }, () => prng.float() * 5))) alarms += 1;
    }
    ok(alarms < (nodes === 10 ? 90 : 20), `${alarms} false alarms with ${nodes} where 20 are expected`);
  }
});

test("eight strangers nearest the target are a crowd, also where the honest are hidden; so are sixty spread evenly", () => {
  const prng = new Prng(5);
  const crowd = Array.from({ length: 8 }, (_, index) => index / 1000);
  let noticed = 0;
  for (let round = 0; round < 200; round += 1) {
    const honest = Array.from({ length: 100 }, () => prng.float() * 5);
    if (isCrowded([...crowd, ...honest])) noticed += 1;
    ok(isCrowded([...crowd, ...honest.filter((share) => share > 0.5)]));
    ok(isCrowded([...honest, ...Array.from({ length: 60 }, () => prng.float())]));
  }
  ok(noticed > 190, `${noticed} of 200`);
});

function addLookup(estimate: SizeEstimate, ids: readonly Uint8Array[], prng: Prng): void {
  const target = prng.bytes(20);
  const far = (id: Uint8Array) => distanceShare(target, id);
  const near = ids.filter((id) => far(id) < 100 / ids.length).sort((a, b) => compareDistance(target, a, b));
  estimate.add(
    target,
    near.slice(0, 20).map((id) => ({ id, group: id[19]! & 63 })),
    20,
  );
}
