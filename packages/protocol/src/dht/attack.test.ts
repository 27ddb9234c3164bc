import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type DhtKey, nodeIdFor } from "../krpc/index.ts";
import { type Defences, defencesOff } from "./defences.ts";
import { compareDistance } from "./distance.ts";
import { Colony, craftedId } from "./testing/colony.ts";
import { addressOf, Network } from "./testing/network.ts";

// Honest nodes store; then strangers of one owner move in, make themselves known, and hide what they can.

const honest = 150;

test("60 % of all nodes collude: what honest nodes stored before is found", () => {
  const { network, keys, owners } = stored(5);
  const colony = new Colony(network);
  for (let index = 0; index < honest * 1.5; index += 1) {
    const address = addressOf(50_000 + index);
    colony.add(nodeIdFor(address.ip, network.prng.bytes(20)), address);
  }
  settle(network, colony);
  equal(found(network, keys, owners), 1);
});

for (const count of [8, 20, 100]) {
  test(`${count} strangers nearest the target, all of one /24: it is found`, () => {
    const { network, keys, owners } = stored(2);
    const colony = new Colony(network);
    for (const [place, key] of keys.entries()) {
      for (let index = 0; index < count; index += 1) {
        const id = key.with(19, index).with(18, 255 - key[18]!);
        colony.add(id, { ip: `99.1.${place}.${index + 1}`, port: 6881 });
      }
    }
    settle(network, colony);
    equal(found(network, keys, owners), 1);
  });

  test(`${count} strangers of 20 different /16, at the ids nearest the target their addresses may have: it is found`, () => {
    const { network, keys, owners } = stored(2);
    const colony = new Colony(network);
    for (const [place, key] of keys.entries()) {
      for (let index = 0; index < count; index += 1) {
        const { id, ip } = bestPlace(network, key, `${21 + (index % 20) * 3}.${7 + place}`);
        colony.add(id, { ip, port: 6881 });
      }
    }
    settle(network, colony);
    ok(found(network, keys, owners) >= 0.95);
  });
}

test("without the defences, forty strangers hide it from many: the attack is a real one", () => {
  const { network, keys, owners } = stored(6, defencesOff);
  const colony = new Colony(network);
  for (const key of keys) {
    for (let index = 0; index < 40; index += 1) {
      const id = key.with(19, index).with(18, 255 - key[18]!);
      colony.add(id, addressOf(50_000 + colony.members.length));
    }
  }
  settle(network, colony);
  const share = found(network, keys, owners);
  ok(share < 0.9, `${share} were found`);
});

function stored(count: number, defences?: Defences) {
  const network = new Network({ seed: 21, ...(defences === undefined ? {} : { options: { defences } }) });
  network.grow(honest, 20);
  network.runFor(30_000);
  const keys = Array.from({ length: count }, () => network.prng.bytes(20));
  const owners = keys.map((infoHash, index) => {
    const owner = network.peers[index * 11]!;
    const announce = { port: 7000, seed: false };
    network.report(owner, { type: "get-peers", request: index, infoHash, announce });
    return owner.address.ip;
  });
  return { network, keys, owners };
}

function settle(network: Network, colony: Colony): void {
  const nodes = network.peers.map(({ address, dht }) => ({ address, id: dht.snapshot().ids[0]! }));
  for (let round = 0; round < 3; round += 1) {
    for (const member of colony.members) {
      const near = nodes.toSorted((a, b) => compareDistance(member.id, a.id, b.id)).slice(0, 20);
      colony.visit(
        member,
        near.map(({ address }) => address),
      );
    }
    network.runFor(20_000);
  }
}

// By nodes that were there before, and by some that came after.
function found(network: Network, keys: readonly DhtKey[], owners: readonly string[]): number {
  const late = [network.add(), network.add(), network.add()];
  network.runFor(15_000);
  let good = 0;
  let all = 0;
  for (const peer of [...network.peers.slice(100, 104), ...late]) {
    for (const [index, infoHash] of keys.entries()) {
      const request = 1000 + index;
      network.report(peer, { type: "get-peers", request, infoHash });
      all += 1;
      const addresses = peer.told.flatMap(({ output }) =>
        output.type === "peers" && output.request === request ? output.addresses : [],
      );
      if (addresses.some(({ ip }) => ip === owners[index])) good += 1;
    }
  }
  return good / all;
}

function bestPlace(
  network: Network,
  key: DhtKey,
  prefix: string,
): { readonly id: DhtKey; readonly ip: string } {
  const { prng } = network;
  const choices = Array.from({ length: 300 }, () => {
    const ip = `${prefix}.${prng.below(256)}.${prng.between(1, 254)}`;
    return { ip, id: craftedId(key, ip, prng, 1) };
  });
  return choices.reduce((best, one) => (compareDistance(key, one.id, best.id) < 0 ? one : best));
}
