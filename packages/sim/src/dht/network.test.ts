import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import { minutes, ms, Prng, seconds } from "@dure/base";
import { isNodeIdValid } from "@dure/protocol";
import { EventQueue } from "../time/index.ts";
import { Addresses } from "./addresses.ts";
import { DatagramNet } from "./datagram-net.ts";
import { Delays } from "./delays.ts";
import { DhtLab } from "./dht-lab.ts";
import { Nat, natLifetime } from "./nat.ts";
import { Landlord, recruitsOfOneSubnet } from "./near-ids.ts";
import { distanceTo, Neighbours } from "./neighbours.ts";

const somebody = { ip: "198.51.100.7", port: 6881 };
const otherPort = { ip: "198.51.100.7", port: 6882 };
const other = { ip: "203.0.113.9", port: 6881 };

function laboratory(seed: number): DhtLab {
  const lab = new DhtLab(seed, { replay: true });
  lab.grow(40);
  lab.runFor(seconds(20));
  return lab;
}

test("the same seed is the same world, another seed another", () => {
  const first = laboratory(1).hash;
  equal(laboratory(1).hash, first);
  notEqual(laboratory(2).hash, first);
});

test("a network of IPv6 nodes grows and finds itself too", () => {
  const lab = new DhtLab(1, { family: 6 });
  lab.grow(60);
  lab.runFor(seconds(60));
  const [outcome] = lab.askAll(
    [{ node: lab.pickNodes(1)[0]!, wish: { type: "find-node", target: new Uint8Array(20) } }],
    1,
  );
  const [nearest] = lab.open().closest(new Uint8Array(20), 1);
  const found = outcome!.report.closest.map(({ address }) => address.ip);
  ok(found.includes(nearest!.address.ip));
});

test("a pair has its distance, the same both ways, and distances are log-normal", () => {
  const delays = new Delays(new Prng(1), { median: 80, sigma: 0.8 });
  const drawn = Array.from({ length: 20_000 }, (_, index) => delays.draw(index, index + 7)).sort(
    (a, b) => a - b,
  );
  const quantile = (share: number) => drawn[Math.floor(share * drawn.length)]!;
  ok(Math.abs(quantile(0.5) - 88) < 4, `median ${quantile(0.5)}`); // 80, and a tenth more for jitter
  ok(quantile(0.95) > 280 && quantile(0.95) < 380, `p95 ${quantile(0.95)}`);
  ok(quantile(0.999) > 850, `p999 ${quantile(0.999)}`);
  for (let pair = 0; pair < 100; pair += 1) {
    const there = delays.draw(pair, 1000);
    const back = delays.draw(1000, pair);
    ok(Math.max(there, back) <= Math.min(there, back) * 1.2, "but for jitter");
  }
});

test("a NAT lets in whom its kind lets in, for a minute after something was sent", () => {
  const admitted = (kind: "full" | "restricted" | "port-restricted", at: number) => {
    const nat = new Nat(kind);
    ok(!nat.admits(ms(0), somebody), "nothing was sent yet");
    nat.sent(ms(0), somebody);
    return [somebody, otherPort, other].map((from) => nat.admits(ms(at), from));
  };
  deepEqual(admitted("full", natLifetime), [true, true, true]);
  deepEqual(admitted("restricted", natLifetime), [true, true, false]);
  deepEqual(admitted("port-restricted", natLifetime), [true, false, false]);
  for (const kind of ["full", "restricted", "port-restricted"] as const)
    deepEqual(admitted(kind, natLifetime + 1), [false, false, false]);
});

test("so many datagrams are lost as should be, and none arrives at a wrong port or at nobody", () => {
  const clock = new EventQueue();
  const options = {
    clock,
    prng: new Prng(1),
    delays: { median: 80, sigma: 0.8 },
    loss: 0.02,
    replay: undefined,
  };
  const net = new DatagramNet(options);
  const [from, to] = [net.place(other), net.place(somebody)];
  let heard = 0;
  to.listener = { hear: () => (heard += 1) };
  for (let count = 0; count < 10_000; count += 1) net.send(from, somebody, new Uint8Array(1));
  while (clock.step());
  ok(heard > 9740 && heard < 9860, `${heard} of 10,000`);
  net.send(from, otherPort, new Uint8Array(1));
  net.remove(to);
  net.send(from, somebody, new Uint8Array(1));
  const before = heard;
  while (clock.step());
  equal(heard, before);
});

test("addresses are distinct and spread over many networks", () => {
  const addresses = new Addresses(new Prng(1), 4);
  const ips = Array.from({ length: 5000 }, () => addresses.next().ip);
  equal(new Set(ips).size, 5000);
  ok(new Set(ips.map((ip) => ip.split(".").slice(0, 2).join("."))).size > 1500, "of /16");
  ok(new Set(ips.map((ip) => ip.split(".").slice(0, 3).join("."))).size > 4900, "of /24");
});

test("the neighbours found are those that a look at all would find", () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const prng = new Prng(seed);
    const all = Array.from({ length: 1 + prng.below(200) }, () => ({ id: prng.bytes(20) }));
    const key = prng.bytes(20);
    const near = all.toSorted((a, b) => distanceTo(key, a.id) - distanceTo(key, b.id)).slice(0, 8);
    deepEqual(new Neighbours(all).closest(key, 8), near, `seed ${seed}`);
  }
});

test("who owns 20 networks has a hundred valid ids as near to a target as the nearest two of ten thousand nodes", () => {
  const lab = new DhtLab(1);
  const target = lab.prng.bytes(20);
  const recruits = new Landlord(lab, 20).recruits(target, 100);
  equal(recruits.length, 100);
  equal(new Set(recruits.map(({ address }) => address.ip.split(".").slice(0, 3).join("."))).size, 100);
  ok(new Set(recruits.map(({ address }) => address.ip.split(".").slice(0, 2).join("."))).size === 20);
  for (const { id, address } of recruits) {
    ok(isNodeIdValid(id, address.ip));
    ok(distanceTo(target, id) < (2 * 2 ** 48) / 10_000);
  }
  const subnet = recruitsOfOneSubnet(lab, target, 100).map(({ address }) => address.ip.replace(/\.\d+$/, ""));
  equal(new Set(subnet).size, 1);
});

test("who leaves is gone, and who waits for him hears of it", () => {
  const lab = new DhtLab(1);
  lab.grow(20);
  const [node] = lab.pickNodes(1);
  let told: unknown = "nothing";
  node!.ask({ type: "find-node", target: lab.prng.bytes(20) }, (outcome) => {
    told = outcome;
  });
  lab.leave(node!);
  equal(told, undefined);
  equal(lab.nodes.length, 19);
  lab.runFor(minutes(1));
});
