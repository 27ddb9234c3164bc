import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import {
  type Address,
  formatAddress,
  hex,
  type InfoHash,
  infoHash,
  type Ms,
  minutes,
  ms,
  must,
  Prng,
  peerId,
} from "@dure/base";
import fc from "fast-check";
import { type SwarmAnnounce, SwarmBook } from "./swarm-book.ts";

const now = ms(0);
const hash = (index: number): InfoHash =>
  must(infoHash(hex(Uint8Array.from({ length: 20 }, () => index))), "20 bytes are a hash");
const book = (options: Partial<ConstructorParameters<typeof SwarmBook>[0]> = {}) =>
  new SwarmBook({ prng: new Prng(1), ...options });
const id = must(peerId("bb".repeat(20)), "an id");

function announce(index: number, more: Partial<SwarmAnnounce> = {}): SwarmAnnounce {
  const address = { ip: `10.0.${index >>> 8}.${index & 255}`, port: 6881 };
  return { infoHash: hash(1), peerId: id, address, left: 1, event: "started", numwant: undefined, ...more };
}

const ips = (peers: readonly Address[]) => peers.map(({ ip }) => ip).sort();

test("a peer hears of the others, never of itself", () => {
  const swarms = book();
  deepEqual(swarms.announce(now, announce(1)).peers, []);
  deepEqual(ips(swarms.announce(now, announce(2)).peers), ["10.0.0.1"]);
  const view = swarms.announce(now, announce(1, { left: 0, event: "completed" }));
  deepEqual(ips(view.peers), ["10.0.0.2"]);
  deepEqual([view.seeders, view.leechers, view.downloaded], [1, 1, 1]);
});

test("both families are given unless the wire carries one only", () => {
  const swarms = book();
  swarms.announce(now, announce(1));
  swarms.announce(now, announce(2, { address: { ip: "2001:db8::1", port: 1 } }));
  const both = swarms.announce(now, announce(3));
  deepEqual([ips(both.peers), ips(both.peers6)], [["10.0.0.1"], ["2001:db8::1"]]);
  const udp = swarms.announce(now, announce(3, { families: [4] }));
  deepEqual([ips(udp.peers), ips(udp.peers6)], [["10.0.0.1"], []]);
  const udp6 = swarms.announce(now, announce(3, { families: [6] }));
  deepEqual([ips(udp6.peers), ips(udp6.peers6)], [[], ["2001:db8::1"]]);
});

test("a seed is told of leechers first, and of seeds where leechers are few", () => {
  const swarms = book();
  for (let index = 1; index <= 10; index += 1) swarms.announce(now, announce(index, { left: index % 2 }));
  const told = (numwant: number) => swarms.announce(now, announce(11, { left: 0, numwant })).peers;
  deepEqual(ips(told(5)), ["10.0.0.1", "10.0.0.3", "10.0.0.5", "10.0.0.7", "10.0.0.9"]);
  equal(ips(told(7)).filter((ip) => /[13579]$/.test(ip)).length, 5);
  deepEqual([told(7).length, told(200).length, told(0).length], [7, 10, 0]);
});

test("whoever says stopped is forgotten and told nothing", () => {
  const swarms = book();
  swarms.announce(now, announce(1));
  swarms.announce(now, announce(2));
  deepEqual(swarms.announce(now, announce(1, { event: "stopped" })).peers, []);
  swarms.announce(now, announce(9, { event: "stopped" }));
  equal(swarms.peersCount, 1);
  deepEqual(swarms.scrape(now, [hash(1), hash(2)]), [
    { seeders: 0, leechers: 1, downloaded: 0 },
    { seeders: 0, leechers: 0, downloaded: 0 },
  ]);
});

test("a peer unseen for two and a half intervals is forgotten, and an empty swarm with it", () => {
  const swarms = book({ interval: minutes(10) });
  swarms.announce(now, announce(1));
  swarms.announce(minutes(20), announce(2));
  swarms.sweep(minutes(25));
  equal(swarms.peersCount, 2);
  swarms.sweep(ms(minutes(25) + 1));
  equal(swarms.peersCount, 1);
  equal(swarms.scrape(ms(minutes(45) + 1), [hash(1)])[0]?.leechers, 0);
  swarms.sweep(minutes(60));
  deepEqual([swarms.peersCount, swarms.swarmsCount], [0, 0]);
});

test("completed is counted once, and only of a peer that was seen downloading", () => {
  const swarms = book();
  swarms.announce(now, announce(1));
  for (let round = 0; round < 3; round += 1)
    swarms.announce(now, announce(1, { left: 0, event: "completed" }));
  swarms.announce(now, announce(2, { left: 0, event: "completed" }));
  equal(swarms.scrape(now, [hash(1)])[0]?.downloaded, 1);
});

test("at its ceilings the book still answers, and keeps whom it knows", () => {
  const swarms = book({ swarmsMax: 2, swarmPeersMax: 3, peersMax: 4 });
  for (let index = 1; index <= 3; index += 1) swarms.announce(now, announce(index));
  equal(swarms.announce(now, announce(4)).peers.length, 3); // the swarm is full
  equal(swarms.peersCount, 3);
  swarms.announce(now, announce(1, { left: 0 })); // one it knows is not refused
  equal(swarms.scrape(now, [hash(1)])[0]?.seeders, 1);
  swarms.announce(now, announce(5, { infoHash: hash(2) }));
  swarms.announce(now, announce(6, { infoHash: hash(2) })); // the book is full
  equal(swarms.peersCount, 4);
  swarms.announce(now, announce(1, { event: "stopped" }));
  swarms.announce(now, announce(6, { infoHash: hash(3) })); // a third swarm
  deepEqual([swarms.peersCount, swarms.swarmsCount], [3, 2]);
});

test("numwant is held at 200 and is 50 when nothing is said", () => {
  const swarms = book();
  for (let index = 1; index <= 300; index += 1) swarms.announce(now, announce(index));
  const given = (numwant: number | undefined) => swarms.announce(now, announce(1, { numwant })).peers.length;
  deepEqual([given(undefined), given(0), given(7), given(200), given(1e9)], [50, 0, 7, 200, 200]);
});

test("every peer of a swarm is given about equally often", () => {
  const swarms = book();
  const counts = new Map<string, number>();
  for (let index = 0; index < 40; index += 1) swarms.announce(now, announce(index, { left: index % 2 }));
  for (let round = 0; round < 4000; round += 1) {
    for (const { ip } of swarms.announce(now, announce(500, { numwant: 10 })).peers) {
      counts.set(ip, (counts.get(ip) ?? 0) + 1);
    }
  }
  equal(counts.size, 40);
  for (const [ip, count] of counts) ok(count > 800 && count < 1200, `${ip} was given ${count} times of 1000`);
});

test("whatever comes in, the counts agree with a plain list of peers", () => {
  const command = fc.record({
    swarm: fc.integer({ min: 1, max: 3 }),
    peer: fc.integer({ min: 0, max: 15 }),
    v6: fc.boolean(),
    left: fc.integer({ min: 0, max: 1 }),
    event: fc.constantFrom("none", "started", "completed", "stopped", "paused"),
    wait: fc.integer({ min: 0, max: 8 }),
  });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const swarms = book({ interval: minutes(10) });
      const plain = new Map<string, { seed: boolean; seenAt: Ms; swarm: number }>();
      let time = now;
      for (const { swarm, peer, v6, left, event, wait } of commands) {
        time = ms(time + minutes(wait));
        for (const [key, entry] of plain) if (entry.seenAt < time - minutes(25)) plain.delete(key);
        const address = { ip: v6 ? `2001:db8::${(peer + 1).toString(16)}` : `10.0.0.${peer}`, port: 1 };
        const key = `${swarm} ${formatAddress(address)}`;
        plain.delete(key);
        if (event !== "stopped") plain.set(key, { seed: left === 0, seenAt: time, swarm });
        const view = swarms.announce(time, announce(0, { infoHash: hash(swarm), address, left, event }));
        swarms.sweep(time);
        const inSwarm = [...plain].filter(([, entry]) => entry.swarm === swarm);
        const seeders = inSwarm.filter(([, entry]) => entry.seed).length;
        deepEqual([view.seeders, view.leechers], [seeders, inSwarm.length - seeders]);
        equal(swarms.peersCount, plain.size);
        if (event === "stopped") continue;
        const given = [...view.peers, ...view.peers6].map((each) => `${swarm} ${formatAddress(each)}`).sort();
        const wanted = inSwarm.filter(([other]) => other !== key);
        deepEqual(given, wanted.map(([other]) => other).sort());
      }
    }),
    { numRuns: 200 },
  );
});

test("a swarm that becomes denied is forgotten, and not told of before that", () => {
  const denied = new Set<InfoHash>();
  const swarms = book({ denied: (infoHash) => denied.has(infoHash) });
  swarms.announce(now, announce(1));
  swarms.announce(now, announce(2, { infoHash: hash(2) }));
  denied.add(hash(1));
  ok(swarms.denies(hash(1)) && !swarms.denies(hash(2)));
  deepEqual(
    swarms.scrape(now, [hash(1), hash(2)]).map(({ leechers }) => leechers),
    [0, 1],
  );
  swarms.sweep(now);
  deepEqual([swarms.swarmsCount, swarms.peersCount], [1, 1]);
});
